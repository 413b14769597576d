"""Errors that say what, where, got, expected and what to try.

`code` is the stable name that problem documents and scripts use; `exit_code` is what a command
ends with (1: the work failed, 2: bad usage).
"""

from typing import ClassVar

from hadua.models.legible import legible


class HaduaError(Exception):
    """Base of every error that a user can do something about.

    Whatever it is told is kept as one line of bounded length, for it may quote what others sent.

    Args:
        what: What went wrong and where, names quoted with `!r`, no full stop.
        got: What was found, in words, if that helps.
        expected: What would have been right.
        hint: What to try next, a whole sentence.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what = legible(what)
        self.got = None if got is None else legible(got)
        self.expected = None if expected is None else legible(expected)
        self.hint = hint
        super().__init__(self.what)

    def __str__(self) -> str:
        facts = ", ".join(
            f"{name} {value}"
            for name, value in (("got", self.got), ("expected", self.expected))
            if value is not None
        )
        text = f"{self.what}: {facts}." if facts else f"{self.what}."
        return f"{text} {self.hint}" if self.hint else text


class UsageError(HaduaError):
    """A setting, flag or argument that cannot be right."""

    code = "bad-usage"
    exit_code = 2


class StreamNotFoundError(HaduaError):
    """No stream answers to the description within the time given."""

    code = "stream-not-found"


class StreamAmbiguousError(HaduaError):
    """More than one stream answers to the description."""

    code = "stream-ambiguous"


class StreamInvalidError(HaduaError):
    """A stream, or a block of its samples, that cannot be used as it is."""

    code = "stream-invalid"


class StreamLostError(HaduaError):
    """A stream that was there and is not any more."""

    code = "stream-lost"


class StreamSilentError(StreamLostError):
    """A stream whose sender is there, and sends nothing over this connection any more."""

    code = "stream-silent"


class RecordingError(HaduaError):
    """A recording that is missing, truncated or not what its name says."""

    code = "recording-invalid"


class BundleError(HaduaError):
    """A bundle that is missing, damaged or does not match its manifest."""

    code = "bundle-invalid"


class ProfileError(HaduaError):
    """A participant's profile that is missing, damaged, or of another model or person."""

    code = "profile-invalid"


class CalibrationError(HaduaError):
    """A calibration that cannot do what it is asked for, or that had to end."""

    code = "calibration-failed"


class FeatureMismatchError(HaduaError):
    """Features of one definition offered to a bundle trained on another."""

    code = "feature-mismatch"


class InvalidInputError(HaduaError):
    """Values that cannot be predicted from: wrong shape, not finite, out of range."""

    code = "invalid-input"


class RuntimeUnavailableError(HaduaError):
    """An inference runtime or device that is not installed or not there."""

    code = "runtime-unavailable"
