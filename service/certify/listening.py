"""A client of the measured service: when each prediction came, in a thread of its own."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from hadua.adapters.sources.clock import lsl_now_s
from hadua.models.errors import HaduaError

_WAIT_S = 0.5
_CLOSE_S = 2.0


class _Kind(msgspec.Struct):
    type: str


class _Prediction(msgspec.Struct):
    session_id: str
    end_s: float
    time_unix: float
    label: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A prediction as it came.

    Args:
        session_id: Whose.
        end_s: End of its window, LSL seconds.
        arrival_ms: From the arrival of its last sample.
        window_ms: From the end of its window.
        labelled: Whether it has a label.
    """

    session_id: str
    end_s: float
    arrival_ms: float
    window_ms: float
    labelled: bool


class Listener:
    """Hears every session of a service until it is closed.

    Args:
        url: Of the service.
    """

    def __init__(self, url: str) -> None:
        self.heard: list[Heard] = []
        self._stop = threading.Event()
        address = url.replace("http", "ws", 1) + "/api/v1/ws"
        self._opened = ExitStack()
        self._socket = self._opened.enter_context(
            connect(address, close_timeout=_CLOSE_S, proxy=None)
        )
        self._thread = threading.Thread(target=self._listen, name="certify-client", daemon=True)
        self._thread.start()

    def require_alive(self) -> None:
        """Raise `HaduaError` if it heard nothing because it had stopped listening."""
        if not self._thread.is_alive():
            raise HaduaError("the client of the measurement", got="its connection's end")

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join(_CLOSE_S)
        self._opened.close()

    def _listen(self) -> None:
        kind_of = msgspec.json.Decoder(_Kind).decode
        decode = msgspec.json.Decoder(_Prediction).decode
        while not self._stop.is_set():
            try:
                text = self._socket.recv(timeout=_WAIT_S)
            except TimeoutError:
                continue
            except ConnectionClosed:
                return
            now_unix, now_s = time.time(), lsl_now_s()
            if kind_of(text).type == "prediction":
                frame = decode(text)
                self.heard.append(
                    Heard(
                        frame.session_id,
                        frame.end_s,
                        (now_unix - frame.time_unix) * 1e3,
                        (now_s - frame.end_s) * 1e3,
                        frame.label is not None,
                    )
                )
