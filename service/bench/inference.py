"""Inference by batch and context against a floor without a framework, and what others would use."""

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.runtime import InputShape, load_runtime
from hadua.service.bench.comparison import Comparison, Other
from hadua.service.bench.effort import Effort
from hadua.service.bench.inference_peers import Feed, bare_session, openvino
from hadua.service.bench.row import Row

if TYPE_CHECKING:
    from hadua.service.bench.inference_torch import Made

CONTEXTS = (1, 10)
BATCHES = (1, 16, 64, 256)
WITHIN_BARE = 1.3
LARGE = 320  # windows: milliseconds each time
OF_EAGER = 0.25  # four times faster


def rows(effort: Effort) -> list[Row]:
    """The demo's network, and one of SEED's width by batch and context; one thread."""
    made = _demo(effort)
    try:
        from hadua.service.bench.inference_torch import Made
    except ImportError as error:
        why = f'torch is not here ({error}): pip install "hadua[train]"'
        return [*made, Row.missing("inference by batch and context, against eager", why)]
    for context in CONTEXTS:
        with tempfile.TemporaryDirectory(prefix="hadua-bench-") as folder:
            network = Made(Path(folder) / "bundle", context=context)
            for batch in BATCHES:
                made += _of(network, batch, effort)
            made += _streaming(network, effort)
    return made


def _demo(effort: Effort) -> list[Row]:
    bundle = load_bundle(demo_bundle_path())
    made: list[Row] = []
    for length in (1, bundle.context):
        feed = feed_of(bundle, batch=1, length=length)
        ours = partial(load_runtime(bundle, device="cpu").logits, *feed)
        bare = Other("bare InferenceSession.run", bare_session(bundle, feed), WITHIN_BARE)
        name = f"inference of the demo, batch 1, T = {length}"
        for pace in effort.paces:
            made += Comparison(name, ours, (bare, openvino(bundle, feed)), pace).rows()
    return made


def _of(network: "Made", batch: int, effort: Effort) -> list[Row]:
    bundle, length = network.bundle, network.context
    feed = feed_of(bundle, batch=batch, length=length)
    ours = partial(load_runtime(bundle, device="cpu").logits, *feed)
    one = batch == 1
    others = (
        Other("numpy, BatchNorm folded", network.floor(feed)),
        Other(
            "bare InferenceSession.run", bare_session(bundle, feed), WITHIN_BARE if one else None
        ),
        Other("eager torch", network.eager(feed), OF_EAGER if one else None),
        Other("TorchScript", network.script(feed)),
        network.compiled(feed) if effort.compiles else Other("torch.compile", why="--quick"),
        openvino(bundle, feed),
    )
    name = f"inference, batch {batch}, T = {length}"
    hot = effort.hot if one else effort.batch if batch * length < LARGE else effort.slow
    made = Comparison(name, ours, others, hot).rows()
    return made + (Comparison(name, ours, others, effort.paced).rows() if one else [])


def _streaming(network: "Made", effort: Effort) -> list[Row]:
    feed = feed_of(network.bundle, batch=1, length=network.context)
    full = partial(load_runtime(network.bundle, device="cpu").logits, *feed)
    others = (
        Other("all of its context on ONNX Runtime", full),
        Other("all of its context in eager torch", network.eager(feed)),
    )
    name = f"inference, streaming a window, context {network.context}"
    step = network.stream(feed)
    return [row for pace in effort.paces for row in Comparison(name, step, others, pace).rows()]


def feed_of(bundle: Bundle, *, batch: int, length: int) -> Feed:
    """Normal numbers of the shape that a bundle takes, everything present."""
    rng = np.random.default_rng(length)
    eeg, eye, present = InputShape.of(bundle).zeros(batch, length)
    eeg += rng.standard_normal(eeg.shape, np.float32)
    eye += rng.standard_normal(eye.shape, np.float32)
    return eeg, eye, present
