"""From a device's EEG channels to a model's, by name, with a report that a person can confirm."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.montage import canonical, is_electrode
from hadua.adapters.devices.units import is_raw_counts, microvolts_per
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

_NOT_EEG = re.compile(
    r"\b(AUX|EOG|[HV]EO[GLRU]?|EMG|E[CK]G|GSR|EDA|RESP|TRIG\w*|STI\w*|STATUS|MARKERS?|EVENTS?"
    r"|COUNTER|SAMPLE\s?COUNTER|PACKET|SEQ\w*|TIME\s?STAMPS?|BATTERY|QUALITY|ACC\w*|GYRO\w*|MAG\w*"
    r"|TEMP\w*|PPG|MISC|INTERPOLATED|RAW_?CQ)(?=\d|\b|_)",
    re.IGNORECASE,
)

_NOT_IN_MODEL = "the model does not use it"


@dataclass(frozen=True, slots=True)
class MappedChannel:
    """A model channel that the device delivers.

    Args:
        name: The model's name.
        label: The device's label.
        column: The device's column.
        unit: Unit as the device declares it, possibly empty.
        microvolts: Microvolts per device unit.
        assumed: True where the unit was not understood and microvolts were assumed.
    """

    name: str
    label: str
    column: int
    unit: str
    microvolts: float
    assumed: bool


@dataclass(frozen=True, slots=True)
class UnusedChannel:
    """A device channel that does not reach the model, and why."""

    label: str
    column: int
    reason: str


@dataclass(frozen=True, slots=True)
class MappingReport:
    """What of a model's montage a stream covers.

    Args:
        stream: Name of the stream.
        needed: The model's channels in order.
        found: Those that the stream has, in the model's order.
        missing: Those that it has not, in the model's order.
        unused: Device channels that are not used, in the device's order.
        problem: Why nothing could be mapped and what to do; empty if something was.
    """

    stream: str
    needed: tuple[str, ...]
    found: tuple[MappedChannel, ...]
    missing: tuple[str, ...]
    unused: tuple[UnusedChannel, ...]
    problem: str = ""

    @property
    def coverage(self) -> float:
        """Share of the model's channels that the stream has, 0 to 1."""
        return len(self.found) / len(self.needed)

    @property
    def assumed_units(self) -> tuple[str, ...]:
        """Device labels of the used channels whose unit was assumed to be microvolts."""
        return tuple(c.label for c in self.found if c.assumed)

    def summary(self) -> str:
        """One to three sentences for the operator."""
        text = f"{len(self.found)} of the model's {len(self.needed)} EEG channels"
        sentences = [f"Stream {self.stream!r} has {text}."]
        if self.problem:
            sentences.append(self.problem)
        elif self.missing:
            sentences[0] = f"Stream {self.stream!r} has {text}; missing: {_some(self.missing)}."
        if self.assumed_units:
            sentences.append(f"Microvolts were assumed for {_some(self.assumed_units)}.")
        return " ".join(sentences)

    def to_dict(self) -> dict[str, object]:
        """The report as plain values, for JSON."""
        return asdict(self) | {
            "coverage": self.coverage,
            "assumed_units": self.assumed_units,
            "summary": self.summary(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class EegMapping:
    """Takes a device's columns to a model's channels, in microvolts.

    Args:
        report: What was mapped to what.
        n_device: Number of device columns.
        columns: `(n_found,)` device column of each channel found.
        positions: `(n_found,)` its position among the model's channels.
        microvolts: `(n_found,)` its factor.
    """

    report: MappingReport
    n_device: int
    columns: npt.NDArray[np.intp]
    positions: npt.NDArray[np.intp]
    microvolts: FloatArray

    def pick(self, x: FloatArray) -> FloatArray:
        """Reduce `(n, n_device)` in device units to `(n, n_found)` in microvolts."""
        if x.ndim != 2 or x.shape[1] != self.n_device:
            raise InvalidInputError(
                f"stream {self.report.stream!r}: block does not fit the mapping",
                got=f"shape {x.shape}",
                expected=f"(n, {self.n_device}) (samples, channels)",
                hint="Is the block transposed?",
            )
        picked = np.take(x, self.columns, axis=1).astype(np.float64, copy=False)
        picked *= self.microvolts
        return picked

    def apply(self, x: FloatArray) -> FloatArray:
        """Take `(n, n_device)` in device units to `(n, n_model)` in microvolts, NaN where missing.

        Interpolating what is missing is not done here.
        """
        x_uv = np.full((x.shape[0], len(self.report.needed)), np.nan)
        x_uv[:, self.positions] = self.pick(x)
        return x_uv


def map_eeg(stream: StreamSpec, channels: tuple[str, ...]) -> EegMapping:
    """Match a stream's channels to a model's, by name only: an order is never guessed.

    Args:
        stream: The stream as found.
        channels: The model's channel names in order.

    Returns:
        The mapping, whose report says what is missing, unused or assumed. A stream that covers
        nothing is a report too, not an error.
    """
    wanted = {canonical(name): name for name in channels}
    if not channels or len(wanted) != len(channels):
        raise InvalidInputError(
            f"montage for stream {stream.name!r}",
            got=f"{len(channels)} names, {len(wanted)} places on the head",
            expected="at least one name, each place once",
        )
    by_name: dict[str, MappedChannel] = {}
    unused: list[UnusedChannel] = []
    for item in _judge(stream, wanted):
        if isinstance(item, UnusedChannel):
            unused.append(item)
        elif item.name in by_name:
            first = by_name[item.name].label
            reason = f"a second channel for {item.name}; the first, {first!r}, is used"
            unused.append(UnusedChannel(item.label, item.column, reason))
        else:
            by_name[item.name] = item
    found = tuple(by_name[name] for name in channels if name in by_name)
    missing = tuple(name for name in channels if name not in by_name)
    problem = "" if found else _problem(stream, unused)
    report = MappingReport(stream.name, channels, found, missing, tuple(unused), problem)
    return EegMapping(
        report,
        n_device=len(stream.channels),
        columns=np.array([c.column for c in found], np.intp),
        positions=np.array([channels.index(c.name) for c in found], np.intp),
        microvolts=np.array([c.microvolts for c in found], np.float64),
    )


def _judge(stream: StreamSpec, wanted: dict[str, str]) -> Iterator[MappedChannel | UnusedChannel]:
    for column, channel in enumerate(stream.channels):
        reason = _objection(stream, channel, wanted)
        if reason:
            yield UnusedChannel(channel.label, column, reason)
            continue
        factor = microvolts_per(channel.unit)
        yield MappedChannel(
            name=wanted[canonical(channel.label)],
            label=channel.label,
            column=column,
            unit=channel.unit,
            microvolts=1.0 if factor is None else factor,
            assumed=factor is None,
        )


def _objection(stream: StreamSpec, channel: Channel, wanted: dict[str, str]) -> str:
    if stream.synthesised_labels:
        return "the device sent no name for it"
    if _NOT_EEG.search(channel.label) or _NOT_EEG.search(channel.kind):
        return f"not EEG (type {channel.kind!r})" if channel.kind else "not EEG"
    if canonical(channel.label) not in wanted:
        known = is_electrode(channel.label)
        return _NOT_IN_MODEL if known else "not the name of an electrode"
    if is_raw_counts(channel.unit):
        return f"its unit is {channel.unit!r}, and microvolts per count are not known"
    return ""


def _problem(stream: StreamSpec, unused: list[UnusedChannel]) -> str:
    if stream.synthesised_labels:
        return (
            "The device sends no channel names, and their order is not guessed: "
            "name the channels in the outlet."
        )
    if any("microvolts per count" in u.reason for u in unused):
        return "It sends raw counts: let the outlet send microvolts and say so in its unit."
    electrodes = tuple(u.label for u in unused if u.reason == _NOT_IN_MODEL)
    if electrodes:
        return (
            f"It has electrodes at {_some(electrodes)}, and the model uses none of these: "
            "choose a bundle that was trained on them."
        )
    labels = tuple(u.label for u in unused)
    return (
        f"None of its channel names ({_some(labels)}) is one of the model's: "
        "name the channels in the outlet after the 10-20 system."
    )


def _some(names: tuple[str, ...], *, limit: int = 6) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
