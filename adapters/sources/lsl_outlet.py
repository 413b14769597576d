"""Outlets of Lab Streaming Layer: irregular streams that this program sends."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hadua.adapters.sources.lsl_library import pylsl

OURS = "hadua-out:"
"""How the source_id of every stream begins that a service sends, so that none takes it in again."""


class LslOutlet(Protocol):
    """`pylsl.StreamOutlet`, as far as it is used here."""

    def push_sample(self, x: Sequence[float] | Sequence[str], timestamp: float) -> None:
        """Send one sample; never waits for a receiver."""
        ...

    def have_consumers(self) -> bool:
        """Whether anybody listens."""
        ...


@dataclass(frozen=True, slots=True)
class OutletSpec:
    """A stream to be sent.

    Args:
        name: Stream name.
        type: LSL stream type.
        sender: Unique on this computer; the source_id is made of it.
        labels: Channel labels; none for one channel of strings.
        units: Unit of each channel, where it has one.
        facts: Told in the description, below `hadua`; a sequence is told item by item.
    """

    name: str
    type: str
    sender: str
    labels: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def source_id(self) -> str:
        """The sender's id, unique on a network whose computers have different names."""
        return f"{OURS}{socket.gethostname()}:{self.sender}"


def open_outlet(spec: OutletSpec) -> LslOutlet:
    """Make the stream known on the network.

    Raises:
        RuntimeUnavailableError: there is no liblsl.
    """
    lsl = pylsl()
    numbers = lsl.cf_float32 if spec.labels else lsl.cf_string
    info = lsl.StreamInfo(
        spec.name, spec.type, max(len(spec.labels), 1), 0.0, numbers, spec.source_id
    )
    desc = info.desc()
    desc.append_child_value("manufacturer", "HADUA")
    if spec.labels:
        channels = desc.append_child("channels")
        for label in spec.labels:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("type", "misc")
            channel.append_child_value("unit", spec.units.get(label, "none"))
    facts = desc.append_child("hadua")
    for name, value in spec.facts.items():
        for text in (value,) if isinstance(value, str) else value:
            facts.append_child_value(name, text)
    outlet: LslOutlet = lsl.StreamOutlet(info)
    return outlet
