"""The answer of a pre-flight: each stream and each finding, as structs."""

from collections.abc import Sequence

from hadua.adapters.devices.electrodes import has_place
from hadua.adapters.devices.head_map import on_paper
from hadua.adapters.sources.stream_summary import StreamSummary
from hadua.models.errors import UsageError
from hadua.service.doctor.expected import markers_of
from hadua.service.doctor.finding import Finding, State, worst
from hadua.service.doctor.visit import Measured, Visit
from hadua.service.judging import Judged
from hadua.service.preflight import Look
from hadua.service.preflight_shapes import (
    Electrode,
    Expectation,
    GazeOnScreen,
    PreflightAnswer,
    PreflightFinding,
    PreflightStream,
)
from hadua.service.quality_frame import eeg_part, eye_part
from hadua.service.wanted import ROLES, Wanted


def preflight_answer(look: Look, more: Sequence[Finding], *, time_unix: float) -> PreflightAnswer:
    """A look, and what else was found, as it is sent."""
    findings = [*look.findings, *more]
    state = worst(findings)
    markers = [w for w in look.visit.wanted if w.modality is None]
    return PreflightAnswer(
        ready=state is not State.PROBLEM,
        worst=state,
        time_unix=time_unix,
        listened_s=look.seconds,
        streams=(
            *(_stream(look, stream, findings) for stream in look.visit.measured),
            *(_markers(look.visit, wanted, findings) for wanted in markers),
        ),
        findings=tuple(map(_finding, findings)),
    )


def _finding(finding: Finding) -> PreflightFinding:
    return PreflightFinding(
        check=finding.check,
        state=finding.state,
        about=finding.looked_at,
        found=finding.found,
        fix=finding.fix,
        stops=finding.state is State.PROBLEM,
    )


def _stream(look: Look, stream: Measured, findings: Sequence[Finding]) -> PreflightStream:
    spec, health = stream.spec, stream.health
    state = worst(f for f in findings if f.looked_at == stream.called)
    told = look.visit.judged.get(stream.called, Judged())
    device = look.devices.get(stream.called)
    uncertainty_s = health.clock_uncertainty_s
    return PreflightStream(
        about=stream.called,
        source=stream.text,
        role=ROLES[stream.modality],
        required=stream.wanted and stream.required,
        session_id=stream.session_id or None,
        state="missing" if spec is None else str(stream.state or "found"),
        worst=state,
        stops=state is State.PROBLEM,
        expected=_expectation(stream),
        name=spec.name if spec else None,
        type=spec.type if spec else None,
        hostname=spec.fact("hostname") if spec else None,
        n_channels=len(spec.channels) if spec else None,
        labels=spec.labels if spec else (),
        units=tuple(dict.fromkeys(c.unit for c in spec.channels)) if spec else (),
        nominal_rate_hz=spec.rate_hz if spec else None,
        effective_rate_hz=stream.effective_hz,
        sample_age_s=stream.age_s,
        gaps=health.gaps,
        lost_samples=health.lost_samples,
        clock_offset_ms=None if uncertainty_s is None else 1e3 * health.clock_offset_s,
        clock_uncertainty_ms=None if uncertainty_s is None else 1e3 * uncertainty_s,
        device=device.device if device else "",
        coverage=device.coverage if device else None,
        needed_coverage=device.needed if device else None,
        mapping=str(device.state) if device and device.state else None,
        windows=told.windows,
        eeg=eeg_part(told.eeg) if told.eeg else None,
        electrodes=_electrodes(told),
        eye=eye_part(told.eye) if told.eye else None,
        gaze=_gaze(told),
    )


def _expectation(stream: Measured | Wanted) -> Expectation | None:
    expected = stream.expected
    if expected is None:
        return None
    return Expectation(
        name=expected.name,
        type=expected.type,
        rate_hz=expected.rate_hz,
        channels=expected.channels,
        labels=expected.labels,
    )


def _electrodes(told: Judged) -> tuple[Electrode, ...]:
    if told.eeg is None:
        return ()
    channels = [c for c in told.eeg.channels() if has_place(c.name)]
    places = on_paper(c.name for c in channels).round(3).tolist()
    return tuple(
        Electrode(
            name=channel.name,
            x=x,
            y=y,
            state=channel.state,
            flags=tuple(map(str, channel.flags)),
            interpolated=channel.interpolated,
            bad_share=round(told.bad_share.get(channel.name, 0.0), 3),
        )
        for channel, (x, y) in zip(channels, places, strict=True)
    )


def _gaze(told: Judged) -> GazeOnScreen | None:
    if told.gaze is None:
        return None
    left, right = told.gaze.lost
    return GazeOnScreen(
        points=told.gaze.points, lost_left=round(left, 3), lost_right=round(right, 3)
    )


def _markers(visit: Visit, wanted: Wanted, findings: Sequence[Finding]) -> PreflightStream:
    """Markers are rare: a stream of them is there or is not, and says nothing of itself."""
    found = _first(wanted, visit)
    state = worst(f for f in findings if f.looked_at == wanted.text)
    return PreflightStream(
        about=wanted.text,
        source=wanted.text,
        role=wanted.role,
        required=wanted.required,
        session_id=None,
        state="missing" if found is None else "found",
        worst=state,
        stops=state is State.PROBLEM,
        expected=_expectation(wanted),
        name=found.name if found else None,
        type=found.type if found else None,
        hostname=found.hostname if found else None,
        n_channels=found.n_channels if found else None,
        labels=(),
        units=(),
        nominal_rate_hz=found.rate_hz if found else None,
        effective_rate_hz=None,
        sample_age_s=None,
        gaps=0,
        lost_samples=0,
        clock_offset_ms=None,
        clock_uncertainty_ms=None,
        device="",
        coverage=None,
        needed_coverage=None,
        mapping=None,
        windows=0,
        eeg=None,
        electrodes=(),
        eye=None,
        gaze=None,
    )


def _first(wanted: Wanted, visit: Visit) -> StreamSummary | None:
    try:
        return next(iter(markers_of(wanted.text, visit.listed)), None)
    except UsageError:
        return None
