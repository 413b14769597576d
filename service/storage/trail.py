"""The audit trail: who did what, and when. Rows are added, never changed."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from hadua.service.storage.records import AuditEntry
from hadua.service.storage.tables import audit


def note(
    connection: Connection,
    *,
    at_unix: float,
    actor: str,
    action: str,
    token: str | None = None,
    detail: Mapping[str, str | int | float] | None = None,
) -> None:
    """Add an entry.

    Args:
        connection: In a transaction, with what is noted.
        at_unix: When.
        actor: Who; `operator` where nobody is told apart.
        action: What, as in `participant erased`.
        token: Of the participant; never an id.
        detail: Plain facts; no id of a person.
    """
    text = json.dumps(detail or {}, sort_keys=True)
    row = {"at_unix": at_unix, "actor": actor, "action": action, "token": token, "detail": text}
    connection.execute(insert(audit).values(row))


def entries(
    connection: Connection, *, after: int = 0, limit: int = 100, token: str | None = None
) -> list[AuditEntry]:
    """Entries numbered above `after`, oldest first; of one participant, if asked."""
    query = select(audit).where(audit.c.n > after).order_by(audit.c.n).limit(limit)
    if token is not None:
        query = query.where(audit.c.token == token)
    return [AuditEntry(**row._asdict()) for row in connection.execute(query).all()]
