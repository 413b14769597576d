"""Which names and pages are ours: a browser elsewhere must not be made to ask for somebody.

The `Host` of a request is checked because a name that was made to point here (DNS rebinding) would
pass for the page's own; the `Origin` because WebSockets are not held back by the browser.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from hadua.service.access.errors import HostRefusedError, OriginRefusedError


class Places:
    """The names that this service answers to, and the pages that may use it.

    Args:
        host: What it listens on.
        names: Further names of this machine.
        origins: Pages elsewhere that may use it, as `https://lab.example:8443`.
    """

    def __init__(
        self, host: str, *, names: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> None:
        self._names = {host.lower(), *(name.lower() for name in names)}
        self._any_address = host in ("0.0.0.0", "::")
        self.origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    def require(self, connection: HTTPConnection) -> None:
        """Let a request pass, or say why not.

        Raises:
            HostRefusedError: it was sent to a name that is not ours.
            OriginRefusedError: a page from elsewhere sent it.
        """
        host = connection.headers.get("host", "")
        if not self._is_ours(_name(host)):
            raise HostRefusedError(
                "a request for another machine",
                got=f"Host {host[:120]!r}",
                expected="a name or address of this service",
                hint="If this name is yours, add it to the setting allowed_hosts.",
            )
        origin = connection.headers.get("origin")
        if origin is not None and not self._may_ask(origin, host):
            raise OriginRefusedError(
                "a page from elsewhere may not use this service",
                got=f"Origin {origin[:120]!r}",
                expected="a page of this service",
                hint="If you trust that page, add its origin to the setting allowed_origins.",
            )

    def _is_ours(self, name: str) -> bool:
        if is_loopback(name) or name in self._names:
            return True
        return self._any_address and is_address(name)  # an address cannot be rebound

    def _may_ask(self, origin: str, host: str) -> bool:
        if origin.lower() in self.origins:
            return True
        try:
            page = urlsplit(origin).netloc
        except ValueError:  # brackets that hold no address
            return False
        # Pages of this machine, on other ports too: a notebook or an experiment beside us.
        return page.lower() == host.lower() or is_loopback(_name(page))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether it is an address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _name(netloc: str) -> str:
    """The host of `host:port`, in lower case; empty if it is neither."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
