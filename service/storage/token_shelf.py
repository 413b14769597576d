"""Tokens that are kept, by their digests alone."""

from sqlalchemy import Connection

from hadua.service.access.roles import Role
from hadua.service.access.secrets import digest_of, new_token
from hadua.service.storage import keys, trail
from hadua.service.storage.records import TokenRecord
from hadua.service.storage.shelf import OPERATOR, Shelf


class TokenShelf(Shelf):
    """Who may ask."""

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
