"""What a calibration session asks for, and by which thresholds its result is judged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Self

from pydantic import ConfigDict, with_config

from hadua.models.bundle import Bundle
from hadua.models.errors import InvalidInputError
from hadua.models.features import Modality

FEWEST = 120
"""Windows below which nothing is learnt."""
_PER_CLASS = 40
"""Windows for each class of the model; with fewer the fit has nothing to hold on to."""
MOST = 4000
"""Windows that a calibration may hold."""


def fewest_windows(n_classes: int) -> int:
    """Windows that a fit of so many classes needs."""
    return max(FEWEST, _PER_CLASS * n_classes)


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class Plan:
    """A resting baseline, then films or free viewing that nobody labels.

    Args:
        baseline_s: Length of the rest, in usable windows; 0 for none.
        windows: Windows to collect after it.
        fewest: With so many it may be ended early.
        least: Of each modality, how many of them must have it; a modality that is not named may be
            missing throughout.
        min_quality: Share of the signal that must have been usable, per modality.
        most_s: When to give up, seconds from the first window.
    """

    baseline_s: float = 60.0
    windows: int = 300
    fewest: int = FEWEST
    least: Mapping[Modality, int] = field(default_factory=dict)
    min_quality: float = 0.5
    most_s: float = 1800.0

    def __post_init__(self) -> None:
        fits = (
            0.0 <= self.baseline_s <= 600.0
            and FEWEST <= self.fewest <= self.windows <= MOST
            and all(0 <= n <= self.windows for n in self.least.values())
            and 0.0 <= self.min_quality <= 1.0
            and 0.0 < self.most_s <= 4 * 3600.0
        )
        if not fits:
            raise InvalidInputError(
                "plan of a calibration",
                got=f"{self}",
                expected=f"{FEWEST} <= fewest <= windows <= {MOST}, no more of a modality than "
                "windows, a baseline of 600 s at most, a quality from 0 to 1, 4 hours at most",
            )

    @classmethod
    def for_bundle(
        cls, bundle: Bundle, *, connected: Collection[Modality], seconds: float = 300.0
    ) -> Self:
        """About so many seconds of viewing, half of them with each connected modality."""
        least = fewest_windows(len(bundle.classes))
        windows = min(max(ceil(seconds / bundle.hop_s), least), 600)
        asked = [m for m in bundle.specs if m in connected]
        return cls(windows=windows, fewest=least, least={m: windows // 2 for m in asked})

    def baseline_windows(self, hop_s: float) -> int:
        """Usable windows of the rest."""
        return ceil(self.baseline_s / hop_s)
