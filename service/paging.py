"""Lists in pages: `limit` entries after the one whose id is `after`."""

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, TypeVar

from fastapi import Query

from hadua.models.errors import HaduaError

Limit = Annotated[int, Query(ge=1, le=1000, description="Entries in a page, at most.")]
After = Annotated[
    str | None,
    Query(max_length=256, description="`next` of the page before; without it, the first page."),
]

T = TypeVar("T")


class CursorUnknownError(HaduaError):
    """The entry that a page should come after is not there any more."""

    code: ClassVar[str] = "cursor-unknown"


def page(
    entries: Sequence[T], *, key: Callable[[T], str], after: str | None, limit: int
) -> tuple[Sequence[T], str | None]:
    """The page, and the `after` of the next one; None at the end.

    Raises:
        CursorUnknownError: no entry has the id `after`.
    """
    begin = 0 if after is None else _place(entries, key=key, after=after) + 1
    mine = entries[begin : begin + limit]
    more = begin + limit < len(entries)
    return mine, key(mine[-1]) if more else None


def _place(entries: Sequence[T], *, key: Callable[[T], str], after: str) -> int:
    for place, entry in enumerate(entries):
        if key(entry) == after:
            return place
    raise CursorUnknownError(
        f"no entry {after!r} to go on after",
        expected="`next` of a page of this list",
        hint="The entry is gone: begin again, without `after`.",
    )
