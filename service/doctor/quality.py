"""How good the signals are, by what was heard of them."""

from collections.abc import Sequence

from hadua.models.quality import ChannelState, EegQuality, EyeState, GazeQuality
from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.visit import Measured, Visit
from hadua.service.judging import Judged, judged
from hadua.service.meant import screen_of

_SHOWN = 8
_ELECTRODES = (
    "Wet or press these electrodes, then the reference and the ground; keep cables away from "
    "mains and from moving. What stays bad is interpolated from its neighbours."
)
_EYES = (
    "Sit at the tracker's distance, clean glasses, no sun on the tracker; calibrate it again. Does "
    "the person look at this screen?"
)


def look_at_quality(visit: Visit) -> Sequence[Finding]:
    """Judge what was heard, as a session judges its windows."""
    bundle, screen, findings = visit.bundle, screen_of(visit.settings), []
    for stream in visit.measured:
        if stream.spec is not None and stream.chunks and bundle is not None:
            told = judged(stream.spec, stream.chunks, stream.modality, bundle=bundle, screen=screen)
            visit.judged[stream.called] = told
            findings.append(_finding(stream, told))
    nothing = "nothing was heard that could be judged"
    return findings or [Finding("quality", State.OK, "signals", nothing)]


def _finding(stream: Measured, told: Judged) -> Finding:
    if told.eeg is not None:
        state, found, fix = _eeg(told.eeg)
    elif told.eye is not None:
        state, found, fix = _eye(told.eye)
    else:
        state, found, fix = State.NOTE, f"not judged: {told.problem}", ""
    return Finding("quality", state, stream.called, found, fix)


def _eeg(quality: EegQuality) -> tuple[State, str, str]:
    states = {c.name: c.state for c in quality.channels()}
    bad = [name for name, state in states.items() if state is ChannelState.BAD]
    noisy = [name for name, state in states.items() if state is ChannelState.NOISY]
    if all(state is ChannelState.MISSING for state in states.values()):
        return State.NOTE, "none of the model's channels is in the stream: nothing to judge", ""
    good = sum(state is ChannelState.GOOD for state in states.values())
    found = f"{good} of {len(states)} channels are good"
    if bad:
        found += f"; bad: {_some(bad)}"
    if noisy:
        found += f"; hum: {_some(noisy)}"
    if not bad and not noisy:
        return State.OK, found, ""
    return State.WARNING if bad else State.NOTE, found, _ELECTRODES


def _eye(quality: GazeQuality) -> tuple[State, str, str]:
    words = [f"{eye.eye} {eye.state}, seen for {eye.measured:.0%}" for eye in quality.eyes]
    found = "; ".join(words)
    if all(eye.state is EyeState.GOOD for eye in quality.eyes):
        return State.OK, found, ""
    fine = any(eye.state in (EyeState.GOOD, EyeState.BLINKING) for eye in quality.eyes)
    return State.NOTE if fine else State.WARNING, found, _EYES


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
