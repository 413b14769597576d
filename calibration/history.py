"""What there is of a participant's profiles, damaged ones included."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadua.calibration.ledger import Event, read_ledger, read_pointer
from hadua.calibration.profile_files import Document
from hadua.calibration.versions import Versions
from hadua.models.errors import ProfileError


@dataclass(frozen=True, slots=True)
class History:
    """What there is of a participant.

    Args:
        participant: Pseudonym.
        active: The version that serves; 0 is the bundle as shipped.
        good: Where a roll-back goes that is not told where.
        versions: What every version says about itself, by number, oldest first.
        damaged: Why the others cannot be read, by number.
        events: What happened, oldest first.
    """

    participant: str
    active: int
    good: int
    versions: Mapping[int, Document]
    damaged: Mapping[int, str]
    events: tuple[Event, ...]


def read_history(folder: Path, versions: Versions) -> History:
    """Read it from a participant's folder.

    Raises:
        ProfileError: which version is in force cannot be told.
    """
    whole: dict[int, Document] = {}
    damaged: dict[int, str] = {}
    for version in versions.numbers():
        try:
            whole[version] = versions.document(version)
        except ProfileError as error:
            damaged[version] = str(error)
    pointer, events = read_pointer(folder), tuple(read_ledger(folder))
    return History(folder.name, pointer.active, pointer.good, whole, damaged, events)
