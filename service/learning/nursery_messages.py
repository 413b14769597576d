"""What the process that forks says of its forks: one line of JSON each."""

import msgspec


class Began(msgspec.Struct, frozen=True, kw_only=True, tag="began"):
    """The next one that was asked for has this id."""

    pid: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The next one that was asked for could not be forked."""

    why: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """One has ended: with its exit code, or less the signal that ended it."""

    pid: int
    code: int


Word = Began | Refused | Ended
