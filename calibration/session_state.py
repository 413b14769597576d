"""The states of a calibration session, and why a window does not count."""

from enum import StrEnum


class State(StrEnum):
    """Where a calibration session is."""

    IDLE = "idle"
    BASELINE = "baseline"  # the person rests
    COLLECTING = "collecting"  # the person watches
    FITTING = "fitting"  # another process learns
    READY = "ready"  # a profile waits for a decision
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow."""
        return self in (State.ACCEPTED, State.REJECTED, State.FAILED)

    @property
    def takes_windows(self) -> bool:
        """Whether windows count."""
        return self in (State.BASELINE, State.COLLECTING)


class Refusal(StrEnum):
    """Why a window does not count."""

    NOTHING_MEASURED = "nothing measured"
    POOR_QUALITY = "poor quality"
    FEW_FEATURES = "too few features measured"
    OTHER_FEATURES = "features of another definition"
    OUT_OF_ORDER = "not later than the one before"
