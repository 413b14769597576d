"""Sparse labels: what the person or the experimenter says was felt, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

from hadua.models.errors import InvalidInputError
from hadua.service.learning.online_messages import Tell
from hadua.service.learning.statuses import ToldLabel
from hadua.service.wire import MarkerFrame

MOST = 1000
"""Labels that a session keeps; older ones give way."""
MARKER = "label="
"""How the text of a marker begins that says what holds from now on."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A class that holds until the next marker."""

    label: int
    from_s: float


class Labels:
    """The labels of one session.

    Args:
        classes: Names of the classes.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        self._told: list[Tell] = []
        self._open: _Open | None = None
        self.n_told = 0

    @property
    def told(self) -> tuple[Tell, ...]:
        """All of them, oldest first."""
        return tuple(self._told)

    @property
    def last(self) -> ToldLabel | None:
        """The latest, by name; None before the first."""
        if not self._told:
            return None
        told = self._told[-1]
        return ToldLabel(label=self._classes[told.label], from_s=told.from_s, until_s=told.until_s)

    def add(self, name: str, *, from_s: float, until_s: float) -> Tell:
        """Take a class for windows that end after `from_s` and up to `until_s`, LSL seconds.

        Raises:
            InvalidInputError: no such class, or no stretch of time.
        """
        if name not in self._classes or not from_s < until_s:
            raise InvalidInputError(
                "label",
                got=f"{name!r} from {from_s:.3f} to {until_s:.3f} s",
                expected=f"one of {', '.join(self._classes)}, and a stretch of time",
            )
        tell = Tell(label=self._classes.index(name), from_s=from_s, until_s=until_s)
        self._told = [*self._told, tell][-MOST:]
        self.n_told += 1
        return tell

    def of_marker(self, frame: MarkerFrame) -> Tell | None:
        """What a marker makes known: `label=CLASS` holds until the next marker that begins so.

        `label=` with anything else ends it.
        """
        if not frame.text.startswith(MARKER):
            return None
        before, name = self._open, frame.text.removeprefix(MARKER)
        known = name in self._classes
        self._open = _Open(self._classes.index(name), frame.t_s) if known else None
        if before is None or not before.from_s < frame.t_s:
            return None
        return self.add(self._classes[before.label], from_s=before.from_s, until_s=frame.t_s)
