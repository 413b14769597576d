"""What a method of adapting to a person is, so that an evaluation can run any of them alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.profile import Setting
from hadua.calibration.windows import Windows
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork

Normalisation = Literal["source", "person"]

__all__ = ["Learner", "Method", "Normalisation", "Setting", "Start"]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where every method begins: a network that knows source people, and their windows.

    Args:
        network: In evaluation mode. A learner copies it before it changes anything.
        source: The source people's windows, normalised as the network was trained on them; none
            where they may not leave the lab that recorded them.
        embeddings: What stands for them then, as a bundle carries it.
    """

    network: HaduaNetwork
    source: LabelledWindows
    embeddings: SourceEmbeddings | None = None


class Learner(Protocol):
    """Follows one person; it never sees a label of theirs, for `Windows` have none."""

    def learn(self, target: Windows, *, steps: int) -> None:
        """Adapt to all that has been seen of the person so far.

        Args:
            target: Every window of the person up to now, in recorded order, normalised by the
                source's statistics.
            steps: Gradient steps to take; a method without any ignores it.
        """
        ...

    def logits(self, windows: Windows) -> FloatArray:
        """Logits `(n, n_classes)` of every window, from itself and the past of its stretch.

        Asking changes nothing.
        """
        ...

    def fused(self, windows: Windows) -> FloatArray:
        """Fused features `(n, 384)` of every window, for a map of them."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """One row of a table.

    Args:
        name: Short name, as in `t-time`.
        title: How the table calls it, with its source.
        begin: Makes a learner from a start and a seed.
        normalisation: What its source network was trained on: windows normalised by the source's
            statistics alone, or each person's by their own.
        context: Windows its network looks back on; None for the evaluation's.
        online_steps: Most gradient steps that it takes after a block of a stream, where more do it
            harm; None for as many as the evaluation gives.
        settings: Its settings as plain values, for the record.
    """

    name: str
    title: str
    begin: Callable[[Start, int], Learner]
    normalisation: Normalisation = "person"
    context: int | None = None
    online_steps: int | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
