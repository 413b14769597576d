"""Computes the predictions of a recorded session again, and compares them bit for bit."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hadua.adapters.recordings.session_file import Cut, Event, Framed, Noted, Took, read_session
from hadua.models.errors import HaduaError, RecordingError
from hadua.models.prediction import Prediction
from hadua.service.engine import Engine, StepResult
from hadua.service.machine import machine
from hadua.service.prediction_frame import OF_THE_MOMENT, Moment, prediction_frame
from hadua.service.recorded_pipeline import Rebuilder, RecordedPipeline
from hadua.service.wire import PredictionFrame, encode

SHOWN = 5
_ANY = dict[str, object]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction that is not the recorded one."""

    seq: int
    end_s: float
    fields: tuple[str, ...]
    recorded: dict[str, object]
    recomputed: dict[str, object]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came out.

    `made_by` and `recomputed_by` are the facts that may change a result; `changed` names those
    that differ.
    """

    file: str
    identical: bool
    recorded: int
    compared: int
    differing: int
    largest_difference: float
    differences: tuple[Difference, ...]
    made_by: dict[str, str]
    recomputed_by: dict[str, str]
    changed: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Comparison:
    """Recorded and recomputed predictions, each in its order."""

    recorded: int = 0
    compared: int = 0
    differing: int = 0
    largest: float = 0.0
    shown: list[Difference] = field(default_factory=list)
    _said: deque[tuple[PredictionFrame, str]] = field(default_factory=deque)
    _again: deque[Prediction] = field(default_factory=deque)

    def say(self, frame: PredictionFrame, text: str) -> None:
        self.recorded += 1
        self._said.append((frame, text))
        self._match()

    def compute(self, results: Sequence[StepResult]) -> None:
        self._again.extend(result.prediction for result in results)
        self._match()

    @property
    def left_over(self) -> int:
        """Recorded predictions that were not computed again."""
        return len(self._said)

    def _match(self) -> None:
        while self._said and self._again:
            (frame, text), prediction = self._said.popleft(), self._again.popleft()
            again = prediction_frame(prediction, Moment.of(frame))
            self.compared += 1
            if encode(again) != text:
                self._differ(frame, text, again)

    def _differ(self, frame: PredictionFrame, text: str, again: PredictionFrame) -> None:
        said = msgspec.json.decode(text, type=_ANY)
        now = msgspec.json.decode(encode(again), type=_ANY)
        fields = [k for k in said if k not in OF_THE_MOMENT and said[k] != now.get(k)]
        if not fields:  # only the format of frames has changed since
            return
        self.differing += 1
        self.largest = max(self.largest, _distance(frame, again))
        if len(self.shown) < SHOWN:
            self.shown.append(
                Difference(
                    seq=frame.seq,
                    end_s=frame.end_s,
                    fields=tuple(fields),
                    recorded={k: said[k] for k in fields},
                    recomputed={k: now.get(k) for k in fields},
                )
            )


def verify(path: Path, rebuilder: Rebuilder) -> Verdict:
    """Step the recorded chunks through a pipeline made as the recorded one was.

    Args:
        path: A session that was recorded here.
        rebuilder: Makes the pipeline.

    Raises:
        RecordingError: not such a file, damaged, or without a pipeline.
        BundleError, RuntimeUnavailableError: the pipeline cannot be made.
    """
    comparison, pipeline = _Comparison(), RecordedPipeline(path, rebuilder)
    made_by, cut, refused = dict[str, str](), False, list[HaduaError]()
    try:
        for event in read_session(path):
            comparison.compute(_taken(event, pipeline, refused))
            match event:
                case Noted(document) if document["event"] == "recording":
                    made_by |= _texts(document.get("machine"))
                case Framed(_, text) if '"type":"prediction"' in text:
                    comparison.say(_said(text, path), text)
                case Cut():
                    cut = True
    finally:
        pipeline.close()
    if pipeline.engine is None or pipeline.needs is None:
        raise RecordingError(
            f"recording {str(path)!r} has no pipeline in it",
            hint="It ended before the streams were found: there are no predictions.",
        )
    made_by |= _facts(pipeline.needs.bundle, pipeline.needs.runtime)
    notes = [*rebuilder.notes, *(["the recording was cut off: compared up to the cut"] * cut)]
    notes += [f"the session ended with samples that cannot be used: {error}" for error in refused]
    return _verdict(path, comparison, made_by, machine() | _engine_facts(pipeline.engine), notes)


def _taken(
    event: Event, pipeline: RecordedPipeline, refused: list[HaduaError]
) -> Sequence[StepResult]:
    """The results of an event; none of the samples by which a session ended, which are `refused`.

    Raises:
        HaduaError: they are refused, and the session went on.
    """
    if refused and isinstance(event, Took):
        raise refused[0]
    try:
        return pipeline.take(event)
    except HaduaError as error:
        if not isinstance(event, Took):
            raise
        refused.append(error)
        return ()


def _said(text: str, path: Path) -> PredictionFrame:
    try:
        return msgspec.json.decode(text, type=PredictionFrame)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordingError(
            f"recording {str(path)!r} holds a prediction that is none",
            got=str(error),
            hint="The file was damaged or changed; copy it again.",
        ) from error


def _verdict(
    path: Path,
    comparison: _Comparison,
    made_by: dict[str, str],
    recomputed_by: dict[str, str],
    notes: list[str],
) -> Verdict:
    if comparison.left_over:
        notes.append(f"{comparison.left_over} recorded predictions did not come again")
    if not comparison.recorded:
        notes.append("there is no prediction in it")
    whole = comparison.compared > 0 and not comparison.left_over
    names = sorted(made_by.keys() | recomputed_by.keys())
    return Verdict(
        file=str(path),
        identical=whole and not comparison.differing,
        recorded=comparison.recorded,
        compared=comparison.compared,
        differing=comparison.differing,
        largest_difference=comparison.largest,
        differences=tuple(comparison.shown),
        made_by=made_by,
        recomputed_by=recomputed_by,
        changed=tuple(n for n in names if made_by.get(n) != recomputed_by.get(n)),
        notes=tuple(notes),
    )


def _facts(bundle: Mapping[str, str], runtime: Mapping[str, str]) -> dict[str, str]:
    return {
        "bundle": bundle.get("id", ""),
        "bundle_sha256": bundle.get("digest", ""),
        "runtime": f"{runtime.get('name', '')} on {runtime.get('device', '')}",
    }


def _engine_facts(engine: Engine) -> dict[str, str]:
    return _facts(_texts(engine.facts.get("bundle")), _texts(engine.facts.get("runtime")))


def _texts(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _distance(one: PredictionFrame, other: PredictionFrame) -> float:
    p, q = one.probabilities or {}, other.probabilities or {}
    return max((abs(p[name] - q[name]) for name in p.keys() & q.keys()), default=0.0)
