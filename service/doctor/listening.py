"""Opens streams and listens to them for a few seconds, all at once."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, Source
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.doctor.finding import told
from hadua.service.doctor.surroundings import Network
from hadua.service.doctor.visit import Measured
from hadua.service.watch import StreamState

OPEN_S = 6.0
_READ_S = 0.2
_GRACE_S = 3.0
_STALE_S = 1.5
_KEPT_S = 8.0
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
        heard = _hear(source, network, seconds=seconds)
        return replace(
            stream,
            spec=spec,
            effective_hz=heard.rate_hz,
            health=source.health(),
            state=heard.state,
            age_s=heard.age_s,
            chunks=tuple(heard.chunks),
        )
    except HaduaError as error:
        return _failed(stream, error)
    finally:
        source.close()


def _failed(stream: Measured, error: HaduaError, *, otherwise: str = _SENDER) -> Measured:
    found, fix = told(error, otherwise=otherwise)
    return replace(stream, error=found, fix=fix)


@dataclass(slots=True)
class _Heard:
    """What came of a stream, and when."""

    chunks: deque[SampleChunk] = field(default_factory=deque)
    n: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    arrived_s: float | None = None
    ended: bool = False
    now_s: float = 0.0

    def take(self, chunk: SampleChunk) -> None:
        self.first_s = self.first_s if self.n else float(chunk.t_s[0])
        self.last_s = float(chunk.t_s[-1])
        self.n += len(chunk)
        self.chunks.append(chunk)
        while self.chunks[0].t_s[-1] < self.last_s - _KEPT_S:
            self.chunks.popleft()

    @property
    def rate_hz(self) -> float | None:
        """Samples per second by their stamps; None with fewer than two."""
        if self.last_s <= self.first_s:
            return None
        return (self.n - 1) / (self.last_s - self.first_s)

    @property
    def age_s(self) -> float | None:
        return None if self.arrived_s is None else self.now_s - self.arrived_s

    @property
    def state(self) -> StreamState:
        if self.ended:
            return StreamState.ENDED
        if self.age_s is None:
            return StreamState.FOUND
        return StreamState.STALE if self.age_s > _STALE_S else StreamState.LIVE


def _hear(source: Source, network: Network, *, seconds: float) -> _Heard:
    heard = _Heard(now_s=network.now_s())
    until_s = heard.now_s + seconds
    try:
        while heard.now_s < until_s:
            chunk = source.read(_READ_S)
            heard.now_s = network.now_s()
            if chunk is not None and len(chunk):
                heard.take(chunk)
                heard.arrived_s = heard.now_s
    except EndOfStreamError:
        heard.ended = True
    return heard


def modality_of(stream_type: str) -> Modality | None:
    """What a stream of an LSL type would be taken for."""
    known = {"eeg": Modality.EEG, "gaze": Modality.EYE, "eye": Modality.EYE}
    return known.get(stream_type.lower())
