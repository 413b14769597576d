"""What comes out of cutting a stream into windows: a window, or why there is none."""

from dataclasses import dataclass

from hadua.models.features import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class SignalWindow:
    """A window without a gap.

    Args:
        start_s: Its start on the grid.
        end_s: Its end on the grid, exclusive.
        t_s: `(n,)` time of each sample, margins included, read-only.
        x: `(n, n_channels)`, read-only, never written over, each channel contiguous in memory.
        begun: What `Windower.begin` gave of it, if it did.
    """

    start_s: float
    end_s: float
    t_s: FloatArray
    x: FloatArray
    begun: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class GapWindow:
    """One or more consecutive grid ends for which there is no signal.

    Args:
        start_s: Start of the first window on the grid.
        end_s: End of the last one.
        reason: Why there is none, in words.
        count: How many grid ends it stands for, the last at `end_s`.
    """

    start_s: float
    end_s: float
    reason: str
    count: int = 1
