"""A stream with what its preset knows: every channel named, with its unit and what it is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hadua.adapters.devices.montage import canonical
from hadua.adapters.devices.preset import ChannelRule, Layout, Preset
from hadua.adapters.devices.preset_library import preset_of
from hadua.adapters.devices.units import is_said
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.features import Modality

_MOST_OTHERS = 4
_INTEGERS = ("int8", "int16", "int32", "int64")


@dataclass(frozen=True, slots=True)
class DescribedChannel:
    """A channel as the stream and the preset describe it together.

    Args:
        column: Its column in the stream.
        label: Label as the stream has it.
        channel: With what the preset adds.
        rule: The preset's rule for it.
        microvolts: For EEG whose unit is counts: microvolts per count, where it is known.
    """

    column: int
    label: str
    channel: Channel
    rule: ChannelRule | None
    microvolts: float | None


@dataclass(frozen=True, slots=True)
class Device:
    """A stream, the preset that it is, and its channels.

    Args:
        stream: The stream.
        preset: Its device.
        channels: Every channel, in the stream's order.
        layout: Title of the cap whose electrodes name the channels; empty: the stream names them.
        hint: What the operator can do so that more channels are named; empty if nothing.
    """

    stream: StreamSpec
    preset: Preset
    channels: tuple[DescribedChannel, ...]
    layout: str = ""
    hint: str = ""

    @property
    def named(self) -> bool:
        """Whether the channels have names that somebody gave them."""
        return bool(self.layout) or not self.stream.synthesised_labels

    @property
    def title(self) -> str:
        """The device in words."""
        return self.preset.title

    @property
    def notes(self) -> tuple[str, ...]:
        """What the operator should know of it, whole sentences."""
        lag_ms = self.preset.lag_ms
        lag = f"Its samples are stamped {lag_ms:g} ms after the event." if lag_ms else ""
        return tuple(note for note in (self.preset.rate, lag, *self.preset.notes) if note)

    @property
    def reference(self) -> str:
        """The EEG's reference as far as it is known; empty if it is not."""
        said = self.stream.fact("reference")
        if said and self.stream.fact("subtracted").lower() in ("no", "false"):
            return f"{said} (not subtracted)"
        return said or self.preset.reference


def describe(stream: StreamSpec, *, modality: Modality) -> Device:
    """Put together what the stream says and what its preset knows."""
    preset = preset_of(stream, modality=modality)
    layout = _layout(stream, preset)
    names = dict(zip(layout.own, layout.labels, strict=True)) if layout and layout.own else {}
    channels = tuple(_channels(stream, preset, layout, names))
    hint = "" if layout else _hint(stream, preset)
    return Device(stream, preset, channels, layout.title if layout else "", hint)


def _channels(
    stream: StreamSpec, preset: Preset, layout: Layout | None, names: dict[str, str]
) -> Iterator[DescribedChannel]:
    places = dict(zip(_electrodes(stream, preset), layout.labels if layout else (), strict=False))
    for column, channel in enumerate(stream.channels):
        named = channel.label.upper() in names
        rule = None if named else preset.rule(column, channel.label)
        unit, microvolts = _unit(stream, preset, channel, rule)
        told = replace(channel, unit=unit, eye=channel.eye or (rule.eye if rule else ""))
        if named:
            told = replace(told, label=names[channel.label.upper()])
        elif layout and not names:
            label = places.get(column, "")
            told = replace(told, label=label or channel.label, kind=told.kind if label else "other")
        yield DescribedChannel(column, channel.label, told, rule, microvolts)


def _unit(
    stream: StreamSpec, preset: Preset, channel: Channel, rule: ChannelRule | None
) -> tuple[str, float | None]:
    """The unit, and microvolts per count where it is counts."""
    unit = channel.unit
    if not is_said(unit) and rule is not None and rule.unit:
        unit = rule.unit
    if not is_said(unit) and preset.eeg_unit:
        unit = preset.eeg_unit
    scale = rule.microvolts if rule is not None else None
    if stream.fact("channel_format") in _INTEGERS and not is_said(unit):
        unit = "counts"  # an integer of which nobody says what one is
        if scale is None and preset.microvolts_from:
            scale = _positive(stream.fact(preset.microvolts_from))
    return unit, scale


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 < value < float("inf") else None


def _layout(stream: StreamSpec, preset: Preset) -> Layout | None:
    """The cap that names the channels: one that was asked for, or that the device's names fix."""
    for layout in sorted(preset.layouts, key=lambda layout: -len(layout.labels)):
        if layout.own:
            fits = set(layout.own) <= {label.upper() for label in stream.labels}
            # A larger cap has the smaller one's names, and other places.
            fits = fits and not _more_electrodes(stream, layout)
        else:
            fits = _numbered(stream) and _has_room(stream, preset, layout)
        if fits and (layout.fixed or stream.preset):
            return layout
    return None


def _electrodes(stream: StreamSpec, preset: Preset) -> list[int]:
    """Columns that no rule leaves out."""
    rules = (preset.rule(column, label) for column, label in enumerate(stream.labels))
    return [i for i, rule in enumerate(rules) if rule is None or rule.role != "none"]


def _has_room(stream: StreamSpec, preset: Preset, layout: Layout) -> bool:
    """Whether the channels are those of the cap; up to four more may be events and inputs."""
    more = len(_electrodes(stream, preset)) - len(layout.labels)
    return 0 <= more <= _MOST_OTHERS


def _more_electrodes(stream: StreamSpec, layout: Layout) -> bool:
    letters = {name[0] for name in layout.own}
    others = {label.upper() for label in stream.labels} - set(layout.own)
    return any(o[0] not in letters and o[0] <= "H" and o[1:].isdecimal() for o in others if o)


def _numbered(stream: StreamSpec) -> bool:
    """Whether the channels are named by their numbers, or not at all."""
    if stream.synthesised_labels:
        return True
    numbers = [label for label in stream.labels if canonical(label).isdecimal()]
    return len(numbers) > len(stream.labels) // 2


def _hint(stream: StreamSpec, preset: Preset) -> str:
    if not _numbered(stream):
        return ""
    caps = [x.title for x in preset.layouts if not x.own and _has_room(stream, preset, x)]
    if caps and not stream.preset:
        return (
            f"If it is worn with the {' or the '.join(caps)}, add ',preset={preset.name}' to its "
            "SOURCE; otherwise name them there, as in ',labels=Fp1/Fp2/C3'."
        )
    return "Name them in the outlet, or in its SOURCE, as in ',labels=Fp1/Fp2/C3'."
