"""What is said about a session's streams."""

from collections.abc import Mapping

from hadua.service.learning.session_learning import SessionLearning
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


def trouble(modality: str, status: StreamStatus) -> str:
    """What is wrong with a stream, in words; empty if nothing is."""
    found = [_TROUBLE.get(StreamState(status.state), "")]
    if status.change:
        found.append(f"came back changed ({status.change})")
    if status.twins:
        found.append(f"{status.twins + 1} senders have its source_id: stop all but one")
    text = ", ".join(filter(None, found))
    return f"{modality}: {text}" if text else ""


def stream_status(
    reader: ReaderThread,
    *,
    chunks_dropped: int,
    chunks_before_start: int,
    chunks_withheld: int = 0,
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
        chunks_withheld=chunks_withheld,
        overflows=health.overflows,
        outages=watch.outages,
        last_outage_s=watch.last_outage_s,
        twins=health.twins,
        change=watch.change,
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
    learning: SessionLearning | None = None,
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
        profile_version=learning.profile_version if learning else 0,
        calibration=learning.calibration_state if learning else "",
        adaptation=learning.adaptation().state if learning else "off",
        computed=publisher.computed,
    )
