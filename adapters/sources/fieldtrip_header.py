"""What a FieldTrip buffer says about its samples."""

import math
from dataclasses import dataclass, replace

import numpy as np

from hadua.adapters.sources.fieldtrip_link import RawHeader
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.adapters.sources.stream_info import MAX_CHANNELS, complete_channels
from hadua.models.errors import StreamInvalidError
from hadua.models.features import FloatArray, Modality

_MAX_RATE_HZ = 200_000.0
_BYTES = (1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8)
_FIRST_FLOAT = 9
_TYPES = {Modality.EEG: "EEG", Modality.EYE: "Gaze"}


@dataclass(frozen=True, slots=True, eq=False)
class FieldTripHeader:
    """A header that can be used.

    Args:
        raw: As sent.
        spec: The stream.
        scale: `(n_channels,)` what to multiply samples with, or None.
        sample_bytes: Bytes of one sample of all channels.
        notes: Oddities worth telling the operator.
    """

    raw: RawHeader
    spec: StreamSpec
    scale: FloatArray | None
    sample_bytes: int
    notes: tuple[str, ...]

    def difference(self, other: RawHeader) -> str:
        """In what another header differs, in words; empty if only in the number of samples."""
        if replace(other, n_samples=self.raw.n_samples) == self.raw:
            return ""
        if other.n_channels != self.raw.n_channels:
            return f"{other.n_channels} channels instead of {self.raw.n_channels}"
        if other.rate_hz != self.raw.rate_hz:
            return f"{other.rate_hz:g} Hz instead of {self.raw.rate_hz:g} Hz"
        if other.names != self.raw.names:
            return "other channel names"
        return "another data type, or other resolutions"


def parse_header(
    raw: RawHeader, *, name: str, modality: Modality, unit: str = ""
) -> FieldTripHeader:
    """Make sense of a header.

    Integers are multiplied by the resolutions (the protocol: from converter values to physical
    quantities such as microvolts); without these they are counts, unless `unit` says otherwise.
    Floating-point samples are taken as they are.

    Args:
        raw: As sent.
        name: What to call the stream.
        modality: What it measures; a buffer does not say.
        unit: Unit of every channel, where the operator knows it; a buffer does not say.

    Raises:
        StreamInvalidError: a number of channels, rate or data type that cannot be.
    """
    _require_sense(raw, name)
    described = [Channel(text) for text in _names(raw)]
    channels, synthesised, notes = complete_channels(described, raw.n_channels)
    scale, scale_notes = _scale(raw)
    counts = raw.data_type < _FIRST_FLOAT and scale is None and modality is Modality.EEG
    if counts and not unit:
        scale_notes += ("sends integers without saying what one is: add ',unit=uV' if you know",)
    channels = tuple(replace(c, unit=unit or ("counts" if counts else "")) for c in channels)
    spec = StreamSpec(name, channels, raw.rate_hz, _TYPES[modality], synthesised_labels=synthesised)
    width = _BYTES[raw.data_type] * raw.n_channels
    return FieldTripHeader(raw, spec, scale, width, notes + scale_notes)


def _require_sense(raw: RawHeader, name: str) -> None:
    if not 1 <= raw.n_channels <= MAX_CHANNELS:
        raise StreamInvalidError(
            f"FieldTrip buffer {name!r}: number of channels",
            got=str(raw.n_channels),
            expected=f"1 to {MAX_CHANNELS}",
            hint="Has the acquisition program been told which channels to send?",
        )
    if not (math.isfinite(raw.rate_hz) and 0.0 < raw.rate_hz <= _MAX_RATE_HZ):
        raise StreamInvalidError(
            f"FieldTrip buffer {name!r}: sampling rate",
            got=f"{raw.rate_hz:g} Hz",
            expected=f"more than 0, up to {_MAX_RATE_HZ:.0f} Hz",
            hint="Set the true sampling rate in the acquisition program.",
        )
    if not 0 <= raw.data_type < len(_BYTES):
        raise StreamInvalidError(
            f"FieldTrip buffer {name!r}: type of its samples",
            got=f"number {raw.data_type}",
            expected="0 (char) to 10 (float64)",
        )


def _names(raw: RawHeader) -> list[str]:
    """Channel names, without the empty string behind the last zero byte."""
    if not raw.names:
        return []
    texts = raw.names.decode("utf-8", errors="replace").split("\0")
    return [text.strip() for text in (texts[:-1] if not texts[-1] else texts)]


def _scale(raw: RawHeader) -> tuple[FloatArray | None, tuple[str, ...]]:
    if raw.resolutions is None or raw.data_type >= _FIRST_FLOAT:
        return None, ()
    if len(raw.resolutions) != 8 * raw.n_channels:
        return None, ("its chunk of resolutions has the wrong size and is ignored",)
    scale = np.frombuffer(raw.resolutions, np.float64).copy()
    if not (np.isfinite(scale).all() and (scale != 0.0).all()):
        return None, ("some of its resolutions are zero or not finite: all are ignored",)
    scale.setflags(write=False)
    return scale, ()
