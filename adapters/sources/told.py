"""What a SOURCE text says about a stream beside where it is: its device, its channels' names."""

from dataclasses import dataclass, replace

from hadua.adapters.sources.lag import Lag, lag_in_ms
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import StreamInvalidError

TOLD_KEYS = ("preset", "labels", "lag_ms")


@dataclass(frozen=True, slots=True)
class Told:
    """The operator's word about a stream, which goes before what the stream says.

    Args:
        preset: Name of a device preset; empty: it is recognised.
        labels: Names of the channels in order; empty: those of the stream. A channel whose name is
            empty is not used.
        lag_ms: What its stamps are late by; None: what the stream says.
    """

    preset: str = ""
    labels: tuple[str, ...] = ()
    lag_ms: float | None = None

    def __str__(self) -> str:
        """As it stands in a SOURCE text, behind other options."""
        lag = "" if self.lag_ms is None else f"{self.lag_ms:g}"
        parts = (("preset", self.preset), ("labels", "/".join(self.labels)), ("lag_ms", lag))
        return "".join(f",{key}={value}" for key, value in parts if value)

    def lag(self, declared: Lag) -> Lag:
        """The device's lag, where the stream itself declares that one."""
        return declared if self.lag_ms is None else Lag(self.lag_ms / 1e3, "operator")

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
    """Take the keys of this module out of a SOURCE text's options.

    Raises:
        UsageError: a lag that is none.
    """
    labels = options.pop("labels", "")
    lag = options.pop("lag_ms", None)
    return Told(
        options.pop("preset", ""),
        tuple(label.strip() for label in labels.split("/")) if labels else (),
        None if lag is None else lag_in_ms(lag, where="SOURCE"),
    )
