"""From what can be seen of an adaptation to what an operator is told, and how risky it looks.

The thresholds were set on development populations; `docs/calibration.md` says how well each of the
measures tells a good adaptation from a bad one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hadua.calibration.assessment import Answers
from hadua.calibration.checking import check_accuracy
from hadua.calibration.collected import MODALITIES, Collected
from hadua.calibration.report import Report, Risk
from hadua.models.check_set import CheckSet
from hadua.models.network import HaduaNetwork

LEAST_CONSISTENCY = 0.75
DOUBTFUL_CONSISTENCY = 0.87
LEAST_SHARE = 0.05
MOST_CHECK_LOSS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a report is made from.

    Args:
        collected: Windows that were learnt from.
        refused: How many others there were, by reason.
        before: What was said of them before.
        after: And afterwards.
        consistency: What `consistency.consistency` says; None for too few windows.
        check: The bundle's check set, or None.
        networks: Before and after, in evaluation mode.
    """

    collected: Collected
    refused: Mapping[str, int]
    before: Answers
    after: Answers
    consistency: float | None
    check: CheckSet | None
    networks: tuple[HaduaNetwork, HaduaNetwork]


def report_of(evidence: Evidence, *, classes: tuple[str, ...]) -> Report:
    """Put it together."""
    e = evidence
    checks = [None if e.check is None else check_accuracy(n, e.check) for n in e.networks]
    balance = e.after.balance(classes)
    gain = _expected_gain(e)
    risk, reasons = _risk(e.consistency, gain, balance, checks[0], checks[1])
    tables = (e.collected.eeg, e.collected.eye)
    measured = (int(np.isfinite(x).any(axis=1).sum()) for x in tables)
    return Report(
        windows_used=len(e.collected),
        windows_refused=dict(e.refused),
        measured=dict(zip(map(str, MODALITIES), measured, strict=True)),
        balance=balance,
        agreement_before=e.before.agreement,
        agreement_after=e.after.agreement,
        expected_gain=gain,
        changed=e.after.changed_from(e.before),
        divergence=e.after.divergence_from(e.before),
        consistency=e.consistency,
        check_before=checks[0],
        check_after=checks[1],
        risk=risk,
        reasons=reasons,
    )


def _expected_gain(evidence: Evidence) -> float | None:
    """How often the new answers are right, less how often the old ones were.

    The first is taken for their consistency, the second for the share in which old and new answers
    agree. It orders people; it is no measurement.
    """
    if evidence.consistency is None:
        return None
    return evidence.consistency - (1.0 - evidence.after.changed_from(evidence.before))


def _risk(
    consistency: float | None,
    gain: float | None,
    balance: Mapping[str, float],
    check_before: float | None,
    check_after: float | None,
) -> tuple[Risk, tuple[str, ...]]:
    high: list[str] = []
    medium: list[str] = []
    if consistency is None:
        medium.append("too few windows to see whether others would say the same")
    elif consistency < DOUBTFUL_CONSISTENCY:
        low = consistency < LEAST_CONSISTENCY
        (high if low else medium).append(
            f"other windows of the same person would say the same of {consistency:.0%} of them"
        )
    if gain is not None and gain <= 0.0:
        medium.append("no gain is to be expected")
    rare = [name for name, share in balance.items() if share < LEAST_SHARE]
    if len(rare) == len(balance) - 1:
        high.append("it sees one class only")
    elif rare:
        medium.append(f"it hardly ever sees {', '.join(rare)}")
    if check_before is not None and check_after is not None:
        loss = check_before - check_after
        if loss > MOST_CHECK_LOSS:
            high.append(f"it has forgotten what it knew: {loss:.0%} fewer right on the check set")
    risk: Risk = "high" if high else "medium" if medium else "low"
    return risk, (*high, *medium)
