"""Plans, reports and histories of `calibration`, in the words of the contract."""

from dataclasses import asdict

import msgspec

from hadua.calibration.history import History
from hadua.calibration.plan import Plan
from hadua.calibration.report import Report
from hadua.service.learning.answers import ProfileEvent, ProfileHistory, ProfileVersion
from hadua.service.learning.statuses import CalibrationPlan, CalibrationReport

EVENTS = 200
"""Events of a history that are told."""


def plan_told(plan: Plan) -> CalibrationPlan:
    """A plan."""
    least = {str(m): n for m, n in plan.least.items()}
    return msgspec.convert({**asdict(plan), "least": least}, CalibrationPlan)


def report_told(report: Report) -> CalibrationReport:
    """A report."""
    return msgspec.convert(asdict(report), CalibrationReport)


def history_told(history: History) -> ProfileHistory:
    """A history."""
    return ProfileHistory(
        participant=history.participant,
        active=history.active,
        good=history.good,
        versions=tuple(
            ProfileVersion(
                version=version,
                parent=document.parent,
                origin=document.made.origin,
                bundle=document.bundle_id,
                n_seen=document.n_seen,
                report=report_told(document.made.report),
            )
            for version, document in history.versions.items()
        ),
        damaged={str(version): why for version, why in history.damaged.items()},
        events=tuple(
            ProfileEvent(at_unix=e.at_unix, event=e.event, version=e.version, reason=e.reason)
            for e in history.events[-EVENTS:]
        ),
    )


def nothing_of(participant: str) -> ProfileHistory:
    """The history of one who has no profile."""
    return ProfileHistory(
        participant=participant, active=0, good=0, versions=(), damaged={}, events=()
    )
