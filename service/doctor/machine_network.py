"""LSL and the sockets of the computer that the program really runs on, as `Network`."""

import socket
import struct
import sys
import time
import uuid
from collections.abc import Sequence

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_discovery import StreamSummary, list_streams
from hadua.adapters.sources.lsl_library import pylsl
from hadua.adapters.sources.source import Source
from hadua.models.features import Modality
from hadua.service.doctor.machine import Machine
from hadua.service.doctor.surroundings import Library, Loopback, Transport
from hadua.service.sources import live_source

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class MachineNetwork:
    """This computer's network."""

    def library(self) -> Library:
        """Load LSL."""
        lsl = pylsl()
        version = Machine().version_of("pylsl") or "unknown"
        return Library(version, int(lsl.library_version()), str(getattr(lsl.lib.lib, "_name", "?")))

    def loopback(self, timeout_s: float) -> Loopback:
        """Make an outlet and look for it."""
        lsl, name = pylsl(), f"hadua-doctor-{uuid.uuid4().hex[:12]}"
        outlet = lsl.StreamOutlet(lsl.StreamInfo(name, "doctor", 1, 0.0, lsl.cf_float32, name))
        started_s = time.monotonic()
        found = lsl.resolve_byprop("source_id", name, 1, timeout_s)
        took_s = time.monotonic() - started_s
        return Loopback(took_s if found else None, str(outlet.get_info().session_id()))

    def multicast(self, group: str, port: int, timeout_s: float) -> str:
        """Send a datagram to a multicast group and receive it; why not, or empty if it came."""
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            word = uuid.uuid4().bytes
            try:
                receiver.bind(("", port))
                membership = struct.pack("=4s4s", socket.inet_aton(group), bytes(4))
                receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                sender.sendto(word, (group, receiver.getsockname()[1]))
                receiver.settimeout(timeout_s)
                while receiver.recv(64) != word:
                    continue
            except TimeoutError:
                return "a datagram was sent and did not come back"
            except OSError as error:
                return f"not possible on this network: {error.strerror or error}"
        return ""

    def resolves(self, name: str) -> bool:
        """Whether the name of a computer is known."""
        try:
            socket.getaddrinfo(name, None)
        except (OSError, UnicodeError):
            return False
        return True

    def taken(self, transport: Transport, host: str, port: int, *, shared: bool = False) -> str:
        """Why a port cannot be had, or empty; `shared`: together with others who share it."""
        try:
            info = socket.getaddrinfo(host, port, type=_KINDS[transport])[0]
            with socket.socket(info[0], info[1]) as probe:
                # On Windows this option takes a port away from others; elsewhere it only passes
                # over connections that have ended.
                if shared or (transport == "tcp" and sys.platform != "win32"):
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(info[4])
        except (OSError, OverflowError) as error:
            return str(getattr(error, "strerror", None) or error)
        return ""

    def streams(self, timeout_s: float) -> Sequence[StreamSummary]:
        """LSL streams on the network."""
        return list_streams(timeout_s)

    def source(self, text: str, modality: Modality) -> Source:
        """The source that a SOURCE text means."""
        return live_source(text, modality=modality)

    def clocks_apart_s(self) -> float:
        """How far liblsl's clock is ahead of the one that this program reads."""
        before_s = lsl_now_s()
        theirs_s = float(pylsl().local_clock())
        return theirs_s - 0.5 * (before_s + lsl_now_s())

    def now_s(self) -> float:
        """LSL seconds now."""
        return lsl_now_s()
