"""What a booth needs of its pool, put together: the link, the looks, and a runtime per session."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from prometheus_client import Counter, Gauge

from hadua.models.bundle import Bundle
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array, InputShape, Runtime
from hadua.service.cluster.link import PoolLink
from hadua.service.cluster.open_inference import OpenInferenceClient
from hadua.service.cluster.pool_http import PoolHttp
from hadua.service.cluster.pooled_runtime import PooledRuntime
from hadua.service.cluster.remote import PoolRefusedError
from hadua.service.cluster.remote_fit import PoolFits

LOOK_TIMEOUT_S = 1.5
_UNKNOWN = 404  # a server of the protocol that keeps no fleet
_ALIKE = 1e-3
"""By how much logits of the same network on another machine may differ; another one's are far."""

Told = Callable[[], dict[str, object]]


class Figures(Protocol):
    """`Metrics`, as far as it is used here."""

    pool_windows: Counter
    pool_state: Gauge


@dataclass(frozen=True, slots=True)
class PoolAsked:
    """What the settings say of the pool.

    Args:
        url: Where.
        budget_s: How long a window may wait for it.
        token: What it asks for, if it does.
        booth: This booth's name there; the machine's if empty.
    """

    url: str
    budget_s: float
    token: str | None = None
    booth: str = ""


class Booth:
    """The pool as one service uses it.

    Args:
        bundle: What answers here and, it must be, there.
        asked: Where the pool is.
        load: Loads the booth's own network.
    """

    def __init__(
        self,
        bundle: Bundle,
        asked: PoolAsked,
        *,
        load: Callable[[], Runtime],
    ) -> None:
        self._asked, self._load = asked, load
        self._told: Told = dict
        self._name, self._bundle = asked.booth or socket.gethostname(), bundle
        self._http = self._connect()
        self._client = OpenInferenceClient(
            self._http, model=bundle.manifest.name, n_classes=len(bundle.classes)
        )
        self._probe = probe_of(bundle)
        self._expected: Float32Array | None = None
        self._announces = True
        self._alike = False
        self.link = PoolLink(self._client.address, look=self._look)

    def start(self, told: Told, figures: Figures | None = None) -> None:
        """Begin to look.

        Args:
            told: What the pool is told of this booth at every look.
            figures: Counted into.
        """
        self._told = told
        if figures is not None:
            counted, state = figures.pool_windows, figures.pool_state

            def tell(states: dict[str, int]) -> None:
                for name, value in states.items():
                    state.labels(name).set(value)

            self.link.count_into(lambda outcome: counted.labels(str(outcome)).inc(), tell)
        self.link.start()

    def runtime(self) -> Runtime:
        """One session's."""
        return PooledRuntime(self._load(), self._client, self.link, budget_s=self._asked.budget_s)

    def fits(self) -> PoolFits:
        """Calibrations that the pool fits."""
        return PoolFits(self._connect, self.link, self._bundle, self._name)

    def close(self) -> None:
        """Let go of the pool."""
        self.link.close()
        self._client.close()

    def _connect(self) -> PoolHttp:
        return PoolHttp(self._asked.url, token=self._asked.token)

    def _look(self) -> None:
        if self._announces:
            self._announce()
        if not self._alike or not self.link.worth_asking:
            self._require_alike()

    def _announce(self) -> None:
        """The heartbeat; a server that knows no booths is only asked whether it is ready."""
        told = {"booth": self._name, **self._told()}
        try:
            self._http.ask("POST", "/api/v1/fleet/booths", told, within_s=LOOK_TIMEOUT_S)
        except PoolRefusedError as error:
            if error.status != _UNKNOWN:
                raise
            self._announces = False

    def _require_alike(self) -> None:
        if self._expected is None:
            runtime = self._load()
            self._expected = runtime.logits(*self._probe)
            runtime.close()
        found = self._client.infer(*self._probe, within_s=LOOK_TIMEOUT_S).logits
        apart = float(np.abs(found - self._expected).max())
        self._alike = apart <= _ALIKE
        if not self._alike:
            raise PoolRefusedError(
                f"pool {self.link.address!r} answers otherwise than this booth's bundle",
                got=f"logits {apart:.3g} apart",
                expected=f"{_ALIKE:g} at most: the same bundle in both places",
            )


def probe_of(bundle: Bundle, *, seed: int = 20) -> tuple[Float32Array, Float32Array, BoolArray]:
    """Input on which two networks would hardly agree by chance; nobody's."""
    shape, draw = InputShape.of(bundle), np.random.default_rng(seed)
    eeg, eye, present = shape.zeros(2, bundle.context)
    return (
        draw.standard_normal(eeg.shape).astype(np.float32),
        draw.standard_normal(eye.shape).astype(np.float32),
        present,
    )
