"""A client of the Open Inference Protocol, version 2: a pool of ours, or a server such as Triton.

Only the network's input travels: normalised features and which of them were measured.
"""

import msgspec
import numpy as np

from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array
from hadua.service.cluster.pool_http import PoolHttp, decoded
from hadua.service.cluster.remote import Inferred, PoolError
from hadua.service.tensors import LOGITS, PRESENT


class _Output(msgspec.Struct):
    name: str
    shape: list[int]
    data: list[float]


class _Parameters(msgspec.Struct):
    computed: str = ""


class _Answer(msgspec.Struct):
    outputs: list[_Output]
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class OpenInferenceClient:
    """Asks one server about one model.

    Args:
        http: The server.
        model: Its name there.
        n_classes: How many logits a window has.
    """

    def __init__(self, http: PoolHttp, *, model: str, n_classes: int) -> None:
        self.address, self._http = http.address, http
        self._path, self._n_classes = f"/v2/models/{model}/infer", n_classes

    def infer(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray, *, within_s: float
    ) -> Inferred:
        """Ask; see `RemoteInference`."""
        tensors = [_tensor("eeg", eeg), _tensor("eye", eye), _tensor(PRESENT, present)]
        answer = self._http.ask("POST", self._path, {"inputs": tensors}, within_s=within_s)
        return self._inferred(answer, n=len(present))

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _inferred(self, answer: bytes, *, n: int) -> Inferred:
        try:
            told = decoded(answer, _Answer)
            (output,) = (o for o in told.outputs if o.name == LOGITS)
            logits = np.array(output.data, np.float32).reshape(output.shape)
        except ValueError as error:
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
