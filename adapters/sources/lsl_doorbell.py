"""Whether an outlet of this computer has gone: its port is knocked at, and no network asked.

liblsl asks for outlets every 1.3 s, and one that does not answer once may still be there, so that
one has gone is known late by it, after 3 to 3.5 s. The port of a program that has ended refuses a
connection at once (Windows takes two seconds over it).
"""

import errno
import socket
import time
from xml.etree import ElementTree

from hadua.adapters.sources.lsl_library import LslInfo

_WAIT_S = 5.0  # for an answer
_REFUSED = (errno.ECONNREFUSED, errno.ECONNRESET)
_PENDING = (
    *(errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY),
    getattr(errno, "WSAEINVAL", errno.EALREADY),  # Windows, of a connection that has begun
)
_HERE = "127.0.0.1"


class Doorbell:
    """Knocks at the ports of this computer's outlets, and never waits for an answer."""

    def __init__(self) -> None:
        self._rung: dict[str, tuple[socket.socket, float]] = {}

    def refused(self, info: LslInfo) -> bool:
        """Whether nobody is there any more; where that is not known yet, ask again."""
        port = _port(info)
        if port is None:
            return False
        knock, since_s = self._rung.pop(info.uid(), (None, time.monotonic()))
        if knock is None:
            knock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            knock.setblocking(False)
        code = knock.connect_ex((_HERE, port))  # of one that has begun: how it stands
        if code in _PENDING and time.monotonic() < since_s + _WAIT_S:
            self._rung[info.uid()] = knock, since_s
        else:
            knock.close()
        return code in _REFUSED

    def close(self) -> None:
        """Wait for no answer any more."""
        for knock, _ in self._rung.values():
            knock.close()
        self._rung.clear()


def _port(info: LslInfo) -> int | None:
    """Where an outlet of this computer gives its samples; None of another computer's."""
    if info.hostname() != socket.gethostname():
        return None  # liblsl tells of no address, and to look one up may take long
    try:
        return int(ElementTree.fromstring(info.as_xml()).findtext("v4data_port") or 0) or None
    except (ElementTree.ParseError, ValueError):
        return None  # a sender that describes itself badly
