"""Participants that are kept: who they are, what they agreed to, and that they are erased."""

from collections.abc import Collection

from sqlalchemy import Connection, text

from hadua.service.storage import people, trail
from hadua.service.storage.errors import ConsentMissingError, ParticipantUnknownError
from hadua.service.storage.records import Consent, Erased, Participant
from hadua.service.storage.shelf import OPERATOR, Shelf


class PeopleShelf(Shelf):
    """Participants and their consent."""

    def participants(self, *, after: str = "", limit: int = 100) -> list[Participant]:
        """Participants in the order of their ids, those after `after`."""
        return self.database.read(lambda c: people.every(c, after=after, limit=limit))

    def participant(self, participant: str) -> Participant:
        """One of them.

        Raises:
            ParticipantUnknownError: nobody of that id.
        """
        return self.database.read(lambda c: people.one(c, participant))

    def entered(self, names: Collection[str]) -> set[str]:
        """Those of these who are entered."""
        return self.database.read(lambda c: people.entered(c, names))

    def withdrawn(self, names: Collection[str]) -> set[str]:
        """Those of these who consented once, and do not any more."""
        return self.database.read(lambda c: people.withdrawn(c, names))

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


def _compact(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    if raw is not None:
        raw.commit()
    connection.commit()
    connection.exec_driver_sql("VACUUM")
    connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).all()
