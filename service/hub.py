"""From sessions to clients: each client has a small slot in which the newest frames win.

Everything here runs on the event loop, so nothing is locked.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hadua.service.journal import Published
from hadua.service.wire import ByeFrame, GapFrame, encode

Key = tuple[str, int]  # session id, epoch

SLOW = "this client was too slow"
FORGOTTEN = "not kept that long"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A text to send, and up to which `seq` it informs the client."""

    text: str
    key: Key | None = None
    seq: int = 0
    published_s: float | None = None
    last: bool = False


class Subscriber:
    """One client's slot. Its sender asks for `next`, sends, and says `delivered` or `missed`.

    Args:
        session_id: The session it follows, or None for all.
        capacity: Frames that wait; when one more comes, the oldest goes.
        backlog: Frames to send before any live one.
        informed: Up to which `seq` of each session and epoch the client is informed.
        on_drop: Called for every frame that is dropped.
    """

    def __init__(
        self,
        session_id: str | None = None,
        *,
        capacity: int,
        backlog: Iterable[Published] = (),
        informed: Mapping[Key, int] | None = None,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        self.session_id = session_id
        self.frames_dropped = 0
        self._capacity = capacity
        self._backlog = deque(backlog)
        self._slot: deque[Published] = deque()
        self._informed = dict(informed or {})
        self._on_drop = on_drop
        self._wake = asyncio.Event()
        self._bye: str | None = None
        self._closed = False
        if self._backlog:
            self._wake.set()

    def offer(self, item: Published) -> None:
        """Put a frame into the slot."""
        self._slot.append(item)
        if len(self._slot) > self._capacity:
            self._slot.popleft()
            self.missed()
        self._wake.set()

    async def next(self) -> Outgoing | None:
        """What to send now; waits for it. None once the client is gone."""
        while not self._closed:
            if self._backlog or self._slot:
                return self._next_waiting()
            if self._bye is not None:
                return Outgoing(encode(self._farewell(self._bye)), last=True)
            self._wake.clear()
            await self._wake.wait()
        return None

    def delivered(self, outgoing: Outgoing) -> None:
        """The client has it."""
        if outgoing.key is not None:
            self._informed[outgoing.key] = outgoing.seq

    def missed(self) -> None:
        """A frame will not reach the client: a later `gap` will say so."""
        self.frames_dropped += 1
        self._on_drop()

    def say_goodbye(self, reason: str) -> None:
        """Send what waits, then a `bye`, and end."""
        self._bye = reason
        self._wake.set()

    def close(self) -> None:
        """The client is gone."""
        self._closed = True
        self._wake.set()

    def _next_waiting(self) -> Outgoing:
        waiting = self._backlog or self._slot
        item = waiting[0]
        key = (item.session_id, item.epoch)
        informed = self._informed.get(key, 0)
        if item.seq > informed + 1:
            reason = FORGOTTEN if self._backlog else SLOW
            gap = _gap(item, informed=informed, reason=reason)
            return Outgoing(encode(gap), key, item.seq - 1)
        waiting.popleft()
        return Outgoing(item.text, key, item.seq, item.published_s)

    def _farewell(self, reason: str) -> ByeFrame:
        mine = [(k, seq) for k, seq in self._informed.items() if k[0] == self.session_id]
        if not mine:
            return ByeFrame(session_id=self.session_id, reason=reason)
        (session_id, epoch), seq = max(mine, key=lambda pair: pair[0][1])
        return ByeFrame(session_id=session_id, epoch=epoch, seq=seq, reason=reason)


def _gap(item: Published, *, informed: int, reason: str) -> GapFrame:
    return GapFrame(
        session_id=item.session_id,
        epoch=item.epoch,
        seq=item.seq - 1,
        missed_from=informed + 1,
        missed_to=item.seq - 1,
        reason=reason,
    )


class Hub:
    """All clients. Publishing never waits for one of them."""

    def __init__(self) -> None:
        self.empty = asyncio.Event()  # set while there is nobody
        self.empty.set()
        self._subscribers: set[Subscriber] = set()
        self._closed: str | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def closed(self) -> bool:
        """Whether the service is saying goodbye."""
        return self._closed is not None

    def add(self, subscriber: Subscriber) -> None:
        """From now on it receives what is published."""
        self._subscribers.add(subscriber)
        self.empty.clear()
        if self._closed is not None:
            subscriber.say_goodbye(self._closed)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a client; nothing happens if it is not known."""
        subscriber.close()
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self.empty.set()

    def publish(self, item: Published) -> None:
        """Offer a frame to everybody whom it concerns."""
        for subscriber in self._subscribers:
            if subscriber.session_id in (None, item.session_id):
                subscriber.offer(item)

    def close(self, reason: str) -> None:
        """Say goodbye to everybody, also to those who come later."""
        self._closed = reason
        for subscriber in self._subscribers:
            subscriber.say_goodbye(reason)
