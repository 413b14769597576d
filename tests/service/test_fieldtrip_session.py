"""A FieldTrip buffer of EEG and a simulated eye tracker, from the amplifier to a client."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
from support.fieldtrip_server import FieldTripServer, buffer, header, names, resolutions, samples
from support.serving import Frame, hear, predictions, serving

from hadua.adapters.sources.simulator import make_source
from hadua.models.features import Modality

BLOCK = 40
HOP_S = 0.5
RESOLUTION_UV = 0.05
BOTH = {"eeg": "used", "eye": "used"}


@contextmanager
def amplifier(server: FieldTripServer) -> Iterator[None]:
    """A simulated person's EEG in blocks of 40 ms, as 16-bit integers, in real time."""
    source = make_source({"person": "3", "seed": "2"}, modality=Modality.EEG)
    spec = source.open(5.0)
    n = len(spec.channels)
    chunks = [names(spec.labels), resolutions([RESOLUTION_UV] * n)]
    server.put_header(header(n, spec.rate_hz, "i2", chunks=chunks))
    over = threading.Event()

    def send() -> None:
        rows: list[np.ndarray[tuple[int, ...], np.dtype[np.int16]]] = []
        while not over.is_set():
            chunk = source.read(0.1)
            if chunk is not None:
                rows.append(np.round(chunk.x / RESOLUTION_UV).astype(np.int16))
            if sum(map(len, rows)) >= BLOCK:
                server.put_data(samples(np.concatenate(rows)))
                rows = []

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        source.close()


def test_it_gives_a_prediction_of_both_for_every_window() -> None:
    with (
        buffer() as server,
        amplifier(server),
        serving("--eeg", server.source, "--gaze", "sim:person=3,seed=2") as (_, url),
    ):
        frames = hear(url, until=nth_of_both(10), timeout_s=60.0)
        session = httpx.get(f"{url}/api/v1/sessions").json()["sessions"][0]

    answers = predictions(frames)
    k = [round(float(str(a["end_s"])) / HOP_S) for a in answers]
    assert k == list(range(k[0], k[0] + len(k)))
    assert sum(a["modalities"] == BOTH and a["probabilities"] is not None for a in answers) == 10
    assert session["reports"]["eeg"]["coverage"] == 1.0
    stream = session["status"]["streams"]["eeg"]
    assert (stream["gaps"], stream["lost_samples"]) == (0, 0)
    assert any("stamped as they arrive" in note for note in stream["notes"])


def nth_of_both(n: int) -> Callable[[Frame], bool]:
    heard = [0]

    def until(frame: Frame) -> bool:
        heard[0] += frame["type"] == "prediction" and frame["modalities"] == BOTH
        return heard[0] >= n

    return until
