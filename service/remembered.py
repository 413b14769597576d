"""Answers kept for a while, so that a request that is sent again is not carried out again."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hadua.models.errors import HaduaError

ANSWERS_AT_MOST = 1000
BYTES_AT_MOST = 4 * 2**20
KEPT_S = 3600.0

Place = tuple[str, ...]  # who asked for what, under which key


class RequestInProgressError(HaduaError):
    """The first request of this key has no answer yet."""

    code: ClassVar[str] = "request-in-progress"


class KeyReusedError(HaduaError):
    """A key that was sent with another body."""

    code: ClassVar[str] = "idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Entry:
    digest: bytes  # of the request's body
    since_s: float
    answer: Answer | None = None  # while the request is at work


@dataclass(slots=True)
class RememberedAnswers:
    """The newest answers, bounded in number, bytes and age; the oldest goes first.

    Args:
        clock: Monotonic seconds now.
        n_at_most: Answers kept.
        bytes_at_most: Sum of their bodies.
        kept_s: How long one is kept.
    """

    clock: Callable[[], float] = time.monotonic
    n_at_most: int = ANSWERS_AT_MOST
    bytes_at_most: int = BYTES_AT_MOST
    kept_s: float = KEPT_S
    _entries: OrderedDict[Place, _Entry] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def find(self, place: Place, *, digest: bytes) -> Answer | None:
        """The answer that is kept; None if this is the first request, which is then at work.

        Raises:
            KeyReusedError: the first request had another body.
            RequestInProgressError: the first request is still at work.
        """
        self._forget_old()
        entry = self._entries.get(place)
        if entry is None:
            self._entries[place] = _Entry(digest, self.clock())
            return None
        if entry.digest != digest:
            raise KeyReusedError(
                "this Idempotency-Key came with another body before",
                expected="a new key for every new request",
            )
        if entry.answer is None:
            raise RequestInProgressError(
                "the first request with this Idempotency-Key is still at work",
                hint="Ask again in a second.",
            )
        return entry.answer

    def keep(self, place: Place, answer: Answer) -> None:
        """Remember the answer of a request that was at work."""
        entry = self._entries[place]
        entry.answer = answer
        self._bytes += len(answer.body)
        self._forget_old()

    def forget(self, place: Place) -> None:
        """Let go of a request that came to nothing: it may be tried again."""
        entry = self._entries.pop(place)
        self._bytes -= len(entry.answer.body) if entry.answer else 0

    def forget_about(self, name: str) -> None:
        """Let go of every answer in which a name stands, or that was asked for by it."""
        for place, entry in list(self._entries.items()):
            if entry.answer is not None and _tells(entry.answer, place, name):
                self.forget(place)

    def _forget_old(self) -> None:
        """What is at work is never forgotten: there are no more of those than connections."""
        too_old_s = self.clock() - self.kept_s
        for place in [p for p, entry in self._entries.items() if entry.answer is not None]:
            full = len(self._entries) > self.n_at_most or self._bytes > self.bytes_at_most
            if not full and self._entries[place].since_s > too_old_s:
                return
            self.forget(place)


def _tells(answer: Answer, place: Place, name: str) -> bool:
    """Whether the name stands there as a whole: `P01` does not stand in `P011`."""
    whole = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    texts = (*place, *answer.headers.values())
    return bool(re.search(whole.encode(), answer.body)) or any(re.search(whole, t) for t in texts)
