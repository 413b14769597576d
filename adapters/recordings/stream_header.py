"""The `<info>` elements under which streams are recorded."""

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree

from hadua.adapters.recordings.xdf_encoder import NUMERIC
from hadua.adapters.sources.source import Channel, StreamSpec

WIDEST = "double64"
"""Holds whatever reaches a pipeline: samples are float64 there."""


def device_header(
    spec: StreamSpec, *, channel_format: str, facts: Mapping[str, str]
) -> ElementTree.Element:
    """The header under which a device's stream is recorded: its own, where it had one.

    Args:
        spec: The stream.
        channel_format: In which its values are written.
        facts: What the recorder adds, below `desc/hadua`.
    """
    info = ElementTree.fromstring(spec.header) if spec.header else _described(spec)
    _put(info, "channel_format", channel_format)
    desc = info.find("desc")
    if desc is None:
        desc = ElementTree.SubElement(info, "desc")
    declared = desc.find("synchronization/offset_mean")
    if declared is not None and declared.text:  # taken off already: never a second time
        facts = {**facts, "offset_mean_taken_off": declared.text}
        declared.text = "0"
    _add(ElementTree.SubElement(desc, "hadua"), facts)
    return info


def own_header(
    name: str,
    kind: str,
    labels: Iterable[str],
    *,
    channel_format: str,
    facts: Mapping[str, str],
) -> ElementTree.Element:
    """The header of a stream that this program makes; irregular, all channels labelled."""
    channels = tuple(Channel(label) for label in labels)
    info = _described(StreamSpec(name, channels, 0.0, type=kind, source_id=name))
    _put(info, "channel_format", channel_format)
    desc = info.find("desc")
    if desc is not None:
        _add(ElementTree.SubElement(desc, "hadua"), facts)
    return info


def native_format(spec: StreamSpec) -> str:
    """The format in which the device sends, if it is written here; otherwise the widest."""
    if not spec.header:
        return WIDEST
    declared = ElementTree.fromstring(spec.header).findtext("channel_format", "").strip()
    return declared if declared in NUMERIC else WIDEST


def _described(spec: StreamSpec) -> ElementTree.Element:
    info = ElementTree.Element("info")
    for tag, text in (
        ("name", spec.name),
        ("type", spec.type),
        ("channel_count", str(len(spec.channels))),
        ("nominal_srate", repr(spec.rate_hz)),
        ("channel_format", WIDEST),
        ("source_id", spec.source_id),
    ):
        ElementTree.SubElement(info, tag).text = text
    desc = ElementTree.SubElement(info, "desc")
    channels = ElementTree.SubElement(desc, "channels")
    for channel in spec.channels:
        _add(ElementTree.SubElement(channels, "channel"), _fields(channel))
    if spec.screen_px is not None:
        width, height = spec.screen_px
        screen = ElementTree.SubElement(desc, "screen")
        _add(screen, {"width": f"{width:g}", "height": f"{height:g}"})
    return info


def _fields(channel: Channel) -> dict[str, str]:
    fields = {
        "label": channel.label,
        "type": channel.kind,
        "unit": channel.unit,
        "eye": channel.eye,
        "coordinate_system": channel.coordinate_system,
    }
    return {tag: text for tag, text in fields.items() if text}


def _put(info: ElementTree.Element, tag: str, text: str) -> None:
    element = info.find(tag)
    if element is None:
        element = ElementTree.SubElement(info, tag)
    element.text = text


def _add(parent: ElementTree.Element, fields: Mapping[str, str]) -> None:
    for tag, text in fields.items():
        ElementTree.SubElement(parent, tag).text = text
