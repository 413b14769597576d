"""From a prediction to the frame that clients get; the same live and when it is verified."""

from collections.abc import Mapping
from dataclasses import dataclass

from hadua.models.prediction import Prediction
from hadua.service.wire import PredictionFrame

OF_THE_MOMENT = frozenset(
    {
        "v", "type", "session_id", "epoch", "seq", "time_unix", "latency_ms",
        "clock_uncertainty_ms", "markers", "computed",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What of a frame is of the moment in which it was said, and cannot be computed again."""

    session_id: str | None
    epoch: int
    seq: int
    time_unix: float
    latency_ms: Mapping[str, float]
    clock_uncertainty_ms: float | None
    markers: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: PredictionFrame) -> "Moment":
        """The moment of a frame that was said."""
        return cls(
            session_id=frame.session_id,
            epoch=frame.epoch,
            seq=frame.seq,
            time_unix=frame.time_unix,
            latency_ms=frame.latency_ms,
            clock_uncertainty_ms=frame.clock_uncertainty_ms,
            markers=frame.markers,
        )


def prediction_frame(prediction: Prediction, moment: Moment) -> PredictionFrame:
    """The frame of a prediction."""
    return PredictionFrame(
        session_id=moment.session_id,
        epoch=moment.epoch,
        seq=moment.seq,
        start_s=prediction.start_s,
        end_s=prediction.end_s,
        time_unix=moment.time_unix,
        probabilities=_by_class(prediction),
        label=prediction.label,
        confidence=prediction.confidence,
        abstained=prediction.abstained,
        reason=prediction.reason,
        modalities={name: str(state) for name, state in prediction.modalities.items()},
        quality=dict(prediction.quality),
        profile_version=prediction.profile_version,
        bundle=prediction.bundle,
        latency_ms=dict(moment.latency_ms),
        clock_uncertainty_ms=moment.clock_uncertainty_ms,
        markers=moment.markers,
        abstention=prediction.abstention,
        interpolated=prediction.interpolated,
        left_out=prediction.left_out,
        computed=prediction.computed,
    )


def answer_of(prediction: Prediction) -> dict[str, object]:
    """What of a frame says something of the window and nothing of the moment it was said in."""
    nobody = Moment(
        session_id=None, epoch=0, seq=0, time_unix=0.0, latency_ms={}, clock_uncertainty_ms=None
    )
    frame = prediction_frame(prediction, nobody)
    names = (f for f in frame.__struct_fields__ if f not in OF_THE_MOMENT)
    return {name: getattr(frame, name) for name in names}


def _by_class(prediction: Prediction) -> dict[str, float] | None:
    if prediction.probabilities is None:
        return None
    return dict(zip(prediction.classes, prediction.probabilities, strict=True))
