"""A network of SEED's width that learnt nothing, exported, and the ways that torch has to run it.

Time does not depend on what a network has learnt.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hadua.models.errors import HaduaError
from hadua.models.export import export_bundle
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, Modality
from hadua.models.folded import fold
from hadua.models.manifest import Description, NormalisationPart
from hadua.models.network import HaduaNetwork
from hadua.models.runtime import Float32Array, load_runtime
from hadua.models.streaming import NetworkStream
from hadua.service.bench.comparison import Other
from hadua.service.bench.inference_floor import in_numpy
from hadua.service.bench.inference_peers import Feed
from hadua.service.bench.timing import Call

WIDTHS = {Modality.EEG: 310, Modality.EYE: 33}
_CLOSE = 1e-4


class Made:
    """A network and its bundle.

    Args:
        path: Folder of the bundle.
        context: Of the network.
    """

    def __init__(self, path: Path, *, context: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        n_eeg, n_eye = WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]
        self.context = context
        self._network = HaduaNetwork(n_eeg, n_eye, 3, context=context).eval()
        self._compiled = torch.compile(fold(self._network))  # when it is called first
        description = Description(
            name="made-up",
            version="1",
            classes=tuple("abc"),
            features={m: FeaturePart.of(_spec(m, width)) for m, width in WIDTHS.items()},
            normalisation={
                m: NormalisationPart(mean=(0.0,) * width, std=(1.0,) * width)
                for m, width in WIDTHS.items()
            },
            context=context,
            licence="none",
            provenance={"made": "up"},
        )
        self.bundle = export_bundle(
            self._network, path=path, description=description, card="Learnt nothing."
        )

    def floor(self, feed: Feed) -> Callable[[], Float32Array]:
        """In plain numpy; checked against eager before it is timed."""
        run, (eeg, eye, _) = in_numpy(fold(self._network)), feed
        if np.abs(run(eeg, eye) - self.eager(feed)()).max() > _CLOSE:
            raise HaduaError("the floor of inference in numpy answers something else than eager")
        return lambda: run(eeg, eye)

    def eager(self, feed: Feed) -> Callable[[], Float32Array]:
        """The network as it is trained."""
        return _called(self._network, feed)

    def script(self, feed: Feed) -> Call:
        """The bundle's TorchScript, through our runtime."""
        runtime = load_runtime(self.bundle, name="torchscript", device="cpu")
        return lambda: runtime.logits(*feed)

    def compiled(self, feed: Feed) -> Other:
        """By torch.compile, which needs a C++ compiler, and minutes."""
        name = f"torch.compile {torch.__version__}"
        if shutil.which("g++") is None and shutil.which("cl") is None:
            return Other(name, why="it needs a C++ compiler, and there is none")
        call = _called(self._compiled, feed)
        try:
            call()
        except RuntimeError as error:
            return Other(name, why=f"it does not compile here ({type(error).__name__})")
        return Other(name, call)

    def stream(self, feed: Feed) -> Call:
        """The next window of a stream whose past is remembered."""
        stream, (eeg, eye, present) = NetworkStream(self._network), feed
        return lambda: stream.push(eeg[0, -1], eye[0, -1], present[0, -1])


def _called(run: Callable[..., torch.Tensor], feed: Feed) -> Callable[[], Float32Array]:
    tensors = [torch.from_numpy(x) for x in feed]

    def call() -> Float32Array:
        with torch.inference_mode():
            logits: Float32Array = run(*tensors).numpy()
        return logits

    return call


def _spec(modality: Modality, width: int) -> FeatureSpec:
    names = tuple(f"{modality}{k}" for k in range(width))
    return FeatureSpec(modality, "made-up", 1, names, 0.5, 0.5)
