"""The parts of pylsl this program uses: typed, loaded only when asked for, and bounded in time."""

import ctypes
import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Literal, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from hadua.models.errors import HaduaError, RuntimeUnavailableError
from hadua.models.features import FloatArray

T = TypeVar("T")


class LslInfo(Protocol):
    """`pylsl.StreamInfo`, as far as it is read here."""

    def name(self) -> str:
        """Stream name."""
        ...

    def type(self) -> str:
        """Stream type."""
        ...

    def source_id(self) -> str:
        """The sender's own id."""
        ...

    def hostname(self) -> str:
        """Its computer."""
        ...

    def uid(self) -> str:
        """Unique per outlet."""
        ...

    def channel_count(self) -> int:
        """Channels per sample."""
        ...

    def nominal_srate(self) -> float:
        """Rate in Hz, 0 if irregular."""
        ...

    def as_xml(self) -> str:
        """All of it, as XML."""
        ...


class LslInlet(Protocol):
    """`pylsl.StreamInlet`, as far as it is used here."""

    @property
    def obj(self) -> ctypes.c_void_p:
        """The C handle."""
        ...

    def open_stream(self, timeout: float) -> None:
        """Subscribe."""
        ...

    def close_stream(self) -> None:
        """Unsubscribe."""
        ...

    def info(self, timeout: float) -> LslInfo:
        """The full description."""
        ...

    def time_correction(self, timeout: float) -> float:
        """The clock offset."""
        ...

    @overload
    def pull_chunk(
        self, *, timeout: float, max_samples: int, min_samples: int, as_numpy: Literal[True]
    ) -> tuple[npt.NDArray[np.generic], FloatArray]: ...

    @overload
    def pull_chunk(
        self, *, timeout: float, max_samples: int
    ) -> tuple[list[list[str | float]], list[float]]: ...

    def pull_chunk(
        self,
        *,
        timeout: float,
        max_samples: int,
        min_samples: int | None = None,
        as_numpy: bool = False,
    ) -> tuple[npt.NDArray[np.generic] | list[list[str | float]], FloatArray | list[float]]:
        """Samples and their stamps: arrays of numbers, or lists of any kind of value."""
        ...


class LslResolver(Protocol):
    """`pylsl.ContinuousResolver`."""

    def results(self) -> list[LslInfo]:
        """The streams seen by now."""
        ...


def pylsl() -> ModuleType:
    """The module, or an error that says how to get what it needs.

    Raises:
        RuntimeUnavailableError: pylsl is not installed, or does not find liblsl.
    """
    try:
        return import_module("pylsl")
    except (ImportError, OSError, RuntimeError) as error:
        raise RuntimeUnavailableError(
            "Lab Streaming Layer is not available",
            got=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
            expected="pylsl 1.18.6 or newer with liblsl",
            hint="Install pylsl; where its wheel has no liblsl (Linux with glibc before 2.35, or "
            "ARM), install liblsl and set PYLSL_LIB to the path of the library.",
        ) from error


def clock_offset(inlet: LslInlet) -> tuple[float, float | None] | None:
    """Offset and uncertainty in seconds, as known by now; None if nothing is. Never waits.

    pylsl wraps `lsl_time_correction` without the uncertainty, so the C function is called.
    """
    function = pylsl().lib.lib.lsl_time_correction_ex
    function.restype = ctypes.c_double
    remote_s, uncertainty_s, code = ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
    offset_s = function(
        inlet.obj,
        ctypes.byref(remote_s),
        ctypes.byref(uncertainty_s),
        ctypes.c_double(0.0),
        ctypes.byref(code),
    )
    if code.value != 0 or not np.isfinite(offset_s):
        return None
    known = np.isfinite(uncertainty_s.value) and uncertainty_s.value >= 0.0
    return float(offset_s), float(uncertainty_s.value) if known else None


def within(timeout_s: float, call: Callable[[], T], *, late: HaduaError) -> T:
    """Run `call` in a thread and wait for it at most so long; then leave it behind and raise.

    liblsl's own time-outs do not hold in every state of a peer (a first pull asks for the header
    without one), and a C call cannot be interrupted.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except (HaduaError, RuntimeError, OSError) as error:
            failure.append(error)

    thread = threading.Thread(target=work, name="lsl-call", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failure:
        raise failure[0]
    if not outcome:
        raise late
    return outcome[0]
