"""From a device's EEG channels to a model's, by name, with a report that a person can confirm."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.completion import Completer, Completion
from hadua.adapters.devices.mapping_report import (
    InterpolatedChannel,
    MappedChannel,
    MappingReport,
    UnusedChannel,
    some,
)
from hadua.adapters.devices.montage import canonical, is_electrode
from hadua.adapters.devices.units import is_raw_counts, is_said, microvolts_per
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

_NOT_EEG = re.compile(
    r"\b(AUX|EOG|[HV]EO[GLRU]?|EMG|E[CK]G|GSR|EDA|RESP|TRIG\w*|STI\w*|STATUS|MARKERS?|EVENTS?"
    r"|COUNTER|SAMPLE\s?COUNTER|PACKET|SEQ\w*|TIME\s?STAMPS?|BATTERY|QUALITY|ACC\w*|GYRO\w*|MAG\w*"
    r"|TEMP\w*|PPG|MISC|INTERPOLATED|RAW_?CQ)(?=\d|\b|_)",
    re.IGNORECASE,
)

_NO_POTENTIAL = "its unit is none of electric potential that is known"
_NOT_IN_MODEL = "the model does not use it"


@dataclass(frozen=True, slots=True, eq=False)
class EegMapping:
    """Takes a device's columns to a model's channels, in microvolts.

    Args:
        report: What was mapped to what.
        n_device: Number of device columns.
        columns: `(n_found,)` device column of each channel found.
        positions: `(n_found,)` its position among the model's channels.
        microvolts: `(n_found,)` its factor.
        completer: Says what can be interpolated when fewer channels are good.
        completion: What is interpolated while all channels found are good.
    """

    report: MappingReport
    n_device: int
    columns: npt.NDArray[np.intp]
    positions: npt.NDArray[np.intp]
    microvolts: FloatArray
    completer: Completer
    completion: Completion

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

    def spread(self, picked: FloatArray) -> FloatArray:
        """Take `(n, n_found)` microvolts to `(n, n_model)`, interpolated; NaN where missing."""
        x_uv = np.full((picked.shape[0], len(self.report.needed)), np.nan)
        x_uv[:, self.positions] = picked
        done = self.completion
        if len(done.filled):
            x_uv[:, done.filled] = x_uv[:, done.used] @ done.matrix.T
        return x_uv

    def apply(self, x: FloatArray) -> FloatArray:
        """Take `(n, n_device)` in device units to `(n, n_model)` in microvolts: pick and spread."""
        return self.spread(self.pick(x))


def map_eeg(stream: StreamSpec, channels: tuple[str, ...]) -> EegMapping:
    """Match a stream's channels to a model's, by name only: an order is never guessed.

    Args:
        stream: The stream as found.
        channels: The model's channel names in order.

    Returns:
        The mapping, whose report says what is interpolated, missing, unused or assumed. A stream
        that covers nothing is a report too, not an error.
    """
    wanted = {canonical(name): name for name in channels}
    if not channels or len(wanted) != len(channels):
        raise InvalidInputError(
            f"montage for stream {stream.name!r}",
            got=f"{len(channels)} names, {len(wanted)} places on the head",
            expected="at least one name, each place once",
        )
    by_name, unused = _sort_out(stream, wanted)
    completer = Completer(channels)
    completion = completer.complete(np.array([name in by_name for name in channels], np.bool_))
    filled = [channels[i] for i in completion.filled]
    report = MappingReport(
        stream.name,
        channels,
        found=tuple(by_name[name] for name in channels if name in by_name),
        missing=tuple(name for name in channels if name not in by_name and name not in filled),
        unused=tuple(unused),
        problem="" if by_name else _problem(stream, unused),
        interpolated=tuple(map(InterpolatedChannel, filled, completion.share.tolist())),
    )
    return EegMapping(
        report,
        n_device=len(stream.channels),
        columns=np.array([c.column for c in report.found], np.intp),
        positions=np.array([channels.index(c.name) for c in report.found], np.intp),
        microvolts=np.array([c.microvolts for c in report.found], np.float64),
        completer=completer,
        completion=completion,
    )


def _sort_out(
    stream: StreamSpec, wanted: dict[str, str]
) -> tuple[dict[str, MappedChannel], list[UnusedChannel]]:
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
    return by_name, unused


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
    if is_said(channel.unit) and microvolts_per(channel.unit) is None:
        return f"{_NO_POTENTIAL} ({channel.unit!r})"
    return ""


def _problem(stream: StreamSpec, unused: list[UnusedChannel]) -> str:
    if stream.synthesised_labels:
        return (
            "The device sends no channel names, and their order is not guessed: "
            "name the channels in the outlet."
        )
    if any("microvolts per count" in u.reason for u in unused):
        return "It sends raw counts: let the outlet send microvolts and say so in its unit."
    if any(u.reason.startswith(_NO_POTENTIAL) for u in unused):
        return "Its unit is not understood: let the outlet say microvolts, mV or V."
    electrodes = tuple(u.label for u in unused if u.reason == _NOT_IN_MODEL)
    if electrodes:
        return (
            f"It has electrodes at {some(electrodes)}, and the model uses none of these: "
            "choose a bundle that was trained on them."
        )
    labels = tuple(u.label for u in unused)
    return (
        f"None of its channel names ({some(labels)}) is one of the model's: "
        "name the channels in the outlet after the 10-20 system."
    )
