"""The streams that a session is to have: what the settings say of them, and what differs."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hadua.adapters.sources.source import StreamSpec

Role = Literal["eeg", "gaze", "markers"]
Text = Annotated[str, Field(min_length=1, max_length=512)]

_TYPES = {"eeg": "EEG", "gaze": "Gaze", "markers": "Markers"}
_SHOWN = 6


class ExpectedStream(BaseModel):
    """One entry of the setting `expect`; what is not said may be anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role = Field(description="eeg, gaze or markers.")
    source: Text | None = Field(None, description="SOURCE; else made of what follows.")
    name: Text | None = Field(None, description="Name of the LSL stream.")
    type: Text | None = Field(None, description="Type of the LSL stream.")
    source_id: Text | None = Field(None, description="source_id of the LSL stream.")
    hostname: Text | None = Field(None, description="Computer that sends it.")
    rate_hz: float | None = Field(None, gt=0.0, le=1e6, description="Rate that it is to declare.")
    channels: int | None = Field(None, ge=1, le=4096, description="Number of its channels.")
    labels: tuple[Text, ...] = Field((), description="Names that are to be among its channels.")
    required: bool = Field(True, description="Whether a session is not to begin without it.")

    def __str__(self) -> str:
        """In a few words, for a list of settings."""
        parts = [self.role, self.query(), *self._wishes()]
        return ", ".join(filter(None, [*parts, "" if self.required else "not required"]))

    def query(self) -> str:
        """The SOURCE that it names; empty if it says nothing of which stream it is."""
        if self.source is not None:
            return self.source
        keys = ("name", "type", "source_id", "hostname")
        said = [f"{key}={value}" for key in keys if (value := getattr(self, key)) is not None]
        return f"lsl:{','.join(said)}" if said else ""

    def query_or(self, otherwise: str | None) -> str:
        """The SOURCE that it names, else the one given, else any stream of its kind."""
        return self.query() or otherwise or f"lsl:type={_TYPES[self.role]}"

    def differs(self, spec: StreamSpec) -> Iterator[tuple[str, str]]:
        """What of a stream is not as expected, and what to do about it."""
        if self.rate_hz is not None and self.rate_hz != spec.rate_hz:
            yield (
                f"declares {spec.rate_hz:g} Hz, {self.rate_hz:g} are expected",
                "Set the rate in the device's program, or correct rate_hz under expect.",
            )
        if self.channels is not None and self.channels != len(spec.channels):
            yield (
                f"has {len(spec.channels)} channels, {self.channels} are expected",
                "Choose the montage in the device's program, or correct channels under expect.",
            )
        there = {label.casefold() for label in spec.labels}
        absent = [label for label in self.labels if label.casefold() not in there]
        if absent:
            yield (
                f"lacks channels that are expected: {_some(absent)}",
                "Is another cap or montage loaded? Else correct labels under expect.",
            )

    def _wishes(self) -> Iterator[str]:
        if self.rate_hz is not None:
            yield f"{self.rate_hz:g} Hz"
        if self.channels is not None:
            yield f"{self.channels} channels"
        if self.labels:
            yield _some(self.labels)


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
