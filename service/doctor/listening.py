"""Opens streams and listens to them for a few seconds, all at once."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from hadua.adapters.sources.source import EndOfStreamError, Source
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.doctor.finding import told
from hadua.service.doctor.surroundings import Network
from hadua.service.doctor.visit import Measured

OPEN_S = 6.0
_READ_S = 0.2
_GRACE_S = 3.0
_TEXT = "Correct the SOURCE text: docs/settings.md says how it is written."
_SENDER = "Start the sending program again, and look again."


def listen_to_all(
    streams: Sequence[Measured], network: Network, *, seconds: float
) -> tuple[Measured, ...]:
    """The same streams with what was heard; one that does not come back says so itself."""
    heard = [
        replace(stream, error="it does not answer, and does not give up either", fix=_SENDER)
        for stream in streams
    ]

    def work(i: int) -> None:
        heard[i] = _listen(streams[i], network, seconds=seconds)

    threads = [
        threading.Thread(target=work, args=[i], name=f"doctor-stream-{i}", daemon=True)
        for i in range(len(streams))
    ]
    for thread in threads:
        thread.start()
    until_s = network.now_s() + OPEN_S + seconds + _GRACE_S
    for thread in threads:
        thread.join(max(until_s - network.now_s(), 0.0))
    return tuple(heard)


def bound_s(seconds: float) -> float:
    """The longest that `listen_to_all` takes."""
    return OPEN_S + seconds + _GRACE_S + 1.0


def _listen(stream: Measured, network: Network, *, seconds: float) -> Measured:
    try:
        source = network.source(stream.text, stream.modality)
    except HaduaError as error:
        return _failed(stream, error, otherwise=_TEXT)
    try:
        spec = source.open(OPEN_S)
        rate_hz = _effective_hz(source, network, seconds=seconds)
        return replace(stream, spec=spec, effective_hz=rate_hz, health=source.health())
    except HaduaError as error:
        return _failed(stream, error)
    finally:
        source.close()


def _failed(stream: Measured, error: HaduaError, *, otherwise: str = _SENDER) -> Measured:
    found, fix = told(error, otherwise=otherwise)
    return replace(stream, error=found, fix=fix)


def _effective_hz(source: Source, network: Network, *, seconds: float) -> float | None:
    """Samples per second by their stamps; None with fewer than two."""
    until_s = network.now_s() + seconds
    first_s = last_s = None
    n = 0
    try:
        while network.now_s() < until_s:
            chunk = source.read(_READ_S)
            if chunk is not None and len(chunk):
                n += len(chunk)
                first_s = float(chunk.t_s[0]) if first_s is None else first_s
                last_s = float(chunk.t_s[-1])
    except EndOfStreamError:
        pass
    if first_s is None or last_s is None or last_s <= first_s:
        return None
    return (n - 1) / (last_s - first_s)


def modality_of(stream_type: str) -> Modality | None:
    """What a stream of an LSL type would be taken for."""
    known = {"eeg": Modality.EEG, "gaze": Modality.EYE, "eye": Modality.EYE}
    return known.get(stream_type.lower())
