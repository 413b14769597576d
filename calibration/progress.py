"""How far a calibration session is, and how long it will take at the rate seen so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.models.features import Modality

_FEWEST_FOR_RATE = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """A session in figures.

    Args:
        share: Done of what the state asks for, 0 to 1.
        eta_s: Seconds until the state is over; None if that cannot be told.
        lacking: Windows that are still needed of each modality.
        words: The same in a sentence.
    """

    share: float
    eta_s: float | None
    lacking: Mapping[Modality, int]
    words: str


def progress(session: CalibrationSession) -> Progress:
    """How far it is."""
    if session.state is State.BASELINE:
        return _resting(session)
    if session.state is State.COLLECTING:
        return _collecting(session)
    share = 0.0 if session.state is State.IDLE else 1.0
    return Progress(share, None, {}, session.reason or str(session.state))


def _resting(session: CalibrationSession) -> Progress:
    needed = session.plan.baseline_windows(session.hop_s)
    left = needed - session.rested
    eta_s = left * session.hop_s
    if session.rested >= _FEWEST_FOR_RATE and session.first_s is not None:
        eta_s = left * _since(session, session.first_s) / session.rested
    words = f"resting: {session.rested} of {needed} windows"
    return Progress(session.rested / needed, eta_s, {}, words)


def _collecting(session: CalibrationSession) -> Progress:
    plan, lacking = session.plan, session.lacking
    shares = [session.collected / plan.windows]
    etas: list[float | None] = [_left_s(session, plan.windows - session.collected, share=1.0)]
    words = f"collecting: {session.collected} of {plan.windows} windows"
    for modality, needed in lacking.items():
        had = session.measured.get(modality, 0)
        shares.append(had / (had + needed))
        etas.append(_left_s(session, needed, share=had / max(session.collected, 1)))
        words += f", {needed} more with {modality}"
    known = [eta for eta in etas if eta is not None]
    eta_s = max(known) if len(known) == len(etas) else None
    return Progress(min(shares), eta_s, lacking, words)


def _left_s(session: CalibrationSession, needed: int, *, share: float) -> float | None:
    """Seconds until so many more windows have come, of which `share` of all are.

    None where none came though others did: there is no rate to go by.
    """
    new = session.collected - session.collected_before
    if session.collecting_since_s is None or new < _FEWEST_FOR_RATE:
        return max(needed, 0) * session.hop_s
    if not share:
        return None
    return max(needed, 0) * _since(session, session.collecting_since_s) / (new * share)


def _since(session: CalibrationSession, begin_s: float) -> float:
    last_s = begin_s if session.last_s is None else session.last_s
    return last_s - begin_s + session.hop_s
