"""What a feature vector is: its name, its order, its window; and one window of it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hadua.models.cleaning import Cleaning
from hadua.models.errors import FeatureMismatchError, InvalidInputError

if TYPE_CHECKING:
    from hadua.models.quality import SignalQuality

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Modality(StrEnum):
    """The two senses of the model, in the order of its inputs."""

    EEG = "eeg"
    EYE = "eye"


@dataclass(frozen=True, slots=True)
class Smoothing:
    """A causal local-level Kalman filter over consecutive windows.

    Args:
        q: Variance of the level's step from one window to the next.
        r: Variance of the measurement.
        p0: Variance of the first state.
    """

    q: float = 1e-3
    r: float = 1.0
    p0: float = 1.0


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """The identity of a feature vector: two specs are compatible only if they are equal.

    Args:
        modality: Which sense it belongs to.
        definition: Name of the definition, as in `hadua-de`.
        version: Version of the definition.
        names: Feature names in order; EEG features are `CHANNEL:band`.
        window_s: Length of the stretch of signal behind one vector.
        hop_s: Distance between two vectors.
        smoothing: Causal smoothing over consecutive windows, or None.
        cleaning: What is done to the signal before it is measured; EEG only; None for nothing.
    """

    modality: Modality
    definition: str
    version: int
    names: tuple[str, ...]
    window_s: float
    hop_s: float
    smoothing: Smoothing | None = None
    cleaning: Cleaning | None = None

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise InvalidInputError(
                f"feature spec {self.definition!r}",
                got=f"{len(self.names)} names, {len(set(self.names))} distinct",
                expected="at least one name, each once",
            )
        if not (0.0 < self.hop_s <= self.window_s):
            raise InvalidInputError(
                f"feature spec {self.definition!r}",
                got=f"hop_s={self.hop_s}, window_s={self.window_s}",
                expected="0 < hop_s <= window_s",
            )
        if self.cleaning is not None and self.modality is not Modality.EEG:
            raise InvalidInputError(
                f"feature spec {self.definition!r}",
                got=f"{self.modality} features with cleaning {self.cleaning.label}",
                expected="cleaning of EEG only",
            )

    @property
    def label(self) -> str:
        """The definition with its version, as in `hadua-de/1`."""
        return f"{self.definition}/{self.version}"

    def require(self, other: "FeatureSpec", *, where: str) -> None:
        """Raise `FeatureMismatchError`, naming both sides, unless `other` equals this spec."""
        if other == self:
            return
        differing = [
            f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)
        ]
        got, expected = _describe(other, differing), _describe(self, differing)
        raise FeatureMismatchError(
            f"{where}: {self.modality} features do not match",
            got=f"{other.label} with {got}",
            expected=f"{self.label} with {expected}",
            hint="Use a bundle trained on these features, or extract the features it names.",
        )


def _describe(spec: FeatureSpec, differing: Sequence[str]) -> str:
    def show(name: str) -> str:
        value = getattr(spec, name)
        if name == "names":
            return f"{len(value)} names starting {', '.join(value[:3])}"
        return f"{name}={value}"

    return "; ".join(show(name) for name in differing)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureWindow:
    """One feature vector and the stretch of time it speaks of.

    Args:
        spec: What the values are.
        values: `(n_features,)`, float64; meaningless where `present` is False.
        start_s: LSL time of the window's first instant.
        end_s: LSL time of its end, exclusive.
        quality: Share of the signal behind it that was usable, 0 to 1.
        present: `(n_features,)`, True where there is a value: measured, or interpolated from what
            was.
        reason: Why something is absent, in words; empty if nothing is.
        stands_in: `(n_features,)`, True where the value stands in for that of a bad channel: good
            for an answer, but nothing is learned from it. None: nowhere.
        signal: How good the signal behind it was; None where there was none.
        masked: Whether there was signal that is not to be used.
        alone: `(n_features,)` the values as this window alone gives them, before any smoothing;
            meaningless where `present` is False. None where nothing was measured, or nothing is
            smoothed.
    """

    spec: FeatureSpec
    values: FloatArray
    start_s: float
    end_s: float
    quality: float
    present: BoolArray
    reason: str = ""
    stands_in: BoolArray | None = None
    signal: "SignalQuality | None" = None
    masked: bool = False
    alone: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.spec.names)
        if self.values.shape != (n,) or self.present.shape != (n,):
            raise InvalidInputError(
                f"window of {self.spec.label!r} features",
                got=f"values {self.values.shape}, present {self.present.shape}",
                expected=f"({n},) each",
            )
        if not np.isfinite(self.values[self.present]).all():
            bad = np.flatnonzero(self.present & ~np.isfinite(self.values))
            raise InvalidInputError(
                f"window of {self.spec.label!r} features",
                got=f"a value that is not finite in {self.spec.names[int(bad[0])]!r}",
                expected="finite values wherever `present` is True",
            )
        self.values.setflags(write=False)
        self.present.setflags(write=False)
        if self.alone is not None:
            self.alone.setflags(write=False)

    @property
    def usable(self) -> bool:
        """Whether anything in it was measured."""
        return bool(self.present.any())

    @property
    def coverage(self) -> float:
        """What counts towards a bundle's `min_coverage`, 0 to 1.

        Of EEG its channels, an interpolated one by the share that is expected back of it; of eyes
        the features, some of which are absent whenever nobody blinks.
        """
        there = np.count_nonzero(self.present) / len(self.present)
        return min(there, self.quality) if self.spec.modality is Modality.EEG else there

    @property
    def measured(self) -> BoolArray:
        """`(n_features,)`, True where a value may be learned from: it stands in for none."""
        return self.present if self.stands_in is None else self.present & ~self.stands_in

    @classmethod
    def absent(
        cls, spec: FeatureSpec, *, start_s: float, end_s: float, reason: str
    ) -> "FeatureWindow":
        """A window of which nothing was measured, with the reason."""
        n = len(spec.names)
        return cls(spec, np.full(n, np.nan), start_s, end_s, 0.0, np.zeros(n, np.bool_), reason)
