"""The one thread that writes: frames in batches, what must not be lost at once and synced.

Nothing is dropped. If the queue is full or the database fails, whoever writes next is told, and a
session that cannot be kept ends loudly.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TypeVar

import structlog
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from hadua.models.errors import HaduaError
from hadua.service.storage.database import Database
from hadua.service.storage.errors import StorageError
from hadua.service.storage.packing import packed
from hadua.service.storage.tables import frames

MOST_WAITING = 50_000
BATCH = 500
LINGER_S = 0.2  # how long a frame may wait for others to be committed with
JOIN_S = 10.0
TRIES = 2

T = TypeVar("T")
Row = dict[str, object]

_log = structlog.get_logger("hadua.storage")


@dataclass(slots=True)
class _Job:
    """A change that is committed by itself, and somebody who may wait for it."""

    change: Callable[[Connection], object]
    done: "Future[object]"
    durable: bool


class StorageWriter:
    """Owns the connection that writes.

    Args:
        database: Where to.
        most_waiting: Frames and changes that may wait.
    """

    def __init__(self, database: Database, *, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._queue: Queue[Row | _Job | None] = Queue(most_waiting + 1)
        self._most_waiting = most_waiting
        self._error: StorageError | None = None
        self._full: bool | None = None
        self.written = 0
        self.lost = 0
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Frames and changes that are not written yet."""
        return self._queue.qsize()

    @property
    def error(self) -> StorageError | None:
        """Why nothing is written any more, or None."""
        return self._error

    def append(self, row: Row) -> None:
        """Keep a frame, soon; never waits.

        Raises:
            StorageError: it cannot be kept.
        """
        self._require_room()
        self._queue.put_nowait(row)

    def submit(self, change: Callable[[Connection], T], *, durable: bool = True) -> "Future[T]":
        """Make a change in a transaction of its own, after everything appended before.

        Args:
            change: Called in the writer's thread.
            durable: Synced to the disk before the future is done.

        Raises:
            StorageError: it cannot be written.
        """
        self._require_room()
        done: Future[object] = Future()
        self._queue.put_nowait(_Job(change, done, durable))
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

    def close(self) -> None:
        """Write what waits, then end the thread; closing twice is no error."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(JOIN_S)

    def _require_room(self) -> None:
        if self._error is not None:
            raise self._error
        if self._queue.qsize() >= self._most_waiting:
            raise StorageError(
                "the database does not keep up",
                got=f"{self._queue.qsize()} frames waiting",
                expected=f"at most {self._most_waiting}",
                hint="Is the disk slow or full?",
            )

    def _run(self) -> None:
        try:
            with self._database.connect() as connection:
                while self._turn(connection):
                    pass
        except HaduaError as error:
            self._fail(error)
        self._refuse_rest()

    def _turn(self, connection: Connection) -> bool:
        """Write one batch, and the job that ended it; False at the end."""
        rows, last = self._collect()
        try:
            written = not rows or self._write(connection, rows)
        except Exception as error:  # noqa: BLE001 - the one place where the thread's faults end
            _log.exception("storage failed unexpectedly")
            self._fail(StorageError("the database", got=f"{type(error).__name__} while writing"))
            self.lost += len(rows)
            written = False
        if not written:
            self._refuse(last)
        elif isinstance(last, _Job):
            self._do(connection, last)
        return last is not None

    def _collect(self) -> tuple[list[Row], "_Job | _Linger | None"]:
        rows: list[Row] = []
        until_s = 0.0
        while len(rows) < BATCH:
            try:
                wait_s = None if not rows else max(until_s - time.monotonic(), 0.0)
                item = self._queue.get(timeout=wait_s)
            except Empty:
                break
            if not isinstance(item, dict):
                return rows, item
            if not rows:
                until_s = time.monotonic() + LINGER_S
            rows.append({**item, "text": packed(str(item["text"]))})
        return rows, _LINGER

    def _write(self, connection: Connection, rows: list[Row]) -> bool:
        if self._error is None:
            for attempt in range(TRIES):
                try:
                    self._sync(connection, full=False)
                    connection.execute(insert(frames), rows)
                    connection.commit()
                except IntegrityError as error:  # of a session that is not on record
                    connection.rollback()
                    return self._write_alone(connection, rows, error)
                except SQLAlchemyError as error:
                    connection.rollback()
                    if attempt == TRIES - 1:
                        self._fail(self._database.failed("cannot be written", error))
                else:
                    self.written += len(rows)
                    return True
        self.lost += len(rows)
        return False

    def _write_alone(self, connection: Connection, rows: list[Row], error: IntegrityError) -> bool:
        """Each row by itself, so that one that does not fit costs no other its place."""
        if len(rows) == 1:
            self.lost += 1
            _log.error("frame not kept", error=str(self._database.failed("refused it", error)))
            return True
        return all([self._write(connection, [row]) for row in rows])

    def _do(self, connection: Connection, job: _Job) -> None:
        if self._error is not None:
            job.done.set_exception(self._error)
            return
        try:
            self._sync(connection, full=job.durable)
            answer = job.change(connection)
            connection.commit()
        except SQLAlchemyError as error:
            connection.rollback()
            job.done.set_exception(self._database.failed("cannot be written", error))
        except Exception as error:  # noqa: BLE001 - it is the caller's, who waits for it
            connection.rollback()
            job.done.set_exception(error)
        else:
            job.done.set_result(answer)

    def _sync(self, connection: Connection, *, full: bool) -> None:
        """FULL syncs every commit to the disk (0.17 ms), NORMAL only some (0.014 ms)."""
        if self._database.is_file and full is not self._full:
            self._full = full
            connection.execute(text(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}"))
            connection.commit()

    def _fail(self, error: HaduaError) -> None:
        self._error = error if isinstance(error, StorageError) else StorageError(str(error))
        _log.error("storage failed", error=str(error))

    def _refuse(self, item: "Row | _Job | _Linger | None") -> None:
        if isinstance(item, _Job) and self._error is not None:
            item.done.set_exception(self._error)

    def _refuse_rest(self) -> None:
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(item, dict):
                self.lost += 1
            self._refuse(item)


class _Linger:
    """The batch ended because it was full or nothing more came."""


_LINGER = _Linger()
