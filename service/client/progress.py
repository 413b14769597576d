"""What a client has heard: pure, so that every order of events can be tested."""

from typing import Literal, Protocol

from hadua.service.client.frames import AnyFrame, kind_of
from hadua.service.session_state import SessionState
from hadua.service.wire import ByeFrame, GapFrame, Hello, StatusFrame

Policy = Literal["latest", "lossless"]

AWAY = "this client was away"


class Heard(Protocol):
    """What a stream needs to know of what it has heard."""

    hello: Hello | None
    missed: int
    over: StatusFrame | Hello | None

    def query(self) -> dict[str, object]:
        """Of the URL under which to connect now."""
        ...

    def take(self, frame: AnyFrame) -> list[AnyFrame]:
        """What to hand on because of a frame."""
        ...


class Onlooker:
    """Of all sessions: hands on what comes, and resumes nothing.

    Args:
        policy: `lossless` or `latest`.
        kinds: Types of frames to hand on; None for all but `hello` and `bye`.
    """

    def __init__(self, *, policy: Policy, kinds: frozenset[str] | None) -> None:
        self.hello: Hello | None = None
        self.missed = 0
        self.over: StatusFrame | Hello | None = None
        self._policy = policy
        self._kinds = kinds

    def query(self) -> dict[str, object]:
        """Of the URL under which to connect now."""
        return {"policy": self._policy, **_types(self._kinds or frozenset())}

    def take(self, frame: AnyFrame) -> list[AnyFrame]:
        """What to hand on because of a frame: it, or nothing."""
        if isinstance(frame, Hello):
            self.hello = frame
        if isinstance(frame, GapFrame):
            self.missed += frame.missed_to - frame.missed_from + 1
        if isinstance(frame, Hello | ByeFrame):
            return []
        return [frame] if self._kinds is None or kind_of(frame) in self._kinds else []


class Progress:
    """Of one session: says which frames to hand on, where to resume, and when it is over.

    Args:
        policy: `lossless` resumes where it was; `latest` goes on with what is new.
        kinds: Types of frames to hand on; None for all but `hello` and `bye`.
        after_seq: Hand on what was said after it; None for what comes.
        epoch: Of `after_seq`.
        endless: Go on after the session is over: it may be started again.
    """

    def __init__(
        self,
        *,
        policy: Policy = "lossless",
        kinds: frozenset[str] | None = None,
        after_seq: int | None = None,
        epoch: int | None = None,
        endless: bool = False,
    ) -> None:
        self.hello: Hello | None = None
        self.missed = 0
        self.over: StatusFrame | Hello | None = None
        self._policy = policy
        self._kinds = kinds
        self._epoch, self._seq = epoch, after_seq
        self._resume = after_seq is not None or policy == "lossless"
        self._endless = endless

    def query(self) -> dict[str, object]:
        """Of the URL under which to connect now."""
        query: dict[str, object] = {"policy": self._policy}
        if self._kinds is not None:
            query |= _types(self._kinds | {"status"})
        if self._seq is not None and self._resume:
            query["after_seq"] = self._seq
            if self._epoch is not None:
                query["epoch"] = self._epoch
        return query

    def take(self, frame: AnyFrame) -> list[AnyFrame]:
        """What to hand on because of a frame: it, a gap that it reveals, or nothing."""
        if isinstance(frame, ByeFrame):
            return []
        if isinstance(frame, Hello):
            return self._greeted(frame)
        if self._is_known(frame):
            return []
        self._epoch, self._seq = frame.epoch, frame.seq
        if isinstance(frame, GapFrame):
            self.missed += frame.missed_to - frame.missed_from + 1
        if isinstance(frame, StatusFrame) and self._is_last(frame):
            self.over = frame
        return [frame] if self._is_wanted(frame) else []

    def _greeted(self, hello: Hello) -> list[AnyFrame]:
        away = self._away(hello)
        self.hello = hello
        if self._seq is None or not (self._resume or self._is_known(hello)):
            self._epoch, self._seq = hello.epoch, hello.seq
        at_the_end = (self._epoch, self._seq) == (hello.epoch, hello.last_seq)
        if _is_over(hello.state) and at_the_end and not self._endless:
            self.over = hello
        return away

    def _away(self, hello: Hello) -> list[AnyFrame]:
        """What the client says itself where it does not ask for what it has missed."""
        if self._resume or self._seq is None or hello.epoch != self._epoch:
            return []
        if hello.seq <= self._seq:
            return []
        gap = GapFrame(
            session_id=hello.session_id,
            epoch=hello.epoch,
            seq=hello.seq,
            missed_from=self._seq + 1,
            missed_to=hello.seq,
            reason=AWAY,
        )
        self.missed += gap.missed_to - gap.missed_from + 1
        return [gap] if self._is_wanted(gap) else []

    def _is_known(self, frame: AnyFrame) -> bool:
        if self._epoch is None or self._seq is None:
            return False
        return (frame.epoch, frame.seq) <= (self._epoch, self._seq)

    def _is_wanted(self, frame: AnyFrame) -> bool:
        return self._kinds is None or kind_of(frame) in self._kinds

    def _is_last(self, frame: StatusFrame) -> bool:
        current = self.hello is None or frame.epoch >= self.hello.epoch
        return current and _is_over(frame.state) and not self._endless


def _types(kinds: frozenset[str]) -> dict[str, object]:
    """The query of a filter; what belongs to a connection comes anyway, and cannot be asked for."""
    asked = sorted(kinds - {"hello", "gap", "bye"})
    return {"types": ",".join(asked)} if asked else {}


def _is_over(state: str) -> bool:
    return state in (SessionState.STOPPED, SessionState.FAILED)
