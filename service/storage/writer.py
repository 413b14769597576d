"""The one thread that writes: frames in batches, what must not be lost at once and synced.

Nothing is dropped in silence, and no session is kept with a hole: once a frame of it is lost,
nothing more of it is kept, and whoever writes next is told. The writer itself goes on: it tries
again with whatever comes, so that a disk that was full serves again once there is room.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

import structlog
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from hadua.service.storage.database import Database
from hadua.service.storage.errors import StorageError
from hadua.service.storage.inbox import Inbox
from hadua.service.storage.jobs import Job, Life, Row, life_of
from hadua.service.storage.packing import packed
from hadua.service.storage.tables import frames
from hadua.service.threads import SureThread

MOST_WAITING = 50_000
BATCH = 500
LINGER_S = 0.2  # how long a frame may wait for others to be committed with
RETRY_S = 1.0  # after a fault, for so long changes are refused at once
SHORT_S = 0.1  # until it is tried again what there was no memory for
JOIN_S = 10.0
TRIES = 2

T = TypeVar("T")
_log = structlog.get_logger("hadua.storage")


class StorageWriter:
    """Owns the connection that writes.

    Args:
        database: Where to.
        most_waiting: Frames and changes that may wait.
    """

    def __init__(self, database: Database, *, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._inbox: Inbox[Row | Job | None] = Inbox(enough=BATCH, linger_s=LINGER_S)
        self._most_waiting = most_waiting
        self._error: StorageError | None = None
        self._refused_until_s = 0.0
        self._broken: dict[Life, StorageError] = {}
        self._owed: deque[Job] = deque()
        self._rows: list[Row] = []  # what the thread has in hand
        self._last: Row | Job | None = None
        self._ended = False
        self._full: bool | None = None
        self.written = 0
        self.lost = 0
        self._thread = SureThread(target=self._run, name="storage", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Frames and changes that are not written yet."""
        return len(self._inbox)

    @property
    def error(self) -> StorageError | None:
        """Why the last frames could not be written; None if they could."""
        return self._error

    def append(self, row: Row) -> None:
        """Keep a frame, soon; never waits.

        Raises:
            StorageError: it cannot be kept, or one before it was not.
        """
        if self._broken and (error := self._broken.get(life_of(row))) is not None:
            raise error
        self._require_room()
        self._inbox.put(row, urgent=False)

    def submit(
        self,
        change: Callable[[Connection], T],
        *,
        durable: bool = True,
        of: Life | None = None,
        owed: bool = False,
    ) -> "Future[T]":
        """Make a change in a transaction of its own, after everything appended before.

        Args:
            change: Called in the writer's thread.
            durable: Synced to the disk before the future is done.
            of: Made only if every frame of this session's life was kept.
            owed: Where the database fails, tried again until it is made or the writer is closed.

        Raises:
            StorageError: it cannot be written.
        """
        self._require_room()
        done: Future[object] = Future()
        self._inbox.put(Job(change, done, durable, of, owed))
        return done  # type: ignore[return-value] # the queue holds changes of every kind

    def call(self, change: Callable[[Connection], T], *, timeout_s: float = 30.0) -> T:
        """`submit`, and wait for it.

        Raises:
            StorageError: it was not written, or not in time.
            HaduaError: what `change` raised; then nothing of it was written.
        """
        try:
            return self.submit(change).result(timeout_s)
        except TimeoutError:
            raise StorageError(
                "the database does not keep up", got=f"nothing within {timeout_s:g} s"
            ) from None

    def forget(self, life: Life) -> None:
        """A session is over: nothing more of it comes."""
        self._broken.pop(life, None)

    def close(self) -> None:
        """Write what waits, then end the thread; closing twice is no error."""
        if self._thread.is_alive():
            self._inbox.put(None)
            self._thread.join(JOIN_S)

    def _require_room(self) -> None:
        if len(self._inbox) >= self._most_waiting:
            raise StorageError(
                "the database does not keep up",
                got=f"{len(self._inbox)} frames waiting",
                expected=f"at most {self._most_waiting}",
                hint="Is the disk slow or full?",
            )

    def _run(self) -> None:
        while not self._ended:
            try:
                with self._database.connect() as connection:
                    self._full = None
                    while self._turn(connection):
                        pass
                    self._pay(connection)
            except StorageError as error:  # it cannot even be opened
                self._fail(error)
                self._lose_in_hand()
                self._refuse_all()
                time.sleep(0.0 if self._ended else RETRY_S)
            except Exception as error:  # noqa: BLE001 - the one place where the thread's faults end
                self._survive(error)
        self._refuse_all()
        for job in self._owed:
            job.refuse(self._error)

    def _survive(self, error: Exception) -> None:
        """Lose what was in hand, and nothing else; there may be no memory for that, at first."""
        while self._rows or self._last is not None:
            try:
                what = f"{type(error).__name__} while writing"
                self._fail(StorageError("the database", got=what))
                self._lose_in_hand()
            except MemoryError:
                time.sleep(SHORT_S)
        with suppress(MemoryError):
            _log.error("storage failed unexpectedly", exc_info=error)

    def _turn(self, connection: Connection) -> bool:
        """Write one batch, and the job that ended it; False at the end."""
        if self._owed and time.monotonic() >= self._refused_until_s:
            self._pay(connection)
        if self._collect():
            self._ended = True
        why_lost = self._write(connection, self._rows)
        self._rows = []
        if isinstance(self._last, Job):
            if why_lost is None:
                self._do(connection, self._last)
            else:
                self._put_off(self._last, why_lost)
        self._last = None
        return not self._ended

    def _collect(self) -> bool:
        """Take a batch in hand, and what ended it; whether that is the end of all."""
        self._rows, self._last = [], None
        self._inbox.wait(RETRY_S if self._owed else None)
        while len(self._rows) < BATCH and len(self._inbox):
            self._last = self._inbox.pop()
            if not isinstance(self._last, dict):
                return self._last is None
            self._rows.append(self._last)
            self._last = None
        return False

    def _write(self, connection: Connection, rows: list[Row]) -> StorageError | None:
        """Why a session that was whole up to here has lost frames; None if none has."""
        good = [row for row in rows if life_of(row) not in self._broken]
        self.lost += len(rows) - len(good)
        return self._insert(connection, good) if good else None

    def _insert(self, connection: Connection, rows: list[Row]) -> StorageError | None:
        values = [{**row, "text": packed(str(row["text"]))} for row in rows]
        for _ in range(TRIES):
            try:
                self._sync(connection, full=False)
                connection.execute(insert(frames), values)
                connection.commit()
            except IntegrityError as error:  # of a session that is not on record
                connection.rollback()
                return self._insert_alone(connection, rows, error)
            except SQLAlchemyError as error:
                connection.rollback()
                fault = self._database.failed("cannot be written", error)
            else:
                self.written += len(rows)
                self._works()
                return None
        self._fail(fault)
        self._lose(rows)
        return fault

    def _insert_alone(
        self, connection: Connection, rows: list[Row], error: IntegrityError
    ) -> StorageError | None:
        """Each row by itself, so that one that does not fit costs no other its place."""
        if len(rows) == 1:
            self.lost += 1
            _log.error("frame not kept", error=str(self._database.failed("refused it", error)))
            return None
        faults = [self._write(connection, [row]) for row in rows]
        return next(filter(None, faults), None)

    def _do(self, connection: Connection, job: Job) -> None:
        error = None if job.of is None else self._broken.get(job.of)
        if error is None and job.durable and time.monotonic() < self._refused_until_s:
            error = self._error
        if error is not None:
            self._put_off(job, error)
            return
        try:
            self._sync(connection, full=job.durable)
            answer = job.change(connection)
            connection.commit()
        except SQLAlchemyError as fault:
            connection.rollback()
            self._put_off(job, self._database.failed("cannot be written", fault))
        except Exception as fault:  # noqa: BLE001 - it is the caller's, who waits for it
            connection.rollback()
            job.refuse(fault)
        else:
            job.done.set_result(answer)
            if job.durable:
                self._works()

    def _pay(self, connection: Connection) -> None:
        """Try once more what is owed."""
        for _ in range(len(self._owed)):
            self._last = self._owed.popleft()
            self._do(connection, self._last)
        self._last = None

    def _put_off(self, job: Job, error: StorageError | None = None) -> None:
        if job.owed and not self._ended:
            self._owed.append(job)
            self._refused_until_s = max(self._refused_until_s, time.monotonic() + RETRY_S)
        else:
            job.refuse(error or self._error)

    def _sync(self, connection: Connection, *, full: bool) -> None:
        """FULL syncs every commit to the disk (0.17 ms), NORMAL only some (0.014 ms)."""
        if self._database.is_file and full is not self._full:
            self._full = full
            connection.execute(text(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}"))
            connection.commit()

    def _works(self) -> None:
        if self._error is not None:
            self._error, self._refused_until_s = None, 0.0
            _log.warning("storage works again", frames_lost=self.lost)

    def _fail(self, error: StorageError) -> None:
        self._error, self._refused_until_s = error, time.monotonic() + RETRY_S
        _log.error("storage failed", error=str(error))

    def _lose(self, rows: list[Row]) -> None:
        """Note that these are not kept, and that nothing more of their sessions can be."""
        error = self._error or StorageError("the database cannot be written")
        for row in rows:
            self._broken.setdefault(life_of(row), error)
        self.lost += len(rows)

    def _lose_in_hand(self) -> None:
        if isinstance(self._last, dict):
            self._rows.append(self._last)
        elif self._last is not None:
            self._put_off(self._last)
        self._last = None
        self._lose(self._rows)
        self._rows = []

    def _refuse_all(self) -> None:
        """What waits cannot be written either."""
        while len(self._inbox):
            item = self._inbox.pop()
            if item is None:
                self._ended = True
            elif isinstance(item, dict):
                self._lose([item])
            else:
                self._put_off(item)
