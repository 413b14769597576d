"""The requests of the contract as values: what to send, and what the answer is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from hadua.service.answers import (
    BundleList,
    ClockReading,
    MarkerAnswer,
    PredictionPage,
    RecordingAnswer,
    SessionInfo,
    SessionPage,
    StreamList,
)
from hadua.service.clock_echo import Echo
from hadua.service.learning.answers import (
    AdaptationAnswer,
    CalibrationAnswer,
    LabelAnswer,
    ProfileHistory,
    RollBackAnswer,
)
from hadua.service.preflight_shapes import PreflightAnswer

API = "/api/v1"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request.

    Args:
        method: GET or POST.
        path: With its query.
        shape: Of the answer.
        body: To be sent as JSON, or None.
        wait_s: How long the service itself may take, beside the time-out of the connection.
    """

    method: str
    path: str
    shape: type[T]
    body: Mapping[str, object] | None = None
    wait_s: float = 0.0


def sessions(after: str | None) -> Call[SessionPage]:
    """One page of the sessions."""
    return Call("GET", _path("sessions", after=after), SessionPage)


def session(session_id: str) -> Call[SessionInfo]:
    """One session."""
    return Call("GET", _path("sessions", session_id), SessionInfo)


def start_session(
    *,
    eeg: str | None,
    gaze: str | None,
    participant: str | None,
    session_id: str | None,
    markers: Sequence[str] | None,
) -> Call[SessionInfo]:
    """Start a session."""
    given = {"eeg": eeg, "gaze": gaze, "participant": participant, "id": session_id,
             "markers": markers}  # fmt: skip
    body = {name: value for name, value in given.items() if value is not None}
    return Call("POST", _path("sessions"), SessionInfo, body)


def stop_session(session_id: str) -> Call[SessionInfo]:
    """Stop a session and wait for its end."""
    return Call("POST", _path("sessions", session_id, "stop"), SessionInfo, wait_s=10.0)


def predictions(session_id: str, *, after_seq: int, epoch: int | None) -> Call[PredictionPage]:
    """One page of what a session predicted."""
    path = _path(
        "sessions", session_id, "predictions", after_seq=after_seq, epoch=epoch, limit=1000
    )
    return Call("GET", path, PredictionPage)


def streams(timeout_s: float) -> Call[StreamList]:
    """Streams on the network."""
    return Call("GET", _path("streams", timeout_s=timeout_s), StreamList, wait_s=timeout_s)


def preflight(*, seconds: float, participant: str | None) -> Call[PreflightAnswer]:
    """Whether everything that a session needs is there."""
    path = _path("preflight", seconds=seconds, participant=participant)
    return Call("GET", path, PreflightAnswer, wait_s=60.0)


def bundles() -> Call[BundleList]:
    """The bundles that sessions run."""
    return Call("GET", _path("bundles"), BundleList)


def clock() -> Call[ClockReading]:
    """The service's clock."""
    return Call("GET", _path("clock"), ClockReading)


def mark(session_id: str, text: str, *, t_s: float) -> Call[MarkerAnswer]:
    """A marker at an LSL time."""
    body = {"text": text, "t_s": t_s}
    return Call("POST", _path("sessions", session_id, "markers"), MarkerAnswer, body)


def mark_by(
    session_id: str, text: str, *, client_s: float, echoes: Iterable[Echo]
) -> Call[MarkerAnswer]:
    """A marker at a time of the client's clock, with exchanges that tell LSL's from it."""
    exchanges = [asdict(echo) for echo in echoes]
    body = {"text": text, "client_s": client_s, "exchanges": exchanges}
    return Call("POST", _path("sessions", session_id, "markers"), MarkerAnswer, body)


def start_recording(session_id: str, *, task: str | None) -> Call[RecordingAnswer]:
    """Record a session from now on."""
    body = {} if task is None else {"task": task}
    return Call("POST", _path("sessions", session_id, "recording"), RecordingAnswer, body)


def recording(session_id: str) -> Call[RecordingAnswer]:
    """How a recording stands."""
    return Call("GET", _path("sessions", session_id, "recording"), RecordingAnswer)


def stop_recording(session_id: str) -> Call[RecordingAnswer]:
    """End a recording and wait until its file is closed."""
    path = _path("sessions", session_id, "recording", "stop")
    return Call("POST", path, RecordingAnswer, wait_s=30.0)


def calibration(session_id: str) -> Call[CalibrationAnswer]:
    """How a calibration stands."""
    return Call("GET", _path("sessions", session_id, "calibration"), CalibrationAnswer)


def calibrate(
    session_id: str, *, seconds: float, plan: Mapping[str, object], policy: str | None
) -> Call[CalibrationAnswer]:
    """Begin a calibration."""
    body: dict[str, object] = {"seconds": seconds, "plan": dict(plan)}
    body |= {} if policy is None else {"policy": policy}
    return Call("POST", _path("sessions", session_id, "calibration"), CalibrationAnswer, body)


def decide(session_id: str, decision: str, *, reason: str | None) -> Call[CalibrationAnswer]:
    """Accept, reject, cancel or finish a calibration."""
    path = _path("sessions", session_id, "calibration", decision)
    body = None if reason is None else {"reason": reason}
    return Call("POST", path, CalibrationAnswer, body, wait_s=15.0)


def adapt(session_id: str, *, on: bool) -> Call[AdaptationAnswer]:
    """Switch the online loop on or off."""
    path = _path("sessions", session_id, "adaptation")
    return Call("POST", path, AdaptationAnswer, {"on": on}, wait_s=10.0)


def label(session_id: str, name: str, *, from_s: float, until_s: float) -> Call[LabelAnswer]:
    """Say what was felt."""
    body = {"label": name, "from_s": from_s, "until_s": until_s}
    return Call("POST", _path("sessions", session_id, "labels"), LabelAnswer, body)


def roll_back(session_id: str, *, version: int | None, reason: str) -> Call[RollBackAnswer]:
    """Put an older version back."""
    body: dict[str, object] = {"reason": reason}
    body |= {} if version is None else {"version": version}
    return Call(
        "POST", _path("sessions", session_id, "rollback"), RollBackAnswer, body, wait_s=15.0
    )


def profiles(participant: str) -> Call[ProfileHistory]:
    """A participant's profiles."""
    return Call("GET", _path("participants", participant, "profiles"), ProfileHistory)


def frames_path(session_id: str | None, query: Mapping[str, object]) -> str:
    """Where the frames of a session, or of all, come from."""
    parts = ("ws",) if session_id is None else ("sessions", session_id, "ws")
    return _path(*parts, **query)


def encoded(body: Mapping[str, object] | None) -> bytes | None:
    """The body as it is sent."""
    return None if body is None else msgspec.json.encode(body)


def _path(*parts: str, **query: object) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    path = "/".join((API, *(quote(part, safe="") for part in parts)))
    return f"{path}?{urlencode(given)}" if given else path
