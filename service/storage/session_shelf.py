"""Sessions that are kept, and what they said."""

from concurrent.futures import Future

from sqlalchemy import Connection

from hadua.service.journal import Published
from hadua.service.storage import lives, presence, trail
from hadua.service.storage.jobs import Life
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.shelf import Shelf


class SessionShelf(Shelf):
    """Sessions and their frames. `began`, `append` and `ended` never wait."""

    def recover(self) -> list[SessionRecord]:
        """Close the sessions that a service left open which is no more; which those were.

        On a server's database other services may be at work, and what is theirs is left alone: this
        may be called at any time. A file has one service, which calls it once, at its start.

        Raises:
            StorageError: the database does not answer.
        """
        return self.writer.call(
            lives.close_interrupted if self.database.is_file else presence.close_abandoned
        )

    def began(self, record: SessionRecord) -> Future[None]:
        """Note that a session has started, before anything it says."""

        def change(c: Connection) -> None:
            self.presence.hold(record.id, record.epoch)
            lives.began(c, record)

        return self.writer.submit(change)

    def append(self, item: Published) -> None:
        """Keep a frame.

        Raises:
            StorageError: it cannot be kept.
        """
        self.writer.append(
            {
                "session_id": item.session_id,
                "epoch": item.epoch,
                "seq": item.seq,
                "kind": item.kind,
                "at_unix": self._unix_clock(),
                "text": item.text,
            }
        )

    def ended(self, session_id: str, epoch: int, *, state: str, reason: str, last_seq: int) -> None:
        """Note that a session is over, after all it has said; while the disk refuses, later."""
        now_unix = self._unix_clock()
        self.writer.submit(
            lambda c: lives.ended(
                c,
                session_id,
                epoch,
                state=state,
                reason=reason,
                now_unix=now_unix,
                last_seq=last_seq,
            ),
            owed=True,
        ).add_done_callback(lambda _: self._let_go(session_id, epoch))

    def sessions(
        self,
        *,
        participant: str | None = None,
        before: tuple[float, str] | None = None,
        limit: int = 100,
    ) -> list[SessionRecord]:
        """Sessions, newest first; see `lives.every`."""
        return self.database.read(
            lambda c: lives.every(c, participant=participant, before=before, limit=limit)
        )

    def session(self, session_id: str) -> SessionRecord | None:
        """The newest life of a session, or None."""
        return self.database.read(lambda c: lives.latest(c, session_id))

    def frames_after(
        self,
        session_id: str,
        epoch: int,
        *,
        seq: int,
        limit: int,
        kind: lives.FrameKind | None = None,
    ) -> list[tuple[int, str, str]]:
        """`(seq, kind, text)` of what was said after `seq`, oldest first."""
        self.flush()
        return self.database.read(
            lambda c: lives.frames_after(c, session_id, epoch, seq=seq, limit=limit, kind=kind)
        )

    def frames_since(
        self, session_id: str, *, epoch: int, seq: int, limit: int
    ) -> list[tuple[int, int, lives.FrameKind, str]]:
        """`(epoch, seq, kind, text)` of what was said since, also in later epochs, oldest first.

        Where there are more than `limit`, the newest.
        """
        self.flush()
        return self.database.read(
            lambda c: lives.frames_since(c, session_id, epoch=epoch, seq=seq, limit=limit)
        )

    def first_seq(self, session_id: str, epoch: int) -> int | None:
        """The oldest `seq` that is kept of a session, or None."""
        return self.database.read(lambda c: lives.first_seq(c, session_id, epoch))

    def flush(self) -> None:
        """Wait until everything appended before is written."""
        self.committed().result(30.0)

    def committed(self, of: Life | None = None) -> Future[None]:
        """Done once everything appended before is committed: it outlives this process then.

        Args:
            of: It fails where any frame of this session's life is lost.

        Raises:
            StorageError: it cannot be written.
        """
        return self.writer.submit(lambda _: None, durable=False, of=of)

    def forget_before(self, unix: float) -> tuple[int, int]:
        """Delete frames and ended sessions from before a time; how many of each."""

        def change(c: Connection) -> tuple[int, int]:
            n_frames, n_sessions = lives.forget_before(c, unix)
            if n_frames or n_sessions:
                trail.note(
                    c,
                    at_unix=self._unix_clock(),
                    actor="retention",
                    action="forgotten",
                    detail={"frames": n_frames, "sessions": n_sessions},
                )
            return n_frames, n_sessions

        return self.writer.call(change)

    def _let_go(self, session_id: str, epoch: int) -> None:
        self.writer.forget((session_id, epoch))
        self.presence.let_go(session_id, epoch)
