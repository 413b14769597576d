"""Gives what a session says its `seq`, keeps it, and hands it to the clients' senders."""

import math
from collections.abc import Callable, Iterable, Mapping

from hadua.adapters.sources.source import Marker
from hadua.models.errors import HaduaError
from hadua.models.prediction import Prediction
from hadua.service.cluster.remote import HERE
from hadua.service.engine import StepResult, Timed
from hadua.service.hub import Hub
from hadua.service.journal import Journal, Kind, Published
from hadua.service.latency import LatencyTotals, stages_ms
from hadua.service.learning.statuses import AdaptationStatus, CalibrationStatus
from hadua.service.marker_order import MarkerOrder
from hadua.service.metrics import Metrics
from hadua.service.prediction_frame import Moment, prediction_frame
from hadua.service.quality_frame import EVERY_S, quality_frame
from hadua.service.wire import (
    CalibrationFrame,
    MarkerFrame,
    PredictionFrame,
    QualityFrame,
    SessionFrame,
    StatusFrame,
    encode,
)

_SAME = 1e-9  # hops: what lies so close behind a window's end lies at it
Listener = Callable[[SessionFrame, str, float], None]


class Publisher:
    """The voice of one session in one epoch.

    Args:
        session_id: The session.
        epoch: Greater than that of every earlier session of this id.
        journal: Empty, and only this publisher's to write.
        hub: The clients.
        metrics: Counted into.
        clock: LSL seconds now.
        unix_clock: Unix seconds now.
        hop_s: From the end of one window to the next; 0 if windows are not on a grid.
        phase_s: Where windows end within a hop.
        keep: Stores a frame for longer than the journal, without waiting. Where it raises, it
            is not asked again, and `unkept` says why.
    """

    def __init__(
        self,
        session_id: str,
        *,
        epoch: int,
        journal: Journal,
        hub: Hub,
        metrics: Metrics,
        clock: Callable[[], float],
        unix_clock: Callable[[], float],
        hop_s: float = 0.0,
        phase_s: float = 0.0,
        keep: Callable[[Published], None] = lambda _: None,
    ) -> None:
        self.session_id = session_id
        self.epoch = epoch
        self.journal = journal
        self.totals = LatencyTotals()
        self.predictions = 0
        self.abstained = 0
        self.computed = HERE
        self.markers = 0
        self.markers_late = 0
        self.last_marker: MarkerFrame | None = None
        self.last_quality: QualityFrame | None = None
        self.unkept: HaduaError | None = None
        self._listeners: list[Listener] = []
        self._markers = MarkerOrder()
        self.phase_s = phase_s
        self._hop_s = hop_s
        self._last_end_s = -math.inf
        self._of_window: list[MarkerFrame] = []  # since the last prediction
        self._started_s = clock()
        self._ended_s: float | None = None
        self._hub = hub
        self._metrics = metrics
        self._clock = clock
        self._unix_clock = unix_clock
        self._keep: Callable[[Published], None] | None = keep

    @property
    def next_seq(self) -> int:
        """The `seq` of the frame to come."""
        return self.journal.last_seq + 1

    @property
    def uptime_s(self) -> float:
        """Seconds from the beginning of the session until now, or until its end."""
        return (self._clock() if self._ended_s is None else self._ended_s) - self._started_s

    @property
    def keeps(self) -> bool:
        """Whether everything that was said was given to whatever keeps it."""
        return self._keep is not None

    def end(self) -> None:
        """Note that the session is over."""
        self._ended_s = self._clock()

    def listen(self, listener: Listener) -> None:
        """Tell somebody of every frame, its text and its LSL time, before the clients are told."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Tell them no more; nothing happens if they are not told."""
        self._listeners = [known for known in self._listeners if known != listener]

    def hold_markers(self, markers: Iterable[Marker]) -> None:
        """Take markers: each goes out once, before the first prediction that ends after it."""
        self._markers.hold(markers)

    def release_markers(self, until_s: float = math.inf) -> None:
        """Publish the markers held up to `until_s`, in LSL seconds."""
        for marker in self._markers.release(until_s):
            frame = MarkerFrame(
                session_id=self.session_id,
                epoch=self.epoch,
                seq=self.next_seq,
                t_s=marker.t_s,
                text=marker.text,
                source=marker.source,
                window_end_s=window_end_s(marker.t_s, self._hop_s, self.phase_s),
            )
            self.last_marker = frame
            self.markers += 1
            self.markers_late += marker.t_s <= self._last_end_s
            self._of_window.append(frame)
            self._publish("marker", frame, self._clock())

    def prediction(self, timed: Timed, *, clock_uncertainty_ms: float | None) -> None:
        """Stamp, count and publish one window's answer, after the markers of its time."""
        prediction = timed.result.prediction
        self.release_markers(prediction.end_s)
        now_s = self._clock()
        latency_ms = stages_ms(
            last_sample_s=timed.last_sample_s,
            trigger_s=timed.trigger_s,
            taken_s=timed.taken_s,
            published_s=now_s,
            stage_ms=timed.result.stage_ms,
        )
        moment = Moment(
            session_id=self.session_id,
            epoch=self.epoch,
            seq=self.next_seq,
            time_unix=self._unix_clock() - (now_s - timed.last_sample_s),
            latency_ms=latency_ms,
            clock_uncertainty_ms=clock_uncertainty_ms,
            markers=self._take_markers(prediction.end_s),
        )
        frame = prediction_frame(prediction, moment)
        self._publish("prediction", frame, now_s)
        self._count(prediction, latency_ms)
        self._quality(frame, timed.result)

    def _quality(self, answer: PredictionFrame, result: StepResult) -> None:
        """Say how good the signal behind an answer was, if that was not just said."""
        last, signals = self.last_quality, result.quality
        if not signals or (last is not None and answer.end_s < last.end_s + EVERY_S):
            return
        self.last_quality = quality_frame(
            answer, signals, seq=self.next_seq, windows=result.windows
        )
        self._publish("quality", self.last_quality, self._clock())

    def _take_markers(self, end_s: float) -> tuple[str, ...]:
        """Texts of the markers in the last hop of the window that ends at `end_s`."""
        mine = [m for m in self._of_window if _same(m.window_end_s, end_s, self._hop_s)]
        self._of_window = [m for m in self._of_window if (m.window_end_s or 0.0) > end_s]
        self._last_end_s = end_s
        return tuple(m.text for m in mine)

    def status(self, frame: StatusFrame) -> None:
        """Publish a status that carries `next_seq`."""
        self._publish("status", frame, self._clock())

    def learning(
        self,
        *,
        profile_version: int,
        calibration: CalibrationStatus | None,
        adaptation: AdaptationStatus,
        note: str,
    ) -> None:
        """Say how learning stands."""
        frame = CalibrationFrame(
            session_id=self.session_id,
            epoch=self.epoch,
            seq=self.next_seq,
            time_unix=self._unix_clock(),
            profile_version=profile_version,
            calibration=calibration,
            adaptation=adaptation,
            note=note,
        )
        self._publish("calibration", frame, self._clock())

    def _publish(self, kind: Kind, frame: SessionFrame, now_s: float) -> None:
        text = encode(frame)
        for listener in self._listeners:
            listener(frame, text, now_s)
        item = Published(self.session_id, self.epoch, frame.seq, kind, text, now_s)
        self.journal.append(item)
        keep, self._keep = self._keep, None  # whatever fails now: nothing is kept behind a hole
        if self._hub.publish(item):
            self._metrics.send_s.observe(self._clock() - now_s)
        if keep is not None:
            try:
                keep(item)
            except HaduaError as error:
                self.unkept = error
            else:
                self._keep = keep

    def _count(self, prediction: Prediction, latency_ms: Mapping[str, float]) -> None:
        self.predictions += 1
        self.computed = prediction.computed
        self.abstained += prediction.abstained
        self.totals.add(latency_ms["total"])
        self._metrics.predictions.labels(str(prediction.abstained).lower()).inc()
        self._metrics.count_quality(prediction)
        for stage, value_ms in latency_ms.items():
            self._metrics.latency_s.labels(stage).observe(value_ms / 1e3)


def window_end_s(t_s: float, hop_s: float, phase_s: float = 0.0) -> float | None:
    """The end of the first window on the grid that does not end before `t_s`; None: no grid."""
    if hop_s <= 0.0:
        return None
    return math.ceil((t_s - phase_s) / hop_s - _SAME) * hop_s + phase_s


def _same(one_s: float | None, other_s: float, hop_s: float) -> bool:
    return one_s is not None and abs(one_s - other_s) < 1e-3 * hop_s
