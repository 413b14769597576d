"""`POST predict`: feature windows in, probabilities out, nothing remembered."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from hadua.adapters.features.normalisation import Normaliser
from hadua.models.bundle import Bundle
from hadua.models.errors import FeatureMismatchError, InvalidInputError
from hadua.models.features import BoolArray, FeatureSpec, FloatArray, Modality
from hadua.models.prediction import softmax
from hadua.models.runtime import Float32Array, Runtime
from hadua.service.workers import DaemonExecutor

MODALITIES = (Modality.EEG, Modality.EYE)


@dataclass(frozen=True, slots=True)
class Block:
    """Windows of one modality as they were sent.

    Args:
        definition: Name of their feature definition.
        version: Its version.
        values: `(n, T, d)` features, not normalised, oldest window first; NaN where one was not
            measured.
    """

    definition: str
    version: int
    values: FloatArray


@runtime_checkable
class Replicated(Protocol):
    """A runtime of which several parts answer."""

    def logits_from(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray
    ) -> tuple[Float32Array, str]:
        """Logits, and which part gave them."""
        ...


class Predictor:
    """A model of its own, run in a thread of its own; loaded when first asked.

    Args:
        bundle: Says which features are right.
        load: Loads its runtime.
        threads: How many calls of it may be made at once.
    """

    def __init__(self, bundle: Bundle, *, load: Callable[[], Runtime], threads: int = 1) -> None:
        self._bundle = bundle
        self._load = load
        self._loading = threading.Lock()
        self._runtime: Runtime | None = None
        self.executor = DaemonExecutor("predict", threads=threads)

    def predict(self, blocks: Mapping[Modality, Block]) -> FloatArray:
        """Probabilities `(n, n_classes)`; to be called in `executor`.

        Raises:
            FeatureMismatchError: features of another definition, or of a modality not in it.
            InvalidInputError: a wrong shape, a value that is not finite, or nothing at all.
        """
        logits = np.asarray(self.logits(*self.inputs(blocks)), np.float64)
        return softmax(logits, temperature=self._bundle.manifest.temperature)

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """Logits `(n, n_classes)` of what `inputs` gives; to be called in `executor`."""
        return self.logits_from(eeg, eye, present)[0]

    def logits_from(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray
    ) -> tuple[Float32Array, str]:
        """The same, and which replica gave them; `service` where this process did."""
        with self._loading:
            runtime = self._runtime = self._runtime or self._load()
        if isinstance(runtime, Replicated):
            return runtime.logits_from(eeg, eye, present)
        return runtime.logits(eeg, eye, present), "service"

    def inputs(
        self, blocks: Mapping[Modality, Block]
    ) -> tuple[Float32Array, Float32Array, BoolArray]:
        """Normalised network input: eeg `(n, T, d)`, eye `(n, T, d)`, present `(n, T, 2)`."""
        for modality, block in blocks.items():
            self._check(modality, block)
        n, n_windows = self._common_shape(blocks)
        arrays = [self._array(m, blocks.get(m), n, n_windows) for m in MODALITIES]
        present = np.zeros((n, n_windows, len(MODALITIES)), np.bool_)
        for k, modality in enumerate(MODALITIES):
            if modality in blocks:
                present[..., k] = self._measured(modality, blocks[modality])
                arrays[k][~present[..., k]] = 0.0
        _require_something(present)
        return arrays[0], arrays[1], present

    def close(self) -> None:
        """Let go of the model."""
        if self._runtime is not None:
            self.executor.submit(self._runtime.close)
        self.executor.shutdown()

    def _check(self, modality: Modality, block: Block) -> None:
        spec = self._bundle.specs.get(modality)
        got = f"{block.definition}/{block.version}"
        if spec is None or spec.label != got:
            raise FeatureMismatchError(
                f"bundle {self._bundle.id!r}: {modality} features do not match",
                got=got,
                expected=spec.label if spec else f"no {modality} features",
                hint="GET /api/v1/bundles names the definitions.",
            )
        _check_values(modality, block, spec)

    def _common_shape(self, blocks: Mapping[Modality, Block]) -> tuple[int, int]:
        context = self._bundle.manifest.context
        shapes = {block.values.shape[:2] for block in blocks.values()}
        if len(shapes) != 1 or not (1 <= next(iter(shapes))[1] <= context):
            raise InvalidInputError(
                "windows to predict from",
                got=", ".join(f"{m} {b.values.shape}" for m, b in blocks.items()) or "none",
                expected=f"one (n, T) for every modality that is sent, T = 1 to {context}",
                hint="Send as many windows of each modality, the oldest first.",
            )
        n, n_windows = shapes.pop()
        return n, n_windows

    def _array(
        self, modality: Modality, block: Block | None, n: int, n_windows: int
    ) -> Float32Array:
        spec = self._bundle.specs.get(modality)
        width = len(spec.names) if spec else 0
        if block is None or spec is None:
            return np.zeros((n, n_windows, width), np.float32)
        source = self._bundle.normalisation[modality]
        normaliser = Normaliser(source.mean, source.std)
        return normaliser.apply(block.values, np.isfinite(block.values)).astype(np.float32)

    def _measured(self, modality: Modality, block: Block) -> BoolArray:
        """Which windows `(n, T)` count, by the rule of a session."""
        measured = np.isfinite(block.values)
        needed = self._bundle.manifest.min_coverage[modality]
        return np.asarray(measured.any(axis=-1) & (measured.mean(axis=-1) >= needed))


def _check_values(modality: Modality, block: Block, spec: FeatureSpec) -> None:
    width = len(spec.names)
    if block.values.ndim != 3 or block.values.shape[2] != width or block.values.shape[0] < 1:
        raise InvalidInputError(
            f"{modality} values",
            got=f"shape {block.values.shape}",
            expected=f"(n, T, {width}): at least one stretch of T windows of {width} features",
            hint="GET /api/v1/bundles says how many features there are.",
        )
    if np.isinf(block.values).any():
        raise InvalidInputError(
            f"{modality} values",
            got="a value that is not finite",
            expected="finite features, null where one was not measured",
        )


def _require_something(present: BoolArray) -> None:
    if not present[:, -1].any(axis=-1).all():
        raise InvalidInputError(
            "windows to predict from",
            got="a newest window of which too little was measured",
            expected="enough of at least one modality",
            hint="Without it a session abstains.",
        )
