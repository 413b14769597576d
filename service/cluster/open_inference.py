"""A client of the Open Inference Protocol, version 2: a pool of ours, or a server such as Triton.

Only the network's input travels: normalised features and which of them were measured. One request
is one connection's; connections are kept, and one on which an answer is late is closed, so that a
late answer is never taken for the next one.
"""

import http.client
import threading
import time
from urllib.parse import SplitResult, urlsplit

import msgspec
import numpy as np

from hadua.models.errors import UsageError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array
from hadua.service.cluster.remote import Inferred, PoolError, PoolLateError, PoolRefusedError
from hadua.service.tensors import LOGITS, PRESENT

_LOST = (OSError, http.client.HTTPException)
_MOST_BYTES = 1 << 20


class _Output(msgspec.Struct):
    name: str
    shape: list[int]
    data: list[float]


class _Parameters(msgspec.Struct):
    computed: str = ""


class _Answer(msgspec.Struct):
    outputs: list[_Output]
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


def pool_address(url: str) -> SplitResult:
    """The parts of a pool's address.

    Raises:
        UsageError: no such URL.
    """
    expected = "the pool's address, as http://pool:8000"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError("--cluster", got=f"{url!r}: {error}", expected=expected) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise UsageError("--cluster", got=repr(url), expected=expected)
    return parts


class OpenInferenceClient:
    """Asks one server about one model.

    Args:
        url: As `http://pool:8000`.
        model: Its name there.
        n_classes: How many logits a window has.
        token: Sent as a bearer token, if there is one.

    Raises:
        UsageError: no such URL.
    """

    def __init__(self, url: str, *, model: str, n_classes: int, token: str | None = None) -> None:
        parts = pool_address(url)
        self.address = f"{parts.scheme}://{parts.netloc}"
        secure = parts.scheme == "https"
        self._kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._path = f"/v2/models/{model}/infer"
        self._n_classes = n_classes
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def infer(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray, *, within_s: float
    ) -> Inferred:
        """Ask; see `RemoteInference`."""
        tensors = [_tensor("eeg", eeg), _tensor("eye", eye), _tensor(PRESENT, present)]
        body = {"inputs": tensors}
        answer = self.ask("POST", self._path, body, within_s=within_s)
        return self._inferred(answer, n=len(present))

    def ask(self, method: str, path: str, body: object | None, *, within_s: float) -> bytes:
        """The body of an answer.

        Raises:
            PoolLateError: none in time.
            PoolError: none, or a refusal.
        """
        sent = None if body is None else msgspec.json.encode(body)
        until_s = time.monotonic() + within_s
        try:
            status, answer = self._exchange(method, path, sent, within_s)
        except TimeoutError as error:
            expected = f"one within {within_s * 1e3:.0f} ms"
            raise PoolLateError(
                f"pool {self.address!r}", got="no answer", expected=expected
            ) from error
        except _LOST as error:
            what = str(error) or type(error).__name__
            raise PoolError(f"pool {self.address!r} does not answer", got=what) from error
        if status != 200:
            said = answer[:200].decode(errors="replace")
            what = f"pool {self.address!r} refuses"
            raise PoolRefusedError(what, got=f"status {status}: {said}", status=status)
        if time.monotonic() > until_s:
            raise PoolLateError(f"pool {self.address!r}", got="an answer after its time")
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, within_s: float
    ) -> tuple[int, bytes]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._kind(self._host, self._port, timeout=within_s)
        elif connection.sock is not None:
            connection.sock.settimeout(within_s)
        try:
            connection.request(method, path, body=body, headers=self._headers)
            response = connection.getresponse()
            answer = response.read(_MOST_BYTES)
            if response.read(1):
                raise http.client.HTTPException(f"an answer of more than {_MOST_BYTES} bytes")
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return response.status, answer

    def _inferred(self, answer: bytes, *, n: int) -> Inferred:
        try:
            told = msgspec.json.decode(answer, type=_Answer)
            (output,) = (o for o in told.outputs if o.name == LOGITS)
            logits = np.array(output.data, np.float32).reshape(output.shape)
        except (msgspec.DecodeError, ValueError) as error:
            raise PoolError(f"pool {self.address!r}", got=f"no logits: {error}") from error
        if logits.shape != (n, self._n_classes) or not np.isfinite(logits).all():
            raise PoolError(
                f"pool {self.address!r}",
                got=f"logits {logits.tolist()}",
                expected=f"{n} times {self._n_classes} finite ones",
            )
        where = f"pool {self.address}"
        return Inferred(logits, f"{where}, {told.parameters.computed}".removesuffix(", "))


def _tensor(name: str, array: Float32Array | BoolArray) -> dict[str, object]:
    kind = "BOOL" if array.dtype == np.bool_ else "FP32"
    return {
        "name": name,
        "shape": array.shape,
        "datatype": kind,
        "data": array.ravel().tolist(),
    }
