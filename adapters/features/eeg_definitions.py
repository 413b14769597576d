"""The EEG feature definitions that can be extracted, live and offline, by name and version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hadua.adapters.features import eeg_entropy, seed_entropy
from hadua.models.errors import FeatureMismatchError, InvalidInputError
from hadua.models.features import FeatureSpec, FloatArray, Modality


class EegMeasure(Protocol):
    """Measures one window; made for one rate and length, holds no signal."""

    def __call__(self, x_uv: FloatArray, /) -> FloatArray:
        """`(n_channels, n_bands)` from `(n_samples, n_channels)` microvolts, NaN: not measured."""
        ...


@runtime_checkable
class SpectrumMeasure(EegMeasure, Protocol):
    """A measure that can be taken of a window's spectrum, where that is known already."""

    @property
    def n_bins(self) -> int:
        """So many bins of it are looked at."""
        ...

    def of_spectrum(
        self, spectrum: npt.NDArray[np.complex128], squares: FloatArray | None = None, /
    ) -> FloatArray:
        """`(n_channels, n_bands)` from `(n_channels, >= n_bins)`, the real FFT.

        `squares` is what `HannSquares` gives of it from bin 1 on, if that is known.
        """
        ...


@dataclass(frozen=True, slots=True)
class EegDefinition:
    """How the features of a definition come about.

    Args:
        label: Name and version, as in `hadua-de/1`.
        measure: Makes what measures windows of `(rate_hz, n_samples)`.
        bands: Names of the bands, in the order of the columns.
        ranges_hz: From where to where each goes.
        power_uv2: Variance of each band, microvolts squared, from values `(..., n_bands)` of
            windows of so many seconds.
        highest_hz: End of the highest band.
        centred: Whether the mean is taken off each window before it is measured.
    """

    label: str
    measure: Callable[[float, int], EegMeasure]
    bands: tuple[str, ...]
    ranges_hz: tuple[tuple[float, float], ...]
    power_uv2: Callable[[FloatArray, float], FloatArray]
    highest_hz: float
    centred: bool = False

    def names(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        """Feature names: the bands of the first channel, then those of the second."""
        return tuple(f"{channel}:{band}" for channel in channels for band in self.bands)


_HADUA = EegDefinition(
    label=f"{eeg_entropy.DEFINITION}/{eeg_entropy.VERSION}",
    measure=eeg_entropy.DifferentialEntropy,
    bands=tuple(band.name for band in eeg_entropy.BANDS),
    ranges_hz=tuple((band.low_hz, band.high_hz) for band in eeg_entropy.BANDS),
    power_uv2=lambda values, _: eeg_entropy.band_power_uv2(values),
    highest_hz=eeg_entropy.BANDS[-1].high_hz,
)
_SEED = EegDefinition(
    label=f"{seed_entropy.DEFINITION}/{seed_entropy.VERSION}",
    measure=seed_entropy.SeedEntropy,
    bands=tuple(band.name for band in seed_entropy.BANDS),
    ranges_hz=tuple((band.low_hz, band.high_hz) for band in seed_entropy.BANDS),
    power_uv2=seed_entropy.band_power_uv2,
    highest_hz=seed_entropy.BANDS[-1].high_hz,
    centred=True,
)

EEG_DEFINITIONS: Mapping[str, EegDefinition] = MappingProxyType(
    {definition.label: definition for definition in (_HADUA, _SEED)}
)

_UNKNOWN = "Use a bundle trained on these features, or a version of hadua that has them."
_NOT_LIVE: Mapping[str, str] = MappingProxyType(
    {
        "seed-de-lds": "They were smoothed over the whole recording, its future included, and so "
        "cannot be extracted live: train on seed-de/1 with causal smoothing instead.",
        "seed-de-movingave": "They are averages over windows before and after, and so cannot "
        "be extracted live: train on seed-de/1 with causal smoothing instead.",
    }
)


def eeg_definition(spec: FeatureSpec) -> EegDefinition:
    """Find the definition of EEG features.

    Raises:
        FeatureMismatchError: there is none of this name and version, with the reason if it is one
            that has no live form; or these are not EEG features.
    """
    known = EEG_DEFINITIONS.get(spec.label)
    if spec.modality is Modality.EEG and known is not None:
        return known
    raise FeatureMismatchError(
        "EEG features of a definition that cannot be extracted here",
        got=f"{spec.label} ({spec.modality})",
        expected=f"{' or '.join(EEG_DEFINITIONS)} ({Modality.EEG})",
        hint=_NOT_LIVE.get(spec.definition, _UNKNOWN),
    )


def eeg_channels(spec: FeatureSpec) -> tuple[str, ...]:
    """Return the channels that a spec of EEG features names, in order.

    Raises:
        FeatureMismatchError: a spec of a definition that is not known.
        InvalidInputError: names that are not channel by channel, the bands in order.
    """
    definition = eeg_definition(spec)
    channels = tuple(name.partition(":")[0] for name in spec.names[:: len(definition.bands)])
    expected = definition.names(channels)
    if spec.names != expected:
        pairs = zip(spec.names, expected, strict=False)
        got, wanted = next(((g, e) for g, e in pairs if g != e), ("too few names", expected[-1]))
        raise InvalidInputError(
            f"feature spec {spec.label!r}: names are not channel-major",
            got=repr(got),
            expected=repr(wanted),
            hint="List the bands of the first channel, then those of the second.",
        )
    return channels
