"""The audit trail: who did what, when. It names no participant."""

from collections.abc import Mapping
from concurrent.futures import Future

from sqlalchemy import Connection

from hadua.service.storage import people, trail
from hadua.service.storage.records import AuditEntry
from hadua.service.storage.shelf import OPERATOR, Shelf


class TrailShelf(Shelf):
    """What was done."""

    def note(
        self, action: str, *, actor: str = OPERATOR, **detail: str | int | float
    ) -> Future[None]:
        """Add to the audit trail; whoever wants to may wait for it."""
        now_unix = self._unix_clock()
        return self.writer.submit(
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
