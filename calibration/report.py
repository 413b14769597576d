"""What is known of an adaptation without a label of the person: for whoever accepts or rejects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict, with_config

Risk = Literal["low", "medium", "high"]


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class Report:
    """Counts and estimates; none of them needs to know what the person felt.

    Args:
        windows_used: Windows that were learnt from.
        windows_refused: How many others there were, by reason.
        measured: Of those used, how many had each modality.
        balance: Share of each class in the adapted answers.
        agreement_before: Share of the windows with both modalities in which EEG alone and eyes
            alone give the same class, before; None where that cannot be asked.
        agreement_after: Likewise afterwards.
        expected_gain: Estimated rise of the share of right answers; None where none can be made.
        changed: Share of the windows whose class is another than before.
        divergence: Mean Kullback-Leibler divergence (nats) from the answers before.
        consistency: How much the same is understood from other windows of the person, 0 to 1; None
            for too few windows to say.
        check_before: Share of right answers on the bundle's check set; None without one.
        check_after: Likewise afterwards.
        risk: What all this amounts to.
        reasons: Why the risk is not low, in words.
    """

    windows_used: int
    windows_refused: Mapping[str, int] = field(default_factory=dict)
    measured: Mapping[str, int] = field(default_factory=dict)
    balance: Mapping[str, float] = field(default_factory=dict)
    agreement_before: float | None = None
    agreement_after: float | None = None
    expected_gain: float | None = None
    changed: float = 0.0
    divergence: float = 0.0
    consistency: float | None = None
    check_before: float | None = None
    check_after: float | None = None
    risk: Risk = "low"
    reasons: tuple[str, ...] = ()
