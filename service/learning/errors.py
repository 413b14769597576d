"""What can be wrong with asking a session to learn."""

from typing import ClassVar

from hadua.models.errors import HaduaError


class NoParticipantError(HaduaError):
    """The session is nobody's: there is no one to learn for."""

    code: ClassVar[str] = "participant-missing"


class NotRunningError(HaduaError):
    """The session has no pipeline yet, or one that takes no profile."""

    code: ClassVar[str] = "session-not-running"


class CalibrationActiveError(HaduaError):
    """A calibration of this participant is going on."""

    code: ClassVar[str] = "calibration-active"


class CalibrationUnknownError(HaduaError):
    """The session has no calibration."""

    code: ClassVar[str] = "calibration-unknown"
