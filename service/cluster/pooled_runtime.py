"""A runtime that asks a pool first and its own network if no answer comes in time."""

import threading
from typing import Literal

from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array, Runtime, RuntimeName
from hadua.service.cluster.link import Outcome, PoolLink
from hadua.service.cluster.remote import HERE, Inferred, PoolError, PoolLateError, RemoteInference

_Input = tuple[Float32Array, Float32Array, BoolArray]


class PooledRuntime:
    """One session's; every call has an answer, at most `budget_s` later than the booth's own.

    A request is made in a thread, because a time limit on a socket is one for each of its waits
    and not for their sum. While one is still on its way no other is made: what would wait in a
    line behind it would be late, too.

    Args:
        own: The booth's network, loaded.
        remote: The pool.
        link: Whether it is worth asking, and the counts.
        budget_s: How long a window may wait for the pool.
    """

    def __init__(
        self, own: Runtime, remote: RemoteInference, link: PoolLink, *, budget_s: float
    ) -> None:
        self._own, self._remote, self._link, self._budget_s = own, remote, link, budget_s
        self.where = HERE
        self._lock = threading.Condition()
        self._asked: _Input | None = None
        self._answer: Inferred | PoolError | None = None
        self._busy = self._closed = False
        self._thread = threading.Thread(target=self._ask, name="pool-request", daemon=True)
        self._thread.start()

    @property
    def name(self) -> RuntimeName:
        """The booth's own."""
        return self._own.name

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """The booth's own."""
        return self._own.device

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """The pool's answer if it comes in time, else the booth's own."""
        outcome, answer = self._asked_in_time((eeg, eye, present))
        self._link.note(outcome, answer if isinstance(answer, PoolError) else None)
        if isinstance(answer, Inferred):
            self.where = answer.where
            return answer.logits
        self.where = f"{HERE}: pool {outcome}"
        return self._own.logits(eeg, eye, present)

    def close(self) -> None:
        """Let go of both."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._own.close()

    def _asked_in_time(self, given: _Input) -> tuple[Outcome, Inferred | PoolError | None]:
        if not self._link.worth_asking:
            return Outcome.AWAY, None
        with self._lock:
            if self._busy:
                return Outcome.BUSY, None
            # What the pipeline gives is its own, and it goes on before a late request is sent.
            self._asked = given[0].copy(), given[1].copy(), given[2].copy()
            self._answer, self._busy = None, True
            self._lock.notify_all()
            self._lock.wait_for(lambda: self._answer is not None, timeout=self._budget_s)
            answer = self._latest()
        if answer is None or isinstance(answer, PoolLateError):
            return Outcome.LATE, answer
        return (Outcome.FAILED if isinstance(answer, PoolError) else Outcome.POOL), answer

    def _latest(self) -> Inferred | PoolError | None:
        return self._answer

    def _ask(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._asked is not None or self._closed)
                given, self._asked = self._asked, None
                if self._closed or given is None:
                    return
            answer: Inferred | PoolError
            try:
                answer = self._remote.infer(*given, within_s=self._budget_s)
            except PoolError as error:
                answer = error
            with self._lock:
                self._answer, self._busy = answer, False
                self._lock.notify_all()
