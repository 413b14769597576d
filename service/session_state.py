"""The states of a session."""

from enum import StrEnum


class SessionState(StrEnum):
    """The life of a session."""

    STARTING = "starting"
    WAITING = "waiting"  # for its streams to be found
    RUNNING = "running"
    DEGRADED = "degraded"  # goes on with less than it was started with
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing comes after it."""
        return self in (SessionState.STOPPED, SessionState.FAILED)
