"""One connection to a FieldTrip buffer: mne-realtime's client, bounded in time and memory."""

import importlib.util
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.bounded_socket import BoundedSocket, OversizedAnswerError, connect
from hadua.models.errors import (
    HaduaError,
    RuntimeUnavailableError,
    StreamInvalidError,
    StreamNotFoundError,
)

T = TypeVar("T")

_HEADER_BYTES = 16 << 20  # room for the 3 MB of calibration that MEG systems put there
_DATA_HEAD_BYTES = 16
_SMALL_BYTES = 64
_PROBE_S = 0.5
_NO_EVENTS = 2**32 - 1
_NAMES, _RESOLUTIONS = 1, 3


class LinkDownError(HaduaError):
    """The buffer cannot be reached, has hung up, or does not answer; trying again may help."""

    code = "fieldtrip-link-down"


@dataclass(frozen=True, slots=True)
class RawHeader:
    """A buffer's header, as sent.

    Args:
        n_channels: Channels per sample.
        n_samples: Samples put so far.
        rate_hz: Sampling rate.
        data_type: Number of the type of the samples.
        names: Chunk of channel names, each ended by a zero byte, or None.
        resolutions: Chunk of one float64 per channel, or None.
        n_bytes: Size of all chunks.
    """

    n_channels: int
    n_samples: int
    rate_hz: float
    data_type: int
    names: bytes | None
    resolutions: bytes | None
    n_bytes: int


class FieldTripLink:
    """A connection; every call answers within its time or raises.

    The protocol is in mne-realtime's low-level client, on a socket of ours: its own has no
    time-outs, asks for as many bytes as it is told, and spins when the server is gone.

    Args:
        host: Name or address.
        port: TCP port.
        timeout_s: Time to connect.

    Raises:
        LinkDownError: nobody answers there.
        StreamNotFoundError: no such host.
        RuntimeUnavailableError: mne-realtime is not installed.
    """

    def __init__(self, host: str, port: int, *, timeout_s: float) -> None:
        self._where = f"{host}:{port}"
        client = _client_module().Client()
        self._socket = _connected(host, port, timeout_s)
        client.sock, client.isConnected = self._socket, True
        self._client = client

    def header(self, timeout_s: float, *, probe: bool = False) -> RawHeader | None:
        """The header; None if no program has put one yet. A probe finds out web servers."""
        try:
            raw = self._exchange(self._client.getHeader, timeout_s, limit_bytes=_HEADER_BYTES)
        except LinkDownError:
            if probe:
                self._refuse_http()
            raise
        if raw is None:
            return None
        return RawHeader(
            n_channels=int(raw.nChannels),
            n_samples=int(raw.nSamples),
            rate_hz=float(raw.fSample),
            data_type=int(raw.dataType),
            names=raw.chunks.get(_NAMES),
            resolutions=raw.chunks.get(_RESOLUTIONS),
            n_bytes=sum(len(chunk) for chunk in raw.chunks.values()),
        )

    def wait(self, above: int, *, wait_s: float, timeout_s: float) -> int:
        """Wait until more than `above` samples were put; how many there are by then.

        Args:
            above: A number of samples.
            wait_s: How long the buffer may wait; it answers then, whether there are more or not.
            timeout_s: How long the answer may take after that.
        """
        count, _ = self._exchange(
            lambda: self._client.wait(above, _NO_EVENTS, int(1e3 * wait_s)),
            wait_s + timeout_s,
            limit_bytes=_SMALL_BYTES,
        )
        return int(count)

    def samples(
        self, first: int, stop: int, *, width: int, timeout_s: float
    ) -> npt.NDArray[np.generic] | None:
        """Samples `first` up to `stop`, `(n, n_channels)`; None if some are not in the buffer.

        `width` is the size of one in bytes.
        """
        block: npt.NDArray[np.generic] | None = self._exchange(
            lambda: self._client.getData((first, stop - 1)),
            timeout_s,
            limit_bytes=_DATA_HEAD_BYTES + (stop - first) * width,
        )
        return block

    def close(self) -> None:
        """Hang up; idempotent."""
        self._socket.close()

    def _exchange(self, ask: Callable[[], T], timeout_s: float, *, limit_bytes: int) -> T:
        self._socket.allow(timeout_s=timeout_s, limit_bytes=limit_bytes)
        try:
            return ask()
        except (OversizedAnswerError, ValueError, TypeError, struct.error) as error:
            raise self._not_a_buffer(f"{error}") from error
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise LinkDownError("no answer", got=f"none within {timeout_s:.1f} s") from error
            if error.errno is None and not isinstance(error, ConnectionError):
                raise self._not_a_buffer(f"{error}") from error  # the client's own
            raise LinkDownError("connection lost", got=f"{error}") from error

    def _refuse_http(self) -> None:
        """A web server waits for the end of a line: give it one, and see what it says."""
        if self._socket.heard:
            return
        self._socket.allow(timeout_s=_PROBE_S, limit_bytes=_SMALL_BYTES)
        try:
            self._socket.send(b"\r\n\r\n")
            self._socket.recv(_SMALL_BYTES)
        except OSError:
            return
        raise self._not_a_buffer("another protocol")

    def _not_a_buffer(self, fault: str) -> StreamInvalidError:
        heard = self._socket.heard
        web = heard.startswith((b"HTTP", b"<"))
        return StreamInvalidError(
            f"{self._where} is not a FieldTrip buffer",
            got="a web server (HTTP)" if web else f"{fault}; its first bytes: {heard[:8]!r}",
            expected="a FieldTrip buffer, protocol version 1",
            hint="Which port does the acquisition program give its buffer? Usually it is 1972.",
        )


def _connected(host: str, port: int, timeout_s: float) -> BoundedSocket:
    try:
        return connect(host, port, timeout_s=timeout_s)
    except socket.gaierror as error:
        raise StreamNotFoundError(
            f"no FieldTrip buffer at {host}:{port}",
            got=f"host name {host!r}: {error.strerror}",
            expected="the name or address of the computer with the buffer",
            hint="An IPv6 address stands in brackets: fieldtrip:[::1]:1972.",
        ) from error
    except OSError as error:
        raise LinkDownError("no connection", got=error.strerror or f"{error}") from error


def _client_module() -> ModuleType:
    """`mne_realtime.externals.FieldTrip` by its file.

    An import by name would run the package's own `__init__` first: it imports mne, parts of it
    that are private and may go any day, and warns that the package is discontinued.
    """
    package = importlib.util.find_spec("mne_realtime")
    folders = package.submodule_search_locations if package else None
    path = Path(next(iter(folders or ("",)))) / "externals" / "FieldTrip.py"
    spec = importlib.util.spec_from_file_location("hadua_fieldtrip_client", path)
    if package is None or spec is None or spec.loader is None or not path.is_file():
        raise RuntimeUnavailableError(
            "FieldTrip buffers need mne-realtime",
            got="not installed",
            expected="mne-realtime 0.3",
            hint='Install it with: pip install "hadua[fieldtrip]"',
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
