"""A Muse recording as the stream that it once was."""

from collections.abc import Iterator

from hadua.adapters.datasets.muse_csv import LABELS, RATE_HZ, MuseRecording
from hadua.adapters.sources.delivery import Delivery
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec

CHUNK = 12

SPEC = StreamSpec(
    name="Muse",
    channels=tuple(Channel(label, "EEG", "microvolts") for label in LABELS),
    rate_hz=RATE_HZ,
    type="EEG",
)


def chunks(recording: MuseRecording) -> Iterator[SampleChunk]:
    """The recording as a live source delivers it: 12 samples at a time, re-stamped, cut at gaps.

    The chunks are those of stream `SPEC`, which is how muse-lsl announces the headband. Re-stamping
    is causal and the same as that of the live path, since raw Muse stamps repeat and step back.
    """
    delivery = Delivery(SPEC)
    for start in range(0, len(recording.t_s), CHUNK):
        stop = start + CHUNK
        delivery.push(recording.t_s[start:stop], recording.x_uv[start:stop])
        while (chunk := delivery.pop()) is not None:
            yield chunk
