"""From a device's EEG channels to a model's, by name, with a report that a person can confirm."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.completion import Completer, Completion
from hadua.adapters.devices.described import Device, describe
from hadua.adapters.devices.eeg_channels import explain, judge
from hadua.adapters.devices.mapping_report import (
    InterpolatedChannel,
    MappedChannel,
    MappingReport,
    UnusedChannel,
)
from hadua.adapters.devices.montage import canonical
from hadua.adapters.sources.source import StreamSpec
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Modality


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
    _in_order: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        in_order = np.array_equal(self.columns, np.arange(len(self.columns)))
        object.__setattr__(self, "_in_order", in_order)

    def pick(self, x: FloatArray) -> FloatArray:
        """Reduce `(n, n_device)` in device units to `(n, n_found)` in microvolts."""
        if x.ndim != 2 or x.shape[1] != self.n_device:
            raise InvalidInputError(
                f"stream {self.report.stream!r}: block does not fit the mapping",
                got=f"shape {x.shape}",
                expected=f"(n, {self.n_device}) (samples, channels)",
                hint="Is the block transposed?",
            )
        if self._in_order:
            return np.asarray(x[:, : len(self.columns)] * self.microvolts)
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
    """Match a stream's channels to a model's, by name.

    Names are the stream's, those that the operator gives, or those of a cap that its preset knows;
    an order is never guessed.

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
    device = describe(stream, modality=Modality.EEG)
    by_name, unused = _sort_out(device, wanted)
    completer = Completer(channels)
    completion = completer.complete(np.array([name in by_name for name in channels], np.bool_))
    filled = [channels[i] for i in completion.filled]
    report = MappingReport(
        stream.name,
        channels,
        found=tuple(by_name[name] for name in channels if name in by_name),
        missing=tuple(name for name in channels if name not in by_name and name not in filled),
        unused=tuple(unused),
        problem="" if by_name else explain(device, unused),
        interpolated=tuple(map(InterpolatedChannel, filled, completion.share.tolist())),
        preset=device.preset.name,
        device=device.title,
        layout=device.layout,
        reference=device.reference,
        notes=device.notes,
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
    device: Device, wanted: dict[str, str]
) -> tuple[dict[str, MappedChannel], list[UnusedChannel]]:
    by_name: dict[str, MappedChannel] = {}
    unused: list[UnusedChannel] = []
    for item in judge(device, wanted):
        if isinstance(item, UnusedChannel):
            unused.append(item)
        elif item.name in by_name:
            first = by_name[item.name].label
            reason = f"a second channel for {item.name}; the first, {first!r}, is used"
            unused.append(UnusedChannel(item.label, item.column, reason))
        else:
            by_name[item.name] = item
    return by_name, unused
