"""What a stream says about itself, from the XML that LSL and XDF share."""

import math
from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree

from hadua.adapters.sources.lag import LARGEST_LAG_MS, NO_LAG, Lag
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.adapters.sources.told import NOTHING_TOLD, Told
from hadua.models.errors import StreamInvalidError

MAX_CHANNELS = 4096
_MAX_RATE_HZ = 200_000.0
_FACTS = (
    *("manufacturer", "model", "application", "labelscheme", "resolution", "resolusion"),
    *("serial", "serial_number", "generation", "reference", "subtracted"),
)
_LONGEST_FACT = 120
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A parsed stream header.

    Args:
        spec: The stream.
        notes: Oddities of the header worth telling the operator.
        lag: What its stamps are late by.
    """

    spec: StreamSpec
    notes: tuple[str, ...]
    lag: Lag = NO_LAG


def parse_stream_info(xml: str, *, regular: bool = False, told: Told = NOTHING_TOLD) -> StreamInfo:
    """Read the `<info>` element of a stream.

    Args:
        xml: The element, as liblsl's full info or an XDF stream header has it.
        regular: Refuse a nominal rate of 0 whatever the type; one of type EEG is always refused.
        told: What the operator says about the stream.

    Raises:
        StreamInvalidError: not XML, strings for samples, no channels, a rate that cannot be.
    """
    try:
        info = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise StreamInvalidError(
            "stream header cannot be read", got=str(error), expected="XML as LSL writes it"
        ) from error
    name, kind = _text(info, "name"), _text(info, "type")
    _refuse_strings(name, _text(info, "channel_format"))
    count = _count(name, _text(info, "channel_count"))
    rate_hz = _rate(name, _text(info, "nominal_srate"), regular=regular or kind.lower() == "eeg")
    described = [_channel(e) for e in info.iterfind("./desc/channels/channel")]
    channels, synthesised, notes = complete_channels(described, count)
    spec = StreamSpec(
        name=name,
        channels=channels,
        rate_hz=rate_hz,
        type=kind,
        source_id=_text(info, "source_id"),
        synthesised_labels=synthesised,
        screen_px=_screen_px(info),
        facts=_facts(info),
        header=xml,
    )
    return StreamInfo(told.about(spec), notes, told.lag(_declared_lag(info)))


def _declared_lag(info: ElementTree.Element) -> Lag:
    """Where `<synchronization><offset_mean>` stands and can be: XDF has seconds to subtract."""
    try:
        lag_s = float(info.findtext("./desc/synchronization/offset_mean") or "")
    except ValueError:
        return NO_LAG
    return Lag(lag_s, "stream") if 0.0 < abs(lag_s) <= LARGEST_LAG_MS / 1e3 else NO_LAG


def _facts(info: ElementTree.Element) -> tuple[tuple[str, str], ...]:
    """What is said about the device, outside its channels; the first of each name, sorted."""
    found = {tag: _text(info, tag) for tag in ("hostname", "channel_format")}
    desc = info.find("desc")
    channels = desc.find("channels") if desc is not None else None
    inside = set(channels.iter()) if channels is not None else set()
    for element in desc.iter() if desc is not None else ():
        tag = element.tag.lower()
        if tag in _FACTS and element not in inside and len(element) == 0:
            found.setdefault(tag, (element.text or "").strip())
    reference = desc.findtext("reference/label") if desc is not None else None
    found |= {"reference": reference.strip()} if reference else {}
    return tuple(sorted((k, v[:_LONGEST_FACT]) for k, v in found.items() if v))


def complete_channels(
    described: list[Channel], count: int
) -> tuple[tuple[Channel, ...], bool, tuple[str, ...]]:
    """Exactly `count` labelled channels, whether all labels are made up, and what was odd."""
    notes: list[str] = []
    if len(described) > count:
        notes.append(f"describes {len(described)} channels but sends {count}: the rest is ignored")
    if 0 < len(described) < count:
        notes.append(
            f"describes {len(described)} channels but sends {count}: the last "
            f"{count - len(described)} are numbered"
        )
    padded = (described + [Channel("")] * count)[:count]
    synthesised = not any(c.label for c in padded)
    if synthesised:
        notes.append(f"names none of its {count} channels: they are numbered 1 to {count}")
    elif any(not c.label for c in padded[: len(described)]):
        blank = [str(i) for i, c in enumerate(padded[: len(described)], 1) if not c.label]
        notes.append(f"does not name channel {', '.join(blank)}: numbered")
    channels = tuple(
        c if c.label else Channel(str(i), c.kind, c.unit, c.eye, c.coordinate_system)
        for i, c in enumerate(padded, 1)
    )
    doubled = [label for label, n in Counter(c.label for c in channels).items() if n > 1]
    if doubled:
        notes.append(f"names more than one channel {', '.join(map(repr, doubled))}")
    return channels, synthesised, tuple(notes)


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _channel(element: ElementTree.Element) -> Channel:
    return Channel(
        label=_text(element, "label"),
        kind=_text(element, "type") or _text(element, "metatype"),
        unit=_text(element, "unit"),
        eye=_text(element, "eye").lower(),
        coordinate_system=_text(element, "coordinate_system"),
    )


def _refuse_strings(name: str, channel_format: str) -> None:
    if channel_format == "string":
        raise StreamInvalidError(
            f"stream {name!r}",
            got="samples that are strings",
            expected="numbers",
            hint="It looks like a marker stream: name the EEG or gaze stream instead.",
        )


def _count(name: str, text: str) -> int:
    count = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0
    if not 1 <= count <= MAX_CHANNELS:  # a header's word is not worth gigabytes
        raise StreamInvalidError(
            f"stream {name!r}: channel count", got=repr(text), expected=f"1 to {MAX_CHANNELS}"
        )
    return count


def _rate(name: str, text: str, *, regular: bool) -> float:
    try:
        rate_hz = float(text)
    except ValueError:
        rate_hz = math.nan
    if not 0.0 <= rate_hz <= _MAX_RATE_HZ:
        raise StreamInvalidError(
            f"stream {name!r}: nominal rate",
            got=f"{text!r} Hz",
            expected=f"0 (irregular) to {_MAX_RATE_HZ:.0f} Hz",
            hint="Set the true sampling rate in the sending program.",
        )
    if rate_hz == 0.0 and regular:
        raise StreamInvalidError(
            f"stream {name!r}: nominal rate",
            got="0 Hz (irregular)",
            expected="the amplifier's sampling rate, such as 250 Hz",
            hint="Set the sampling rate in the sending program; EEG features need a regular one.",
        )
    return rate_hz


def _screen_px(info: ElementTree.Element) -> tuple[float, float] | None:
    """Screen size from `<resolution_primary><X/><Y/>` or `<screen_width/><screen_height/>`."""
    desc = info.find("desc")
    found = {e.tag.lower(): (e.text or "") for e in (desc.iter() if desc is not None else ())}
    for parent in desc.iter() if desc is not None else ():
        if parent.tag.lower() in ("resolution_primary", "resolution", "screen"):
            found |= {f"in_{e.tag.lower()}": (e.text or "") for e in parent}
    for x, y in (("in_x", "in_y"), ("in_width", "in_height"), ("screen_width", "screen_height")):
        try:
            size = float(found[x]), float(found[y])
        except (KeyError, ValueError):
            continue
        if all(math.isfinite(v) and v > 1.0 for v in size):
            return size
    return None
