"""Queries and changes about tokens; none of them ever sees a token."""

from sqlalchemy import Connection, insert, select, update

from hadua.service.access.errors import TokenExistsError, TokenUnknownError
from hadua.service.storage.records import TokenRecord
from hadua.service.storage.tables import tokens

_IN_FORCE = tokens.c.revoked_unix.is_(None)


def in_force(connection: Connection) -> dict[str, TokenRecord]:
    """Every token in force, by its digest."""
    rows = connection.execute(select(tokens).where(_IN_FORCE).order_by(tokens.c.n)).all()
    return {row.digest: TokenRecord(row.name, row.role, row.created_unix) for row in rows}


def add(connection: Connection, record: TokenRecord, *, digest: str) -> None:
    """Put a token in force.

    Raises:
        TokenExistsError: one of this name is.
    """
    if any(each.name == record.name for each in in_force(connection).values()):
        raise TokenExistsError(
            f"a token {record.name!r} is in force",
            hint="Revoke it first, or choose another name: one person, one token.",
        )
    row = {
        "name": record.name,
        "role": record.role,
        "digest": digest,
        "created_unix": record.created_unix,
    }
    connection.execute(insert(tokens).values(row))


def revoke(connection: Connection, name: str, *, now_unix: float) -> None:
    """Take a token out of force.

    Raises:
        TokenUnknownError: none of this name is.
    """
    mine = _IN_FORCE & (tokens.c.name == name)
    if not connection.execute(update(tokens).where(mine).values(revoked_unix=now_unix)).rowcount:
        raise TokenUnknownError(
            f"no token {name!r} is in force", hint="hadua tokens list shows which are."
        )
