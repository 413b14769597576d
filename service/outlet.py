"""A session over Lab Streaming Layer: predictions as numbers, changes and markers as strings.

    NAME-predictions   float32, irregular, stamped with the end of the window
    NAME-events        Markers: JSON, one string per change of state
    NAME-markers       Markers: what came over REST, as it came

A thread of its own makes the streams and sends: neither the loop nor the pipeline waits for LSL.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from hadua.adapters.sources.lsl_outlet import LslOutlet, OutletSpec, open_outlet
from hadua.models.bundle import Bundle
from hadua.models.errors import HaduaError
from hadua.service.state_changes import StateChanges
from hadua.service.threads import SureThread
from hadua.service.wire import MarkerFrame, OutletStatus, PredictionFrame, SessionFrame, StatusFrame

WAITING_AT_MOST = 256  # the oldest goes: a stalled network must not cost memory
WAKE_S = 0.5
REST = "rest"  # source of markers that came over REST
UNITS = {"label_index": "index", "latency_ms": "milliseconds"}

_log = structlog.get_logger("hadua.outlet")

Opener = Callable[[OutletSpec], LslOutlet]


@dataclass(frozen=True, slots=True)
class Sending:
    """A sample on its way."""

    stream: str
    values: tuple[float, ...] | tuple[str, ...]
    t_s: float


class SessionOutlet:
    """Sends what one session says.

    Args:
        prefix: How the names of the streams begin.
        session_id: The session.
        bundle: Told in the description of the predictions.
        on_drop: Told of every sample that made room for a newer one.
        opener: Makes an outlet.
    """

    def __init__(
        self,
        prefix: str,
        *,
        session_id: str,
        bundle: Bundle,
        on_drop: Callable[[], object] = lambda: None,
        opener: Opener = open_outlet,
    ) -> None:
        self._classes = bundle.classes
        self._specs = _specs(prefix, session_id=session_id, bundle=bundle)
        self._opener = opener
        self._on_drop = on_drop
        self._changes = StateChanges()
        self._changed = threading.Condition()
        self._waiting: deque[Sending] = deque()
        self._stopping = False
        self._sent = self._dropped = 0
        self._listeners = 0
        self._error: str | None = None
        self._thread = SureThread(target=self._run, name=f"lsl-{session_id}", daemon=True)

    def start(self) -> None:
        """Start the thread, which makes the streams."""
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, and take the streams away; returns at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; True if it is reached, or nothing was started."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> OutletStatus:
        """What was sent so far, and whether anybody listens."""
        return OutletStatus(
            streams=tuple(spec.name for spec in self._specs.values()),
            sent=self._sent,
            dropped=self._dropped,
            listened_to=self._listeners > 0,
            error=self._error,
        )

    def said(self, frame: SessionFrame, text: str, now_s: float) -> None:
        """Send a frame; returns at once."""
        del text
        if isinstance(frame, PredictionFrame):
            self._put(Sending("predictions", numbers(frame, self._classes), frame.end_s))
            changes: Sequence[Mapping[str, object]] = self._changes.of_prediction(frame)
        elif isinstance(frame, StatusFrame):
            changes = self._changes.of_status(frame)
        else:
            changes = ()
            if isinstance(frame, MarkerFrame) and frame.source == REST:
                self._put(Sending("markers", (frame.text,), frame.t_s))
        for change in changes:
            self._put(Sending("events", (msgspec.json.encode(change).decode(),), now_s))

    def _put(self, sending: Sending) -> None:
        with self._changed:
            if self._stopping or self._error is not None:
                return
            if len(self._waiting) >= WAITING_AT_MOST:
                self._waiting.popleft()
                self._dropped += 1
                self._on_drop()
            self._waiting.append(sending)
            self._changed.notify()

    def _run(self) -> None:
        try:
            outlets = {name: self._opener(spec) for name, spec in self._specs.items()}
            while self._send_waiting(outlets):
                self._listeners = sum(outlet.have_consumers() for outlet in outlets.values())
        except HaduaError as error:
            self._end(str(error))
        except Exception as error:  # noqa: BLE001 - the one place where an outlet's faults end
            _log.exception("outlet failed unexpectedly")
            self._end(f"internal error: {type(error).__name__}")

    def _end(self, error: str) -> None:
        with self._changed:
            self._error = error
            self._waiting.clear()
        _log.error("nothing is sent over LSL", error=error)

    def _send_waiting(self, outlets: Mapping[str, LslOutlet]) -> bool:
        """Send what waits, or wait for something; False when it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping, WAKE_S)
            waiting, stopping = tuple(self._waiting), self._stopping
            self._waiting.clear()
        for sending in waiting:
            outlets[sending.stream].push_sample(sending.values, sending.t_s)
            self._sent += 1
        return not stopping


def labels_of(classes: Sequence[str]) -> tuple[str, ...]:
    """Channels of the predictions."""
    p = (f"p_{name}" for name in classes)
    return (*p, "label_index", "confidence", "quality", "adapted", "latency_ms")


def numbers(frame: PredictionFrame, classes: Sequence[str]) -> tuple[float, ...]:
    """A prediction in the order of `labels_of`.

    NaN where nothing is known; `label_index` -1 without a label; `quality` is the least of the
    modalities that were used, 0 if none was; `adapted` 1 with a participant's own profile.
    """
    p = frame.probabilities or {}
    used = [frame.quality.get(m, 0.0) for m, state in frame.modalities.items() if state == "used"]
    return (
        *(p.get(name, math.nan) for name in classes),
        float(-1 if frame.label is None else classes.index(frame.label)),
        math.nan if frame.confidence is None else frame.confidence,
        min(used, default=0.0),
        float(frame.profile_version > 0),
        frame.latency_ms.get("total", math.nan),
    )


def _specs(prefix: str, *, session_id: str, bundle: Bundle) -> dict[str, OutletSpec]:
    facts = {"session_id": session_id, "bundle": bundle.id, "bundle_sha256": bundle.digest}

    def spec(name: str, kind: str, labels: tuple[str, ...], **more: Sequence[str]) -> OutletSpec:
        sender = f"{session_id}:{name}"
        return OutletSpec(f"{prefix}-{name}", kind, sender, labels, UNITS, {**facts, **more})

    classes = bundle.classes
    return {
        "predictions": spec("predictions", "Predictions", labels_of(classes), **{"class": classes}),
        "events": spec("events", "Markers", ()),
        "markers": spec("markers", "Markers", ()),
    }
