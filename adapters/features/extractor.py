"""What the pipeline needs of whatever turns a stream into feature windows."""

from typing import Protocol, runtime_checkable

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import FeatureSpec, FeatureWindow


class DeviceReport(Protocol):
    """How a device was mapped to what a model wants."""

    @property
    def coverage(self) -> float:
        """Share of what the model wants that the stream has, 0 to 1."""
        ...

    def summary(self) -> str:
        """A few sentences for the operator."""
        ...

    def to_dict(self) -> dict[str, object]:
        """The whole report as plain values, for JSON."""
        ...


@runtime_checkable
class Extractor(Protocol):
    """Turns one stream's chunks into feature windows; pure, and in data time alone."""

    @property
    def spec(self) -> FeatureSpec:
        """What its windows hold."""
        ...

    @property
    def watermark_s(self) -> float | None:
        """LSL time up to which input has been seen; None before the first sample."""
        ...

    @property
    def due_s(self) -> float:
        """No sample stamped earlier completes a window; minus infinity where any may."""
        ...

    @property
    def sure_s(self) -> float:
        """A sample stamped so, or later, completes the window; infinity where none surely does."""
        ...

    @property
    def next_end_s(self) -> float:
        """End of the window that comes next; minus infinity before the first sample."""
        ...

    @property
    def begin_due_s(self) -> float:
        """From about which stamp on a chunk lets it work ahead; infinity: it has, or never does."""
        ...

    @property
    def report(self) -> DeviceReport:
        """How the device was mapped to the model."""
        ...

    @property
    def samples_stale(self) -> int:
        """Samples left out because newer ones had been taken."""
        ...

    def push(self, chunk: SampleChunk) -> list[FeatureWindow]:
        """Take in the next chunk and return the windows that it completes, in order.

        Raises:
            StreamInvalidError: a chunk of another stream.
        """
        ...

    @property
    def last_s(self) -> float:
        """About the stamp of the last sample of the window that was begun; infinity: none is."""
        ...

    def rehearse(self) -> None:
        """Go through what is left to do for that window, in vain; no later result is another."""
        ...

    def settle(self, *, least: int = 1) -> None:
        """Work on samples that were put aside, if there are so many: none of them ends a window."""
        ...

    def reset(self) -> None:
        """Forget the signal, but not the mapping."""
        ...
