"""What is known of a device beside what its stream says: a small file each, read here.

`presets/README.md` describes the keys. Patterns are regular expressions that the whole text has to
fit; upper and lower case are the same.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

from hadua.adapters.devices.screen import SceneCamera
from hadua.adapters.sources.source import StreamSpec
from hadua.models.features import Modality

Role = Literal[
    "eeg", "x", "y", "pupil", "valid", "status", "code", "pupil valid", "confidence", "none"
]
"""What a channel is. `valid`: 0 is lost; `status`: 0 is good; `code`: 0 and 1 are good, above is
lost (Tobii's validity codes before 2016); `none`: left out."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recognise:
    """How a device's stream looks; all that is given has to fit, and at least one thing is.

    Args:
        name: Pattern of the stream's name.
        type: Pattern of its type.
        source_id: Pattern of its source_id.
        n_channels: Numbers of channels it may have.
        labels: Patterns; for each there is a channel whose label fits.
        facts: Patterns of facts of the header.
    """

    name: str = ""
    type: str = ""
    source_id: str = ""
    n_channels: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    facts: Mapping[str, str] | None = None

    @property
    def weight(self) -> int:
        """How much is asked for: of two that fit, the one that asks for more is meant."""
        texts = (self.name, self.type, self.source_id, self.n_channels)
        return sum(map(bool, texts)) + len(self.labels) + 2 * len(self.facts or {})

    def fits(self, stream: StreamSpec) -> bool:
        """Whether `stream` may be one of this device's."""
        return (
            _fits(self.name, stream.name)
            and _fits(self.type, stream.type)
            and _fits(self.source_id, stream.source_id)
            and (not self.n_channels or len(stream.channels) in self.n_channels)
            and all(any(_fits(p, label) for label in stream.labels) for p in self.labels)
            and all(_fits(p, stream.fact(name)) for name, p in (self.facts or {}).items())
        )


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What channels are whose label fits, or that stand at a place.

    Args:
        role: What they are.
        label: Pattern of their label; empty if `at` says which.
        at: Their places, from 1 on.
        unit: Their unit, where the stream does not say it.
        eye: Whose they are, where the stream does not say it.
        up: For y: it grows upwards.
        microvolts: For EEG in counts: microvolts per count.
        why: Why they are left out.
    """

    role: Role
    label: str = ""
    at: tuple[int, ...] = ()
    unit: str = ""
    eye: str = ""
    up: bool = False
    microvolts: float | None = None
    why: str = ""

    def fits(self, column: int, label: str) -> bool:
        """Whether the channel is meant."""
        return column + 1 in self.at if self.at else bool(self.label) and _fits(self.label, label)


@dataclass(frozen=True, slots=True)
class Layout:
    """Electrodes of a cap, for a device that does not name its channels.

    Args:
        title: Which cap.
        labels: Electrodes in the device's order; empty where a channel is none.
        fixed: Whether the device's own names determine the places, so that it is used without
            being asked for; otherwise only if the operator names the preset.
        own: The device's own names of these channels, where it has some.
    """

    title: str
    labels: tuple[str, ...]
    fixed: bool = False
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """A device, as far as its stream does not describe it.

    Args:
        name: Its name in SOURCE texts.
        title: Its name in words.
        modalities: What it measures.
        source: Where the facts are from.
        recognise: How its stream may look, in one way or another; none for the one that is taken
            where no other fits.
        channels: Rules in order, the first that fits decides; none: the general rules do.
        layouts: Caps.
        gaze_unit: Unit of gaze where the stream does not say it.
        pupil_unit: Unit of pupils where the stream does not say it.
        eeg_unit: Unit of EEG where the stream does not say it.
        microvolts_from: Fact of the header with the microvolts per count of integer samples.
        missing: Values of x, y or pupil that say: not measured.
        scene: The scene camera that gaze is relative to.
        reference: The EEG's reference, where the stream does not say it.
        rate: What its declared rate is worth, in words.
        lag_ms: Constant delay between the event and its stamp, where it is known.
        notes: What the operator should know, whole sentences.
    """

    name: str
    title: str
    modalities: tuple[Modality, ...]
    source: str
    recognise: tuple[Recognise, ...] = ()
    channels: tuple[ChannelRule, ...] = ()
    layouts: tuple[Layout, ...] = ()
    gaze_unit: str = ""
    pupil_unit: str = ""
    eeg_unit: str = ""
    microvolts_from: str = ""
    missing: tuple[float, ...] = ()
    scene: SceneCamera | None = None
    reference: str = ""
    rate: str = ""
    lag_ms: float = 0.0
    notes: tuple[str, ...] = ()

    def likeness(self, stream: StreamSpec) -> int:
        """How much of what it asks for the stream has; 0 if it is none of this device's."""
        return max((look.weight for look in self.recognise if look.fits(stream)), default=0)

    def rule(self, column: int, label: str) -> ChannelRule | None:
        """The rule for a channel, if there is one."""
        return next((rule for rule in self.channels if rule.fits(column, label)), None)


def parse_preset(name: str, text: str) -> Preset:
    """Read a preset file.

    Raises:
        TypeError, ValueError: it is not one; presets are part of the program, and a test reads all.
    """
    table = tomllib.loads(text)
    parts: dict[str, object] = {
        "modalities": tuple(map(Modality, table.pop("modalities"))),
        "channels": tuple(_make(ChannelRule, rule) for rule in table.pop("channels", ())),
        "layouts": tuple(_make(Layout, layout) for layout in table.pop("layouts", ())),
        "recognise": tuple(_make(Recognise, look) for look in table.pop("recognise", ())),
        "scene": _make(SceneCamera, table.pop("scene")) if "scene" in table else None,
    }
    return _make(Preset, {"name": name, **table, **parts})


def _make(kind: type[T], table: Mapping[str, object]) -> T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # each is a dataclass
    if unknown := set(table) - known:
        raise ValueError(f"{kind.__name__}: unknown keys {sorted(unknown)}")
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return kind(**frozen)


def _fits(pattern: str, text: str) -> bool:
    return not pattern or re.fullmatch(pattern, text, re.IGNORECASE) is not None
