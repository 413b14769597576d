"""What became of a device's EEG channels, for the operator to confirm."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class MappedChannel:
    """A model channel that the device delivers.

    Args:
        name: The model's name.
        label: The device's label.
        column: The device's column.
        unit: Unit as the device declares it, possibly empty.
        microvolts: Microvolts per device unit.
        assumed: True where the device did not say its unit and microvolts were assumed.
    """

    name: str
    label: str
    column: int
    unit: str
    microvolts: float
    assumed: bool


@dataclass(frozen=True, slots=True)
class InterpolatedChannel:
    """A model channel that the device has not, and that is interpolated from those it has.

    Args:
        name: The model's name.
        share: Share of its variance that is expected back, 0.5 to 1.
    """

    name: str
    share: float


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
        missing: Those that can be neither found nor interpolated, in the model's order.
        unused: Device channels that are not used, in the device's order.
        problem: Why nothing could be mapped and what to do; empty if something was.
        interpolated: Those that are interpolated, in the model's order.
        preset: Name of the device preset.
        device: The device in words.
        layout: Cap whose electrodes name the channels; empty where the stream or the operator does.
        reference: Reference of the EEG, as far as it is known.
        notes: What the operator should know of the device.
    """

    stream: str
    needed: tuple[str, ...]
    found: tuple[MappedChannel, ...]
    missing: tuple[str, ...]
    unused: tuple[UnusedChannel, ...]
    problem: str = ""
    interpolated: tuple[InterpolatedChannel, ...] = ()
    preset: str = ""
    device: str = ""
    layout: str = ""
    reference: str = ""
    notes: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        """Share of the model's montage that the stream gives, 0 to 1.

        A measured channel counts 1, an interpolated one the share of its variance that is expected
        back, a missing one 0: four electrodes do not make sixty-two.
        """
        counted = len(self.found) + sum(channel.share for channel in self.interpolated)
        return counted / len(self.needed)

    @property
    def assumed_units(self) -> tuple[str, ...]:
        """Device labels of the used channels whose unit was assumed to be microvolts."""
        return tuple(c.label for c in self.found if c.assumed)

    def summary(self) -> str:
        """One to four sentences for the operator."""
        text = f"{len(self.found)} of the model's {len(self.needed)} EEG channels"
        ends = f"; missing: {some(self.missing)}." if self.missing and not self.problem else "."
        sentences = [f"Stream {self.stream!r} has {text}{ends}"]
        if self.layout:
            sentences.append(f"Its channels were named after the {self.layout}.")
        if self.interpolated:
            worst = min(self.interpolated, key=lambda channel: channel.share)
            names = tuple(channel.name for channel in self.interpolated)
            sentences.append(
                f"Interpolated: {some(names)} (at least {worst.share:.0%} of each one's "
                f"variance is expected back, the least at {worst.name})."
            )
        if self.problem:
            sentences.append(self.problem)
        if self.assumed_units:
            sentences.append(f"Microvolts were assumed for {some(self.assumed_units)}.")
        return " ".join(sentences)

    def to_dict(self) -> dict[str, object]:
        """The report as plain values, for JSON."""
        return asdict(self) | {
            "coverage": self.coverage,
            "assumed_units": self.assumed_units,
            "summary": self.summary(),
        }


def some(names: tuple[str, ...], *, limit: int = 6) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
