"""Which of a device's channels are EEG that a model uses, and why the others are not."""

import re
from collections.abc import Iterator, Mapping, Sequence

from hadua.adapters.devices.described import DescribedChannel, Device
from hadua.adapters.devices.mapping_report import MappedChannel, UnusedChannel, some
from hadua.adapters.devices.montage import canonical, is_electrode
from hadua.adapters.devices.units import is_raw_counts, is_said, microvolts_per

_NOT_EEG = re.compile(
    r"\b(AUX|EXG|EOG|[HV]EO[GLRU]?|EMG|E[CK]G|GSR|EDA|RESP|TRIG\w*|STI\w*|STATUS|MARKERS?|EVENTS?"
    r"|COUNTER|SAMPLE\s?COUNTER|PACKET|SEQ\w*|TIME\s?STAMPS?|BATTERY\w*|(LINK)?QUALITY|ACC\w*"
    r"|GYRO\w*|MAG\w*|TEMP\w*|PPG|MISC|INTERPOLATED?|RAW_?CQ|DIGITAL\w*|VALIDATION\w*|SYNC"
    r"|(HARDWARE|SAMPLE)\s?(MARKER|COUNTER)|MARKER\s?HARDWARE|OTHER|NOT\sUSED)(?=\d|\b|_)",
    re.IGNORECASE,
)
_NAMELESS = "the device sent no name for it"
_NO_POTENTIAL = "its unit is none of electric potential that is known"
_NO_SCALE = "microvolts per count are not known"
_NOT_IN_MODEL = "the model does not use it"


def judge(device: Device, wanted: Mapping[str, str]) -> Iterator[MappedChannel | UnusedChannel]:
    """Each of the device's channels, in its order, used or not.

    Args:
        device: The device.
        wanted: The model's name of each place, by the place's canonical name.
    """
    for described in device.channels:
        reason = _objection(device, described, wanted)
        channel = described.channel
        if reason:
            yield UnusedChannel(described.label, described.column, reason)
            continue
        factor = described.microvolts or microvolts_per(channel.unit)
        yield MappedChannel(
            name=wanted[canonical(channel.label)],
            label=described.label,
            column=described.column,
            unit=channel.unit,
            microvolts=1.0 if factor is None else factor,
            assumed=factor is None,
        )


def _objection(device: Device, described: DescribedChannel, wanted: Mapping[str, str]) -> str:
    channel, rule = described.channel, described.rule
    if rule is not None and rule.role == "none":
        return f"not EEG: {rule.why}" if rule.why else "not EEG"
    if not device.named:
        return _NAMELESS
    if _NOT_EEG.search(channel.label) or _NOT_EEG.search(channel.kind):
        return f"not EEG (type {channel.kind!r})" if channel.kind else "not EEG"
    if canonical(channel.label) not in wanted:
        known = is_electrode(channel.label)
        return _NOT_IN_MODEL if known else "not the name of an electrode"
    if described.microvolts is None and is_raw_counts(channel.unit):
        return f"its unit is {channel.unit!r}, and {_NO_SCALE}"
    if is_said(channel.unit) and not (described.microvolts or microvolts_per(channel.unit)):
        return f"{_NO_POTENTIAL} ({channel.unit!r})"
    return ""


def explain(device: Device, unused: Sequence[UnusedChannel]) -> str:
    """Why none of a device's channels is used, and what to do."""
    if any(u.reason == _NAMELESS for u in unused):
        return "The device sends no channel names, and their order is not guessed. " + (
            device.hint or "Name the channels in the outlet."
        )
    if any(_NO_SCALE in u.reason for u in unused):
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
    return f"None of its channel names ({some(labels)}) is one of the model's: " + (
        device.hint or "name the channels in the outlet after the 10-20 system."
    )
