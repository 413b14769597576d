"""What can go wrong with what is kept."""

from typing import ClassVar

from hadua.models.errors import HaduaError


class StorageError(HaduaError):
    """The database cannot be opened, read or written."""

    code: ClassVar[str] = "storage-failed"


class ParticipantUnknownError(HaduaError):
    """No participant has this id."""

    code: ClassVar[str] = "participant-unknown"


class ParticipantExistsError(HaduaError):
    """A participant of this id is entered already."""

    code: ClassVar[str] = "participant-exists"


class ConsentMissingError(HaduaError):
    """Something that needs a participant's consent, without it."""

    code: ClassVar[str] = "consent-missing"


class ParticipantBusyError(HaduaError):
    """A session of the participant is running."""

    code: ClassVar[str] = "participant-busy"
