"""Everything that is kept, behind calls that any thread may make.

Reads and `call`s block: make them in a worker thread. `began`, `append` and `ended` never wait and
may be called on the event loop.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection, text

from hadua.service.access.roles import Role
from hadua.service.access.secrets import digest_of, new_token
from hadua.service.journal import Published
from hadua.service.storage import keys, lives, people, trail
from hadua.service.storage.database import Database, sqlite_url
from hadua.service.storage.errors import ConsentMissingError, ParticipantUnknownError
from hadua.service.storage.records import (
    AuditEntry,
    Consent,
    Erased,
    Participant,
    SessionRecord,
    TokenRecord,
)
from hadua.service.storage.writer import StorageWriter

OPERATOR = "operator"

T = TypeVar("T")


class Storage:
    """The database of a service.

    Args:
        database: Open and migrated; it is closed with this.
        unix_clock: Unix seconds now.
    """

    def __init__(self, database: Database, *, unix_clock: Callable[[], float]) -> None:
        self.database = database
        self._unix_clock = unix_clock
        self.writer = StorageWriter(database)
        self.last_epoch = database.read(lives.last_epoch)
        """The greatest epoch that is kept."""

    @classmethod
    def open(cls, folder: Path, *, url: str | None = None, unix_clock: Callable[[], float]) -> Self:
        """The database of a data folder, or the one of a URL.

        Raises:
            StorageError: it cannot be opened, or is of a newer version.
        """
        return cls(Database(url or sqlite_url(folder)), unix_clock=unix_clock)

    def recover(self) -> list[SessionRecord]:
        """Close the sessions that an earlier service left open; for a service to call, once.

        Where other services share the database, what is open may be theirs: it is left alone.
        """
        with self.database.joined() as alone:
            return self.writer.call(lives.close_interrupted) if alone else []

    def close(self) -> None:
        """Write what waits and let go."""
        self.writer.close()
        self.database.close()

    # Sessions

    def began(self, record: SessionRecord) -> Future[None]:
        """Note that a session has started, before anything it says."""
        return self.writer.submit(lambda c: lives.began(c, record))

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
        """Note that a session is over, after all it has said."""
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
            )
        )

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
        self.writer.submit(lambda _: None, durable=False).result(30.0)

    # Participants

    def participants(self, *, after: str = "", limit: int = 100) -> list[Participant]:
        """Participants in the order of their ids, those after `after`."""
        return self.database.read(lambda c: people.every(c, after=after, limit=limit))

    def participant(self, participant: str) -> Participant:
        """One of them.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """
        return self.database.read(lambda c: people.one(c, participant))

    def admit(self, participant: str, *, consent: bool) -> None:
        """See that a session of a participant may begin.

        Args:
            participant: Whose.
            consent: Whether it must be on record; else an unknown participant is entered.

        Raises:
            ConsentMissingError: it is not.
        """
        if consent:
            self.require_consent(participant)
        else:
            self.ensure(participant)

    def require_consent(self, participant: str) -> None:
        """Raise `ConsentMissingError` unless a consent of theirs is in force."""
        try:
            found = self.participant(participant)
        except ParticipantUnknownError:
            found = None
        if found is None or not found.consented:
            raise ConsentMissingError(
                f"participant {participant!r}",
                got="consent withdrawn" if found and found.consents else "no consent on record",
                expected="a consent recorded before the session starts",
                hint="Show the notice, then, on the page Participants or by command: "
                f"hadua participants consent {participant} --notice notice/1 --by YOU",
            )

    def enter(self, participant: str, *, actor: str = OPERATOR) -> Participant:
        """Enter a participant.

        Raises:
            ParticipantExistsError: the id is taken.
        """
        return self._noted(
            "participant entered",
            actor,
            participant,
            lambda c, now_unix: people.enter(c, participant, now_unix=now_unix),
        )

    def ensure(self, participant: str) -> None:
        """Enter a participant who is not entered yet."""
        try:
            self.participant(participant)
        except ParticipantUnknownError:
            self.enter(participant)

    def consent(
        self, participant: str, *, notice: str, recorded_by: str, actor: str = OPERATOR
    ) -> Participant:
        """Record a consent.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """
        return self._noted(
            "consent recorded",
            actor,
            participant,
            lambda c, now_unix: people.consent(
                c, participant, Consent(now_unix, notice, recorded_by)
            ),
        )

    def withdraw(self, participant: str, *, actor: str = OPERATOR) -> Participant:
        """Record that a consent was taken back.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """
        return self._noted(
            "consent withdrawn",
            actor,
            participant,
            lambda c, now_unix: people.withdraw(c, participant, now_unix=now_unix),
        )

    def erase(self, participant: str, *, actor: str = OPERATOR, **also: int) -> Erased:
        """Delete every row of a participant, and what the database still holds of them.

        Args:
            participant: Whose.
            actor: Who asks for it.
            also: What else of theirs was removed, for the trail.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """

        def change(c: Connection) -> Erased:
            token = people.token_of(c, participant)
            gone = people.erase(c, participant)
            detail = {"sessions": gone.sessions, "frames": gone.frames} | also
            trail.note(
                c,
                at_unix=self._unix_clock(),
                actor=actor,
                action="participant erased",
                token=token,
                detail=detail,
            )
            return gone

        gone = self.writer.call(change)
        self.compact()
        return gone

    def compact(self) -> None:
        """Leave nothing of deleted rows in the file or its log; waits for readers to finish."""
        if self.database.is_file:
            self.writer.call(_compact)

    # Tokens

    def tokens(self) -> dict[str, TokenRecord]:
        """Every token in force, by its digest."""
        return self.database.read(keys.in_force)

    def add_token(self, name: str, role: Role, *, actor: str = OPERATOR) -> str:
        """A new token, which nobody can be shown again.

        Raises:
            TokenExistsError: one of this name is in force.
        """
        token, now_unix = new_token(), self._unix_clock()
        record = TokenRecord(name, str(role), now_unix)

        def change(c: Connection) -> None:
            keys.add(c, record, digest=digest_of(token))
            detail = {"name": name, "role": str(role)}
            trail.note(c, at_unix=now_unix, actor=actor, action="token added", detail=detail)

        self.writer.call(change)
        return token

    def revoke_token(self, name: str, *, actor: str = OPERATOR) -> None:
        """Take a token out of force.

        Raises:
            TokenUnknownError: none of this name is.
        """
        now_unix = self._unix_clock()

        def change(c: Connection) -> None:
            keys.revoke(c, name, now_unix=now_unix)
            trail.note(
                c, at_unix=now_unix, actor=actor, action="token revoked", detail={"name": name}
            )

        self.writer.call(change)

    # The trail

    def note(self, action: str, *, actor: str = OPERATOR, **detail: str | int | float) -> None:
        """Add to the audit trail, without waiting."""
        now_unix = self._unix_clock()
        self.writer.submit(
            lambda c: trail.note(c, at_unix=now_unix, actor=actor, action=action, detail=detail)
        )

    def acted(
        self,
        action: str,
        *,
        participant: str,
        actor: str = OPERATOR,
        detail: Mapping[str, str | int | float],
    ) -> None:
        """Note what was done that concerns a participant; it is on the disk when this returns.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """
        now_unix = self._unix_clock()

        def change(c: Connection) -> None:
            token = people.token_of(c, participant)
            trail.note(c, at_unix=now_unix, actor=actor, action=action, token=token, detail=detail)

        self.writer.call(change)

    def trail(
        self, *, after: int = 0, limit: int = 100, participant: str | None = None
    ) -> list[AuditEntry]:
        """The audit trail, oldest first; of one participant, if asked.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """

        def query(c: Connection) -> list[AuditEntry]:
            token = None if participant is None else people.token_of(c, participant)
            return trail.entries(c, after=after, limit=limit, token=token)

        return self.database.read(query)

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

    def _noted(
        self, action: str, actor: str, participant: str, change: Callable[[Connection, float], T]
    ) -> T:
        """A change and its entry in the trail, both or neither."""
        now_unix = self._unix_clock()

        def both(c: Connection) -> T:
            answer = change(c, now_unix)
            token = people.token_of(c, participant)
            trail.note(c, at_unix=now_unix, actor=actor, action=action, token=token)
            return answer

        return self.writer.call(both)


def _compact(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    if raw is not None:
        raw.commit()
    connection.commit()
    connection.exec_driver_sql("VACUUM")
    connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).all()
