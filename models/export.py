"""From a trained network to a bundle, and from a bundle's weights back to a network.

The bundle holds the same function three times: safetensors to learn on from, ONNX and TorchScript
to serve. Nothing is written before all three have been run and agree.
"""

import io
import itertools
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from hadua.models.bundle import Bundle, write_bundle
from hadua.models.errors import BundleError
from hadua.models.features import Modality
from hadua.models.folded import Folded, fold
from hadua.models.manifest import CARD, EMBEDDINGS, ONNX, TORCHSCRIPT, WEIGHTS, Description
from hadua.models.network import HaduaNetwork
from hadua.models.onnx_graph import to_onnx
from hadua.models.source_statistics import SourceStatistics

TOLERANCE = 1e-5
PARITY_BATCHES = (1, 2, 7, 64)
_JIT_DEPRECATED = r"`torch\.jit\.\w+` is deprecated"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def export_bundle(
    network: HaduaNetwork,
    *,
    path: Path,
    description: Description,
    card: str,
    source_statistics: SourceStatistics | None = None,
    replace: bool = False,
) -> Bundle:
    """Write a network as a bundle; the same arguments give the same bytes.

    Args:
        network: Trained; it is not changed.
        path: Folder of the bundle.
        description: The manifest but for its files.
        card: The model card, Markdown.
        source_statistics: What adaptation can use in place of source windows, of this network.
        replace: Whether to write into a folder that is there already.

    Raises:
        BundleError: Network and description disagree, a weight is not finite, or an export does
            not equal the network; nothing is written then.
    """
    _require_agreement(network, description)
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    _require_finite(weights)
    eager = _copy(network, weights)
    folded = fold(eager)
    onnx_bytes, script_bytes = to_onnx(folded), _to_torchscript(folded)
    _require_parity(eager, onnx_bytes=onnx_bytes, script_bytes=script_bytes)
    contents = {
        WEIGHTS: save_safetensors(weights),
        ONNX: onnx_bytes,
        TORCHSCRIPT: script_bytes,
        CARD: card.encode("utf-8"),
    }
    if source_statistics is not None:
        contents[EMBEDDINGS] = source_statistics.to_bytes()
    return write_bundle(path, description=description, contents=contents, replace=replace)


def load_network(bundle: Bundle) -> HaduaNetwork:
    """The bundle's network as it was trained, in evaluation mode, to learn on from.

    Raises:
        BundleError: The weights are not those of the network that the manifest describes.
    """
    n_eeg, n_eye = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
    network = HaduaNetwork(n_eeg, n_eye, len(bundle.classes), context=bundle.context)
    try:
        network.load_state_dict(load_safetensors(bundle.read(WEIGHTS)))
    except (RuntimeError, SafetensorError) as error:
        raise BundleError(
            f"bundle {str(bundle.path)!r}: {WEIGHTS!r} does not fit the manifest",
            got=" ".join(str(error).split())[:300],
            expected=f"n_eeg={n_eeg}, n_eye={n_eye}, {len(bundle.classes)} classes, "
            f"context={bundle.context}",
            hint="Its ONNX and TorchScript still serve. To learn on, train it again.",
        ) from error
    return network.eval()


def _copy(network: HaduaNetwork, weights: dict[str, Tensor]) -> HaduaNetwork:
    copy = HaduaNetwork(network.n_eeg, network.n_eye, network.n_classes, context=network.context)
    copy.load_state_dict(weights)
    return copy.eval()


def _to_torchscript(folded: Folded) -> bytes:
    length = min(3, folded.eeg.context)
    example = _example(folded.eeg.n_features, folded.eye.n_features, 2, length)
    folded.requires_grad_(False)

    # A function, its weights constants: the class names that torch gives to a traced module count
    # up with every trace of the process, and the same network would give other bytes.
    def run(eeg: Tensor, eye: Tensor, present: Tensor) -> Tensor:
        logits: Tensor = folded(eeg, eye, present)
        return logits

    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # torch 2.13 calls TorchScript deprecated at every step; it is asked for, so it stays.
        warnings.filterwarnings("ignore", _JIT_DEPRECATED, DeprecationWarning)
        traced = torch.jit.trace(run, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer)
    return _without_debug_records(buffer.getvalue())


def _without_debug_records(archive: bytes) -> bytes:
    """The archive less what tells of the exporting program.

    Source paths and lines are in `.debug_pkl` records; torch's id of the archive hashes them too.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for item in sorted(old.infolist(), key=lambda i: i.filename):
            if not item.filename.endswith((".debug_pkl", ".data/serialization_id")):
                new.writestr(zipfile.ZipInfo(item.filename, _ZIP_EPOCH), old.read(item))
    return out.getvalue()


def _example(n_eeg: int, n_eye: int, n: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs for a check, about a third of the windows missing; the same ones every time."""
    rng = np.random.default_rng((n, length))
    eeg = rng.standard_normal((n, length, n_eeg), np.float32)
    eye = rng.standard_normal((n, length, n_eye), np.float32)
    present = rng.random((n, length, 2)) > 1 / 3
    return torch.from_numpy(eeg), torch.from_numpy(eye), torch.from_numpy(present)


def _require_agreement(network: HaduaNetwork, description: Description) -> None:
    got = (network.n_eeg, network.n_eye, network.n_classes, network.context)
    widths = description.width(Modality.EEG), description.width(Modality.EYE)
    expected = (*widths, len(description.classes), description.context)
    if got != expected:
        raise BundleError(
            "network and manifest disagree on (n_eeg, n_eye, n_classes, context)",
            got=f"a network of {got}",
            expected=f"{expected}",
        )


def _require_finite(weights: dict[str, Tensor]) -> None:
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise BundleError(
                f"network to export: weight {name!r} holds a value that is not finite",
                hint="The training that produced it has diverged.",
            )


def _require_parity(eager: HaduaNetwork, *, onnx_bytes: bytes, script_bytes: bytes) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _JIT_DEPRECATED, DeprecationWarning)
        script = torch.jit.load(io.BytesIO(script_bytes))  # type: ignore[no-untyped-call]
    lengths = sorted({1, min(2, eager.context), eager.context})
    for n, length in itertools.product(PARITY_BATCHES, lengths):
        inputs = _example(eager.n_eeg, eager.n_eye, n, length)
        with torch.no_grad():
            expected, scripted = eager(*inputs), script(*inputs)
        given = dict(zip(("eeg", "eye", "present"), (x.numpy() for x in inputs), strict=True))
        (ran,) = session.run(["logits"], {name: given[name] for name in names})
        where = f"at batch {n}, time {length}"
        _require_equal(scripted.numpy(), expected.numpy(), where=f"TorchScript {where}")
        _require_equal(ran, expected.numpy(), where=f"ONNX {where}")


def _require_equal(got: np.ndarray, expected: np.ndarray, *, where: str) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    worst = float(np.abs(got - expected).max()) / scale if got.shape == expected.shape else np.inf
    if not worst <= TOLERANCE:
        raise BundleError(
            f"{where} differs from the network",
            got=f"{worst:.1e}",
            expected=f"at most {TOLERANCE:.0e}",
            hint="Weights of very different size can do this; nothing was written.",
        )
