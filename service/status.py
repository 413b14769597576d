"""What is said about a session's streams."""

from collections.abc import Iterable, Mapping

from hadua.models.features import Modality
from hadua.service.publisher import Publisher
from hadua.service.reader import ReaderThread
from hadua.service.watch import StreamState
from hadua.service.wire import (
    MappingStatus,
    MarkerStreamStatus,
    OutletStatus,
    RecordingStatus,
    StatusFrame,
    StreamStatus,
)

_TROUBLE = {
    StreamState.STALE: "no samples at the moment",
    StreamState.ENDED: "the recording has ended",
    StreamState.LOST: "the stream is lost",
}


def degradation(states: Mapping[Modality, StreamState]) -> str:
    """What is wrong with the streams, in words; empty if nothing is."""
    return "; ".join(f"{m}: {_TROUBLE[state]}" for m, state in states.items() if state in _TROUBLE)


def worst_uncertainty_ms(readers: Iterable[ReaderThread]) -> float | None:
    """The greatest clock uncertainty of the streams; None where no clock is remote."""
    uncertainties = [reader.health().clock_uncertainty_s for reader in readers]
    return max((u * 1e3 for u in uncertainties if u is not None), default=None)


def stream_status(
    reader: ReaderThread, *, chunks_dropped: int, chunks_before_start: int
) -> StreamStatus:
    """One stream as it is now."""
    watch, health = reader.watch, reader.health()
    spec, uncertainty_s = watch.spec, health.clock_uncertainty_s
    return StreamStatus(
        source=reader.description,
        state=str(watch.state),
        name=spec.name if spec else None,
        nominal_rate_hz=spec.rate_hz if spec else None,
        effective_rate_hz=watch.effective_rate_hz,
        sample_age_s=watch.sample_age_s,
        samples=health.samples,
        gaps=health.gaps,
        lost_samples=health.lost_samples,
        chunks_dropped=chunks_dropped,
        chunks_before_start=chunks_before_start,
        clock_offset_ms=health.clock_offset_s * 1e3 if spec else None,
        clock_uncertainty_ms=None if uncertainty_s is None else uncertainty_s * 1e3,
        lag_ms=health.lag_s * 1e3,
        lag_said_by=health.lag_said_by,
        notes=health.notes,
        last_error=str(watch.error) if watch.error else None,
    )


def session_status(
    publisher: Publisher,
    *,
    state: str,
    reason: str,
    streams: dict[str, StreamStatus],
    normalisation: str,
    chunks_dropped: int,
    markers_dropped: int,
    losses: Mapping[str, int],
    mappings: Mapping[str, MappingStatus],
    recording: RecordingStatus | None = None,
    outlet: OutletStatus | None = None,
    marker_streams: tuple[MarkerStreamStatus, ...] = (),
) -> StatusFrame:
    """A session as it is now, with the `seq` that it would be published under."""
    return StatusFrame(
        session_id=publisher.session_id,
        epoch=publisher.epoch,
        seq=publisher.next_seq,
        state=state,
        reason=reason,
        streams=streams,
        normalisation=normalisation,
        chunks_dropped=chunks_dropped,
        predictions=publisher.predictions,
        abstained=publisher.abstained,
        latency=publisher.totals.summary(),
        uptime_s=publisher.uptime_s,
        markers_dropped=markers_dropped,
        losses=dict(losses),
        mappings=dict(mappings),
        recording=recording,
        outlet=outlet,
        markers=publisher.markers,
        markers_late=publisher.markers_late,
        marker_streams=marker_streams,
    )
