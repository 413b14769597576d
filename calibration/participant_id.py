"""Pseudonyms of participants, which become names of folders on any system."""

import re

from hadua.models.errors import InvalidInputError

_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RESERVED = re.compile(r"(?i)con|prn|aux|nul|com[0-9]|lpt[0-9]")


def require_participant(participant: str) -> str:
    """Give a pseudonym back if it can be the name of a folder everywhere.

    Raises:
        InvalidInputError: characters that lead out of a folder or that a system does not allow, or
            a name that Windows keeps for a device.
    """
    if not _PATTERN.fullmatch(participant):
        raise InvalidInputError(
            f"participant {participant!r}"[:120],
            expected="1 to 64 letters, digits, '_' and '-'",
            hint="Use a pseudonym, not a name.",
        )
    if _RESERVED.fullmatch(participant):
        raise InvalidInputError(
            f"participant {participant!r}",
            got="a name that Windows keeps for a device",
            hint="Add a digit or a letter.",
        )
    return participant
