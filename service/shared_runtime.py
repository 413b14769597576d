"""One loaded model for all sessions that the same weights answer for.

An ONNX session holds two and a half megabytes beside its weights, and may be called from many
threads at once. Whoever has weights of their own has a model of their own, too.
"""

import threading
from collections.abc import Callable
from typing import Literal

from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array, Runtime, RuntimeName, closed


class SharedRuntime:
    """Hands out a model that it loads for the first who asks, and lets go of after the last.

    Args:
        load: Loads it; what it gives may be called from several threads at once.
    """

    def __init__(self, load: Callable[[], Runtime]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None
        self._users = 0

    def __call__(self) -> Runtime:
        """The model, for one user, who closes it; from any thread.

        Raises:
            RuntimeUnavailableError, BundleError: it cannot be loaded.
        """
        with self._lock:
            if self._runtime is None:
                self._runtime = self._load()
            self._users += 1
            return _Share(self._runtime, self._give_back)

    def _give_back(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._runtime is not None:
                self._runtime.close()
                self._runtime = None


class _Share:
    """What one user has of it; meets `Runtime`."""

    def __init__(self, runtime: Runtime, give_back: Callable[[], None]) -> None:
        self._shared: Runtime | None = runtime
        self._name, self._device = runtime.name, runtime.device
        self._give_back = give_back

    @property
    def name(self) -> RuntimeName:
        """Which runtime this is."""
        return self._name

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where it runs."""
        return self._device

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """Run the network; see `Runtime.logits`."""
        if self._shared is None:
            raise closed(self._name)
        return self._shared.logits(eeg, eye, present)

    def close(self) -> None:
        """Let go of it; idempotent."""
        shared, self._shared = self._shared, None
        if shared is not None:
            self._give_back()
