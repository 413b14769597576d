"""Which version of a participant's profile is in force, and what has happened to them.

The pointer is one small file that is replaced whole. The ledger beside it has a line for every
event; it is for people to read, and nothing but the list of events depends on it.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hadua.calibration.durable import Disk
from hadua.models.errors import ProfileError

POINTER, LEDGER = "active.json", "ledger.jsonl"
MAX_BYTES = 2**23

EventName = Literal["saved", "activated", "rolled back", "discarded", "imported"]
Count = Annotated[int, Field(ge=0)]


class Pointer(BaseModel):
    """`active.json`.

    Args:
        active: The version that serves; 0 is the bundle as shipped.
        good: The version that a roll-back goes to when it is not told where.
        highest: No version up to this one is free, whether it is still there or not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    active: Count = 0
    good: Count = 0
    highest: Count = 0


class Event(BaseModel):
    """A line of `ledger.jsonl`.

    Args:
        at_unix: When, seconds since 1970.
        event: What.
        version: Of which version.
        reason: Why, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    at_unix: float
    event: EventName
    version: Count
    reason: str = ""


def read_pointer(folder: Path) -> Pointer:
    """The pointer of a participant; that of one who has nothing if there is no such file.

    Raises:
        ProfileError: a file that is no pointer.
    """
    path = folder / POINTER
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("a file that is too large")
        return Pointer.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Pointer()
    except (OSError, ValueError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ProfileError(
            f"{str(path)!r} does not say which version is in force",
            got=said,
            hint="Roll back to a version by its number: "
            f"hadua participants roll-back {folder.name} --to NUMBER",
        ) from None


def write_pointer(folder: Path, pointer: Pointer, disk: Disk) -> None:
    """Replace the pointer."""
    disk.replace(folder / POINTER, (pointer.model_dump_json() + "\n").encode())


def note(folder: Path, event: Event, disk: Disk) -> None:
    """Add an event; a line that a kill has torn is closed first."""
    path = folder / LEDGER
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    disk.append(path, (b"\n" if torn else b"") + (event.model_dump_json() + "\n").encode())


def read_ledger(folder: Path) -> list[Event]:
    """The events, oldest first; what is not an event (a torn line) is left out."""
    path = folder / LEDGER
    if not path.exists():
        return []
    events = []
    for line in path.read_bytes()[-MAX_BYTES:].splitlines():
        try:
            events.append(Event.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            continue
    return events
