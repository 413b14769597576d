"""What waits for one client, and what becomes of it when the client is slow.

Frames of a session are numbered without holes. A client is told of every one that it asked for:
by the frame, or by a `gap` that covers it. Under the policy `latest` the newest frames win, and
those that went are a gap; under `lossless` none goes: the client is closed with 1013 when too many
wait, and resumes with `after_seq`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hadua.service.journal import Kind, Published
from hadua.service.wire import ByeFrame, GapFrame, encode

Key = tuple[str, int]  # session id, epoch
Policy = Literal["latest", "lossless"]

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013
SLOW = "this client was too slow"
FORGOTTEN = "not kept that long"
OVERFLOW = "too slow: come again with after_seq"
STOPPING = "the service stops"
_KEYS_AT_MOST = 1024  # sessions and epochs that a client of all sessions is told of


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to send, and up to which `seq` it informs the client.

    Args:
        text: To send; empty if the connection is only to be closed.
        key: Session and epoch of `seq`.
        seq: The last that the client is informed of once it has this.
        published_s: When a live frame was handed over.
        is_frame: Whether it is one of a session, that can be missed.
        close: Close the connection after it, with this code.
    """

    text: str
    key: Key | None = None
    seq: int = 0
    published_s: float | None = None
    is_frame: bool = False
    close: int | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame, and the wanted `seq` before it: who is not informed of that, has missed some.

    Args:
        item: The frame.
        before: That `seq`.
        live: Whether it was offered, and is not of the backlog.
    """

    item: Published
    before: int
    live: bool


class Subscriber:
    """One client's queue. Its sender asks for `next`, sends, and says `delivered` or `missed`.

    Args:
        session_id: The session it follows, or None for all.
        capacity: Frames that wait; what one more does, is the policy's affair.
        policy: `latest` or `lossless`.
        kinds: Frames it asked for; None for all.
        backlog: Frames to send before any live one. While they last, as many may wait.
        informed: Up to which `seq` of each session and epoch the client is informed.
        on_drop: Called for every frame that is dropped.
        write_now: Writes a frame to the client at once; False where that would have to wait. It is
            asked only when nothing else waits.
    """

    def __init__(
        self,
        session_id: str | None = None,
        *,
        capacity: int,
        policy: Policy = "latest",
        kinds: frozenset[Kind] | None = None,
        backlog: Iterable[Published] = (),
        informed: Mapping[Key, int] | None = None,
        on_drop: Callable[[], None] = lambda: None,
        write_now: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.session_id = session_id
        self.policy = policy
        self.frames_dropped = 0
        self._capacity = capacity
        self._kinds = kinds
        self._informed = dict(informed or {})
        self._offered = dict(self._informed)  # the last wanted seq that was put into the queue
        self._on_drop = on_drop
        self._write_now = write_now
        self._idle = False  # whether the sender waits for something to send
        self._wake = asyncio.Event()
        self._goodbye: str | None = None
        self._overflowed = False
        self._closed = False
        self._queue: deque[_Waiting] = deque()
        self._kept_from: dict[Key, int] = {}  # the first seq that the journal still held
        self._take_backlog(backlog)

    def offer(self, item: Published, frame: bytes = b"") -> bool:
        """Write a frame at once, or put it into the queue.

        Args:
            item: The frame.
            frame: The same, framed for everybody, or nothing.

        Returns:
            Whether it is written.
        """
        key = (item.session_id, item.epoch)
        if key not in self._informed:
            self._meet(key, item.seq - 1)
        if not self._wants(item) or self._overflowed:
            return False
        if frame and self._write(frame, key, item.seq):
            return True
        self._put(item, live=True)
        if len(self._queue) > self._bound:
            self._make_room()
        self._wake.set()
        return False

    async def next(self) -> Outgoing | None:
        """What to send now; waits for it. None once the client is gone."""
        while not self._closed:
            if self._overflowed:
                return Outgoing("", close=TRY_AGAIN_LATER)
            if self._queue:
                return self._next_waiting()
            self._bound = self._capacity
            if self._goodbye is not None:
                return Outgoing(encode(self._farewell(self._goodbye)), close=GOING_AWAY)
            self._wake.clear()
            self._idle = True
            await self._wake.wait()
            self._idle = False
        return None

    def delivered(self, outgoing: Outgoing) -> None:
        """The client has it."""
        if outgoing.key is not None:
            self._informed[outgoing.key] = outgoing.seq

    def missed(self) -> None:
        """A frame will not reach the client: a later `gap` will say so."""
        self.frames_dropped += 1
        self._on_drop()

    def give_up(self) -> None:
        """A frame cannot be kept for the client: it is closed, and comes again with `after_seq`."""
        self._overflowed = True
        self._wake.set()

    def say_goodbye(self, reason: str) -> None:
        """Send what waits, then a `bye`, and end."""
        self._goodbye = reason
        self._wake.set()

    def close(self) -> None:
        """The client is gone."""
        self._closed = True
        self._wake.set()

    def _write(self, frame: bytes, key: Key, seq: int) -> bool:
        """Write at once where nothing is before it: no queue, no gap, no goodbye."""
        if self._write_now is None or not self._idle or self._wake.is_set():
            return False
        if self._offered[key] != self._informed[key] or not self._write_now(frame):
            return False
        self._offered[key] = self._informed[key] = seq
        return True

    def _take_backlog(self, backlog: Iterable[Published]) -> None:
        for item in backlog:
            key = (item.session_id, item.epoch)
            if key not in self._kept_from:
                self._kept_from[key] = item.seq
                self._informed.setdefault(key, 0)  # a later life than the one it has heard of
                self._offered[key] = max(self._offered.get(key, 0), item.seq - 1)
            if self._wants(item):
                self._put(item, live=False)
        self._bound = max(self._capacity, len(self._queue))

    def _meet(self, key: Key, seq: int) -> None:
        """A session or epoch that is new to this client, which need not know what was before."""
        self._informed[key] = self._offered[key] = seq
        if len(self._informed) > _KEYS_AT_MOST:
            oldest = next(iter(self._informed))
            for told in (self._informed, self._offered, self._kept_from):
                told.pop(oldest, None)

    def _wants(self, item: Published) -> bool:
        return self._kinds is None or item.kind in self._kinds

    def _put(self, item: Published, *, live: bool) -> None:
        key = (item.session_id, item.epoch)
        self._queue.append(_Waiting(item, self._offered[key], live))
        self._offered[key] = item.seq

    def _make_room(self) -> None:
        if self.policy == "lossless":
            self._overflowed = True
        else:
            self._queue.popleft()
            self.missed()

    def _next_waiting(self) -> Outgoing:
        waiting = self._queue[0]
        item = waiting.item
        key = (item.session_id, item.epoch)
        informed = self._informed.get(key, waiting.before)
        if waiting.before > informed:
            return Outgoing(encode(self._gap(waiting, informed=informed)), key, waiting.before)
        self._queue.popleft()
        published_s = item.published_s if waiting.live else None
        return Outgoing(item.text, key, item.seq, published_s, is_frame=True)

    def _gap(self, waiting: _Waiting, *, informed: int) -> GapFrame:
        item = waiting.item
        forgotten = informed + 1 < self._kept_from.get((item.session_id, item.epoch), 0)
        return GapFrame(
            session_id=item.session_id,
            epoch=item.epoch,
            seq=waiting.before,
            missed_from=informed + 1,
            missed_to=waiting.before,
            reason=FORGOTTEN if forgotten else SLOW,
        )

    def _farewell(self, reason: str) -> ByeFrame:
        mine = [(k, seq) for k, seq in self._informed.items() if k[0] == self.session_id]
        if not mine:
            return ByeFrame(session_id=self.session_id, reason=reason)
        (session_id, epoch), seq = max(mine, key=lambda pair: pair[0][1])
        return ByeFrame(session_id=session_id, epoch=epoch, seq=seq, reason=reason)
