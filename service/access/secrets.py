"""Tokens and tickets: random, shown once, and known by their digest alone.

A token holds 256 random bits, so one fast hash is enough: there is nothing to guess from. The
digest is what is looked up and compared; how long that takes says nothing of a token.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "hadua_"


def new_token() -> str:
    """A token that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def matching(digest: str, known: Iterable[str]) -> str | None:
    """The known digest that equals `digest`; every one is compared, whatever is found."""
    found = None
    for each in known:
        if hmac.compare_digest(each, digest):
            found = each
    return found
