"""EEG power by band and region of the head, out of features that were computed anyway.

A feature of EEG is the log of a band's power in one channel; here it is turned back into
microvolts squared, and the median taken over the channels of a region. The median needs no
decision between a mean of powers and one of their logs, and a single electrode does not move it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hadua.adapters.features.eeg_definitions import EegDefinition, eeg_channels, eeg_definition
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray
from hadua.models.quality import EegQuality

HEAD = "head"
"""All channels together, beside the regions."""

# By the letters of a 10-20 name, those between two regions with the one they lie nearer to.
_LETTERS: Mapping[str, tuple[str, ...]] = {
    "frontal": ("FP", "AF", "F"),
    "central": ("FC", "C", "CP"),
    "temporal": ("FT", "T", "TP"),
    "parietal": ("P",),
    "occipital": ("PO", "O", "CB", "I"),
}
_REGION_OF = {letters: region for region, all_ in _LETTERS.items() for letters in all_}


@dataclass(frozen=True, slots=True, eq=False)
class BandPower:
    """Power of one window.

    Args:
        bands: Their names.
        ranges_hz: From where to where each goes.
        channels: How many measured channels are behind each region, `HEAD` first.
        power_uv2: `(n_bands,)` per region, microvolts squared; NaN where nothing was measured.
    """

    bands: tuple[str, ...]
    ranges_hz: tuple[tuple[float, float], ...]
    channels: Mapping[str, int]
    power_uv2: Mapping[str, FloatArray]


def region_of(channel: str) -> str | None:
    """The region of a channel by its 10-20 name; None for a name that is not of that system."""
    letters = re.match(r"[A-Z]+?(?=Z?$|\d+$)", channel.upper())
    return _REGION_OF.get(letters.group()) if letters else None


def band_power(window: FeatureWindow) -> BandPower | None:
    """Power behind a window of EEG features, of the channels that were measured in it.

    Interpolated channels say nothing that their neighbours have not said, and are left out. None
    where the window has no signal.
    """
    if not isinstance(window.signal, EegQuality) or not window.usable:
        return None
    layout = _layout(window.spec)
    values = window.values if window.alone is None else window.alone
    n_bands = len(layout.definition.bands)
    power = layout.definition.power_uv2(values.reshape(-1, n_bands), window.spec.window_s)
    own = window.present.reshape(-1, n_bands).all(axis=1) & ~window.signal.interpolated
    measured = {region: rows[own[rows]] for region, rows in layout.rows.items()}
    return BandPower(
        bands=layout.definition.bands,
        ranges_hz=layout.definition.ranges_hz,
        channels={region: len(rows) for region, rows in measured.items()},
        power_uv2={
            region: _median(power[rows]) if len(rows) else np.full(n_bands, np.nan)
            for region, rows in measured.items()
        },
    )


def _median(rows: FloatArray) -> FloatArray:
    """Of `(n, k)` finite numbers, `(k,)`: as `numpy.median`, which looks for many other cases."""
    ordered, middle = np.sort(rows, axis=0), len(rows) // 2
    if len(rows) % 2:
        return np.asarray(ordered[middle])
    return np.asarray((ordered[middle - 1] + ordered[middle]) / 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Which channels of a spec lie where: rows of `(n_channels, n_bands)`, by region."""

    definition: EegDefinition
    rows: Mapping[str, npt.NDArray[np.intp]]


@lru_cache(maxsize=8)
def _layout(spec: FeatureSpec) -> _Layout:
    channels = eeg_channels(spec)
    regions = [region_of(channel) for channel in channels]
    rows = {HEAD: np.arange(len(channels))} | {
        region: np.flatnonzero([each == region for each in regions]) for region in _LETTERS
    }
    return _Layout(eeg_definition(spec), rows)
