"""What a SOURCE text says about a stream beside where it is: its device, its channels' names."""

from dataclasses import dataclass, replace

from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import StreamInvalidError

TOLD_KEYS = ("preset", "labels")


@dataclass(frozen=True, slots=True)
class Told:
    """The operator's word about a stream, which goes before what the stream says.

    Args:
        preset: Name of a device preset; empty: it is recognised.
        labels: Names of the channels in order; empty: those of the stream. A channel whose name is
            empty is not used.
    """

    preset: str = ""
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As it stands in a SOURCE text, behind other options."""
        parts = (("preset", self.preset), ("labels", "/".join(self.labels)))
        return "".join(f",{key}={value}" for key, value in parts if value)

    def about(self, spec: StreamSpec) -> StreamSpec:
        """The stream with what was told.

        Raises:
            StreamInvalidError: another number of labels than channels.
        """
        if not self.labels:
            return replace(spec, preset=self.preset) if self.preset else spec
        if len(self.labels) != len(spec.channels):
            raise StreamInvalidError(
                f"stream {spec.name!r}: labels in its SOURCE text",
                got=f"{len(self.labels)} labels",
                expected=f"{len(spec.channels)}, one for each of its channels",
                hint="Write labels=Fp1/Fp2/C3; leave a name empty where a channel is not EEG.",
            )
        channels = tuple(
            replace(channel, label=label) if label else Channel(str(i), kind="not used")
            for i, (channel, label) in enumerate(zip(spec.channels, self.labels, strict=True), 1)
        )
        return replace(spec, channels=channels, synthesised_labels=False, preset=self.preset)


NOTHING_TOLD = Told()


def told(options: dict[str, str]) -> Told:
    """Take the keys of this module out of a SOURCE text's options."""
    labels = options.pop("labels", "")
    return Told(
        options.pop("preset", ""),
        tuple(label.strip() for label in labels.split("/")) if labels else (),
    )
