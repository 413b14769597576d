"""The seam between a booth and a pool: what a booth asks, and what it can count on.

A booth never waits for a pool longer than it said it would, and has an answer of its own in any
case; so whoever meets `RemoteInference` may be slow, wrong or gone.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from hadua.models.errors import HaduaError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array

HERE = "here"
"""Where an answer was computed that no pool gave."""


class PoolError(HaduaError):
    """A pool that does not answer, or not as it should."""

    code: ClassVar[str] = "pool-unavailable"
    word: ClassVar[str] = "away"


class PoolLateError(PoolError):
    """A pool whose answer did not come within the time given; it may still come, for nobody."""

    word: ClassVar[str] = "late"


class PoolRefusedError(PoolError):
    """A pool that says no, or that answers otherwise than this booth's own model."""

    word: ClassVar[str] = "refused"

    def __init__(
        self, what: str, *, got: str, expected: str | None = None, status: int = 0
    ) -> None:
        super().__init__(what, got=got, expected=expected)
        self.status = status


class PoolWrongError(PoolError):
    """A pool that says something else than it was asked for."""

    word: ClassVar[str] = "wrong"


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """A pool's answer.

    Args:
        logits: `(n, n_classes)`.
        where: Who computed it, in words.
    """

    logits: Float32Array
    where: str


class RemoteInference(Protocol):
    """The shipped network, somewhere else; called from any thread."""

    @property
    def address(self) -> str:
        """Where it is asked."""
        ...

    def infer(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray, *, within_s: float
    ) -> Inferred:
        """Ask for what `Runtime.logits` gives, of normalised features and nothing else.

        Raises:
            PoolLateError: no answer in time.
            PoolError: none at all, or one that cannot be.
        """
        ...

    def close(self) -> None:
        """Let go of connections; idempotent."""
        ...


@runtime_checkable
class Placed(Protocol):
    """A runtime that knows where its latest answer was computed."""

    @property
    def where(self) -> str:
        """`HERE`, or who computed it."""
        ...
