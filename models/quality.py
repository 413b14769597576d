"""How good the signal behind a window was: per EEG channel, per eye; values only, no judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

import numpy as np
import numpy.typing as npt

from hadua.models.features import BoolArray, FloatArray


class Flag(StrEnum):
    """What can be wrong with an EEG channel in a window."""

    NOT_FINITE = "not-finite"  # samples that are no numbers
    FLAT = "flat"  # does not move
    RAILED = "railed"  # stands at the end of the amplifier's range
    LINE = "line"  # mains hum
    NOISE = "noise"  # high-frequency noise: muscle, or bad contact
    JUMP = "jump"  # steps that no brain makes
    NEIGHBOURS = "neighbours"  # unlike what the electrodes around it tell


EEG_FLAGS = (
    Flag.NOT_FINITE,
    Flag.FLAT,
    Flag.RAILED,
    Flag.LINE,
    Flag.NOISE,
    Flag.JUMP,
    Flag.NEIGHBOURS,
)


class ChannelState(StrEnum):
    """What becomes of a channel in a window."""

    GOOD = "good"
    NOISY = "noisy"  # used, but hum is stronger than the EEG
    BAD = "bad"  # not used: interpolated if its neighbours allow it, else left out
    MISSING = "missing"  # not in the stream: interpolated likewise


class EyeState(StrEnum):
    """How well an eye was seen in a window."""

    GOOD = "good"
    BLINKING = "blinking"  # much of the time closed; used, blinks are features
    OFF_SCREEN = "off-screen"  # mostly looking elsewhere
    FROZEN = "frozen"  # repeats itself as no eye does
    LOST = "lost"  # not seen for most of the time


@dataclass(frozen=True, slots=True)
class ChannelQuality:
    """One channel of the model in one window.

    Args:
        name: The model's name.
        state: What becomes of it.
        flags: What is wrong with it.
        interpolated: Whether its features come from its neighbours.
        numbers: What was measured of it, by name with its unit; what was not is left out.
    """

    name: str
    state: ChannelState
    flags: tuple[Flag, ...]
    interpolated: bool
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class EegQuality:
    """All channels of the model in one window.

    Args:
        names: The model's channels.
        positions: `(n_found,)` place of each channel of the stream among them.
        flags: `(n_found, n_flags)`, columns as `EEG_FLAGS`.
        noisy: `(n_found,)` used all the same, but with more hum than EEG.
        bad: `(n_found,)` not used.
        interpolated: `(n_channels,)` whose features come from the neighbours.
        numbers: `(n_found,)` each, by name; NaN where not measured.
    """

    names: tuple[str, ...]
    positions: npt.NDArray[np.intp]
    flags: BoolArray
    noisy: BoolArray
    bad: BoolArray
    interpolated: BoolArray
    numbers: Mapping[str, FloatArray]

    @property
    def interpolated_names(self) -> tuple[str, ...]:
        """Channels, missing or bad, whose features come from the neighbours."""
        return tuple(self.names[i] for i in np.flatnonzero(self.interpolated).tolist())

    @property
    def bad_names(self) -> tuple[str, ...]:
        """Channels of the stream that were not used."""
        return tuple(self.names[i] for i in self.positions[self.bad].tolist())

    @property
    def left_out_names(self) -> tuple[str, ...]:
        """Channels of the stream that were not used, and for which no other stands in."""
        gone = self.positions[self.bad & ~self.interpolated[self.positions]]
        return tuple(self.names[i] for i in gone.tolist())

    @property
    def stands_in(self) -> BoolArray:
        """`(n_channels,)` bad channels for which an interpolated one stands in."""
        stands_in = np.zeros(len(self.names), np.bool_)
        stands_in[self.positions[self.bad]] = True
        return stands_in & self.interpolated

    def channels(self) -> list[ChannelQuality]:
        """One after the other, in the model's order."""
        rows = _Rows(self)
        row = {int(p): i for i, p in enumerate(self.positions.tolist())}
        return [
            rows.channel(row.get(k), name, interpolated)
            for k, (name, interpolated) in enumerate(
                zip(self.names, self.interpolated.tolist(), strict=True)
            )
        ]

    def states(self) -> list[ChannelState]:
        """Of every channel, in the model's order."""
        states = [ChannelState.MISSING] * len(self.names)
        rows = zip(self.positions.tolist(), self.bad.tolist(), self.noisy.tolist(), strict=True)
        for place, bad, noisy in rows:
            states[place] = _state(bad=bad, noisy=noisy)
        return states

    def flagged(self) -> dict[str, tuple[Flag, ...]]:
        """What is wrong with those channels with which something is, in the model's order."""
        rows = {int(self.positions[i]): self.flags[i] for i in np.flatnonzero(self.flags.any(1))}
        return {self.names[place]: _flags(rows[place].tolist()) for place in sorted(rows)}

    def numbers_in_order(self) -> dict[str, FloatArray]:
        """What was measured, `(n_channels,)` in the model's order; NaN where nothing was."""
        out: dict[str, FloatArray] = {}
        for key, values in self.numbers.items():
            out[key] = ordered = np.full(len(self.names), np.nan)
            ordered[self.positions] = values
        return out


def _state(*, bad: bool, noisy: bool) -> ChannelState:
    if bad:
        return ChannelState.BAD
    return ChannelState.NOISY if noisy else ChannelState.GOOD


def _flags(row: Sequence[bool]) -> tuple[Flag, ...]:
    return tuple(flag for flag, there in zip(EEG_FLAGS, row, strict=True) if there)


class _Rows:
    """A window's arrays as lists: an array gives single values at many times the price."""

    def __init__(self, of: EegQuality) -> None:
        self._bad, self._noisy, self._flags = of.bad.tolist(), of.noisy.tolist(), of.flags.tolist()
        self._numbers = {key: x.tolist() for key, x in of.numbers.items()}

    def channel(self, i: int | None, name: str, interpolated: bool) -> ChannelQuality:
        if i is None:
            return ChannelQuality(name, ChannelState.MISSING, (), interpolated, {})
        state = _state(bad=self._bad[i], noisy=self._noisy[i])
        measured = {key: x[i] for key, x in self._numbers.items() if isfinite(x[i])}
        return ChannelQuality(name, state, _flags(self._flags[i]), interpolated, measured)


@dataclass(frozen=True, slots=True)
class EyeQuality:
    """One eye in one window.

    Args:
        eye: `left` or `right`.
        state: How well it was seen.
        measured: Share of the window in which it was seen.
        on_screen: Share of that in which it looked at the screen; None if it was not seen.
    """

    eye: str
    state: EyeState
    measured: float
    on_screen: float | None


@dataclass(frozen=True, slots=True)
class GazeQuality:
    """Both eyes in one window.

    Args:
        eyes: Left, right.
        blink_share: Share of the window in which blinks closed the eyes.
        blinks_per_s: How many blinks a second.
    """

    eyes: tuple[EyeQuality, EyeQuality]
    blink_share: float
    blinks_per_s: float


SignalQuality = EegQuality | GazeQuality
