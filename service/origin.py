"""Which web pages may talk to the service: only those that this machine itself serves."""

import ipaddress
from typing import ClassVar
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from hadua.models.errors import HaduaError


class OriginRefusedError(HaduaError):
    """A page from elsewhere asks."""

    code: ClassVar[str] = "origin-refused"


def require_local_origin(connection: HTTPConnection) -> None:
    """Refuse a browser's request on behalf of a page of another machine.

    Raises:
        OriginRefusedError: the `Origin` header names another host. Programs send none.
    """
    origin = connection.headers.get("origin")
    if origin is not None and not is_loopback(urlsplit(origin).hostname or ""):
        raise OriginRefusedError(
            "a page from elsewhere may not use this service",
            got=f"Origin {origin!r}",
            expected="a page from this machine (localhost)",
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
