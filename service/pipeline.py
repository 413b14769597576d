"""The one path of a sample: chunks in, predictions out; live, replay and evaluation call the same.

`step` is synchronous and a function of the chunks it has seen: it asks neither for the time nor for
randomness (the clock it is given only stamps how long the stages took). So the chunks of a live
run, stepped through a second pipeline, give the same predictions bit for bit.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf

import numpy as np

from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.state import restore
from hadua.adapters.windows.alignment import AlignedWindows, Aligner
from hadua.models.bundle import Bundle
from hadua.models.errors import RecordingError, UsageError
from hadua.models.features import FeatureWindow, FloatArray, Modality
from hadua.models.prediction import ModalityState, decide
from hadua.models.quality import EegQuality
from hadua.models.runtime import Runtime
from hadua.service.cluster.remote import HERE, Placed
from hadua.service.context import TokenContext
from hadua.service.foresight import foresee
from hadua.service.lane import Lane
from hadua.service.ordering import ANY_TIME, NEVER, Ends
from hadua.service.pipeline_state import PipelineState, pack, unpack
from hadua.service.serving import Serving
from hadua.service.window_result import WindowResult

_AROUND_S = 1.0  # of filters, and of what has not been read yet
WORTH_SETTLING = 24
"""To work on fewer samples that were put aside takes hardly longer than to work on one."""


class Pipeline:
    """Everything between the readers and the hub for one person.

    Args:
        bundle: The model and what it eats.
        runtime: The model, loaded.
        streams: The connected streams, by what they are taken for.
        screen: Where the gaze lands; its size turns gaze into degrees.
        baseline_s: Length of the resting baseline at the start of the session; 0 for none.
        phase_s: Where windows end within a hop.
        clock: Seconds, monotonic; for `stage_ms` only.

    Raises:
        UsageError: no connected stream is an input of the bundle.
        InvalidInputError, StreamInvalidError: a stream from which the features cannot be had.
    """

    def __init__(
        self,
        bundle: Bundle,
        runtime: Runtime,
        streams: Mapping[Modality, StreamSpec],
        *,
        clock: Callable[[], float],
        screen: Screen | None = None,
        baseline_s: float = 0.0,
        phase_s: float = 0.0,
    ) -> None:
        self._bundle = bundle
        self._runtime, self._placed = runtime, _placed(runtime)
        self._clock = clock
        self._connected = frozenset(streams)
        self._screen, self._phase_s = screen or Screen(), phase_s
        self._lanes = {
            m: Lane.build(
                bundle,
                spec,
                streams[m],
                screen=self._screen,
                phase_s=phase_s,
                baseline_s=baseline_s,
            )
            for m, spec in bundle.specs.items()
            if m in streams
        }
        if not self._lanes:
            raise UsageError(
                f"bundle {bundle.id!r} has no use for the connected streams",
                got=", ".join(sorted(streams)) or "none",
                expected=f"at least one of {', '.join(sorted(bundle.specs))}",
                hint="Connect such a stream (--eeg, --gaze), or choose another bundle (--bundle).",
            )
        self._baseline_s = baseline_s
        self._baseline_until_s: float | None = None
        self._aligner = Aligner([lane.spec for lane in self._lanes.values()], phase_s=phase_s)
        self._foresight = foresee(self._lanes, self._aligner)
        self._context = TokenContext(bundle.specs, context=bundle.manifest.context)
        self._recent: deque[tuple[float, Mapping[Modality, FeatureWindow]]] = deque(
            maxlen=bundle.manifest.context
        )
        self._profile_version = 0
        self._shipped: Mapping[Modality, Normaliser] = {}  # while a profile answers
        self._unmapped = {
            m: why for m, lane in self._lanes.items() if (why := lane.unmapped(bundle))
        }

    def use(self, serving: Serving) -> None:
        """From the next window on, answer with one person's network and normalisation.

        The windows that the network looks back on are normalised anew, so that it never sees two
        scales at once. What served before is let go of.
        """
        self._runtime.close()
        self._runtime, self._profile_version = serving.runtime, serving.version
        self._placed = _placed(serving.runtime)
        self._baseline_s = 0.0  # a profile knows the person better than a minute of rest
        if not self._shipped:
            self._shipped = {m: lane.normaliser.end_baseline() for m, lane in self._lanes.items()}
        for modality, lane in self._lanes.items():
            own = serving.normalisation.get(modality)
            lane.normaliser = Normaliser(own.mean, own.std) if own else self._shipped[modality]
        self._context.clear()
        for end_s, used in self._recent:
            self._push(end_s, used)

    def state(self) -> bytes:
        """All that it remembers between two steps, but for network and profile."""
        normalisers = self._shipped or {m: lane.normaliser for m, lane in self._lanes.items()}
        return pack(
            PipelineState(
                baseline_s=self._baseline_s,
                baseline_until_s=self._baseline_until_s,
                recent=[
                    (end_s, {m: replace(w, signal=None, alone=None) for m, w in used.items()})
                    for end_s, used in self._recent
                ],
                unmapped=dict(self._unmapped),
                lanes={
                    m: replace(lane.state(), baseline=normalisers[m].baseline)
                    for m, lane in self._lanes.items()
                },
                aligner=self._aligner,
                context=self._context,
            )
        )

    def restore(self, state: bytes) -> None:
        """Go on from the state of another one, made as this one was; a profile is `use`d after it.

        Raises:
            RecordingError: not such a state, or that of a pipeline made otherwise.
        """
        kept = unpack(state)
        if kept.lanes.keys() != self._lanes.keys():
            raise RecordingError(
                "state of the pipeline",
                got=f"of {', '.join(kept.lanes) or 'no streams'}",
                expected=f"of {', '.join(self._lanes)}",
            )
        for m, lane in self._lanes.items():
            lane.restore(kept.lanes[m], self._bundle, screen=self._screen, phase_s=self._phase_s)
        restore(self._aligner, kept.aligner, where="aligner")
        self._foresight = foresee(self._lanes, self._aligner)
        restore(self._context, kept.context, where="context")
        self._baseline_s, self._baseline_until_s = kept.baseline_s, kept.baseline_until_s
        self._recent.clear()
        self._recent.extend(kept.recent)
        self._unmapped = dict(kept.unmapped)

    def close(self) -> None:
        """Let go of the network."""
        self._runtime.close()

    def _push(self, end_s: float, used: Mapping[Modality, FeatureWindow]) -> None:
        values = {m: self._lanes[m].normalise(window) for m, window in used.items()}
        self._context.push(end_s, values)

    def step(self, modality: Modality, chunk: SampleChunk) -> list[WindowResult]:
        """Take one chunk; give a result for every window that it completed, oldest first.

        A chunk whose stream is not the one before is that of a stream that came back changed: it is
        mapped anew, and where that cannot be done its modality is left out, with the reason.
        """
        lane = self._lanes.get(modality)
        if lane is None:
            return []
        if len(chunk) and chunk.spec is not lane.stream and chunk.spec != lane.stream:
            lane.go_on(self._bundle, chunk, screen=self._screen, phase_s=self._phase_s)
            self._unmapped.pop(modality, None)
        started = self._clock()
        windows = lane.push(chunk)
        aligned = self._aligner.push(modality, windows, watermark_s=lane.extractor.watermark_s)
        self._foresight = foresee(self._lanes, self._aligner)
        if not aligned:
            if lane.extractor.last_s < inf:  # the end of a window is near: what can be done is
                self._settle()
            return []
        features_ms = (self._clock() - started) * 1e3
        return [self._predict(window, features_ms) for window in aligned]

    def _settle(self) -> None:
        for lane in self._lanes.values():
            lane.extractor.settle(least=WORTH_SETTLING)

    def due_s(self, modality: Modality, seen_s: float = -inf) -> float:
        """No sample of this stream stamped earlier gives a result. From any thread.

        While a step goes on it is what held before it: less than could be said, but never that
        there is time where there is none, for ends of windows only move on.

        Args:
            modality: The stream.
            seen_s: What lies up to here is on its way, and need not be waited for.
        """
        its = self._foresight.get(modality)
        return inf if its is None else its.due_after_s(seen_s)

    def next_end_s(self, modality: Modality) -> float:
        """End of this stream's next window; minus infinity: it is not known. From any thread."""
        its = self._foresight.get(modality)
        return -inf if its is None else its.next_end_s

    def useful_s(self, modality: Modality) -> float:
        """From which stamp on a sample gives a result, or lets a window begin. From any thread."""
        its = self._foresight.get(modality)
        return inf if its is None else min(its.due_s, its.begin_due_s)

    def look_s(self, modality: Modality) -> float:
        """In so many seconds of this stream lies a whole window, with what is needed around it."""
        lane = self._lanes.get(modality)
        return 0.0 if lane is None else lane.spec.window_s + lane.spec.hop_s + _AROUND_S

    def ends(self, modality: Modality) -> Ends:
        """Where windows end that this stream has a say in.

        These are its own, those that another stream which is behind has still to give, and those
        whose result waits to hear that this one has none.
        """
        lane = self._lanes.get(modality)
        if lane is None:
            return NEVER
        mine_s, spec = lane.extractor.next_end_s, lane.extractor.spec
        if mine_s == -inf:
            return ANY_TIME
        next_s = [other.extractor.next_end_s for other in self._lanes.values()]
        earliest_s = min(*next_s, self._aligner.waits_at_s)
        return Ends(max(earliest_s, mine_s - spec.window_s), spec.hop_s)

    @property
    def asks_others(self) -> bool:
        """Whether a step may wait for another computer."""
        return self._placed is not None

    def last_s(self) -> float:
        """About the stamp of the last sample of the window that was begun; infinity: none is."""
        return min(lane.extractor.last_s for lane in self._lanes.values())

    def rehearse(self) -> None:
        """Go through the work on that window in vain; no later result is another. Asks no pool."""
        for lane in self._lanes.values():
            lane.extractor.rehearse()
        if len(self._context) and self._placed is None and not self._unmapped:
            self._runtime.logits(*self._context.tokens())

    def end(self, modality: Modality) -> list[WindowResult]:
        """Note that a stream gives no more; give the windows that only waited for it."""
        if modality not in self._lanes:
            return []
        aligned = self._aligner.end(modality)
        self._foresight = foresee(self._lanes, self._aligner)
        return [self._predict(window, 0.0) for window in aligned]

    def reports(self) -> dict[str, dict[str, object]]:
        """What became of each stream's channels, by modality, as plain values."""
        return {str(m): lane.extractor.report.to_dict() for m, lane in self._lanes.items()}

    @property
    def measured(self) -> frozenset[Modality]:
        """What is connected and of use to the bundle."""
        return frozenset(self._lanes) - frozenset(self._unmapped)

    @property
    def unmapped(self) -> Mapping[Modality, str]:
        """Modalities whose stream covers too little of the model's input, with the reason."""
        return self._unmapped

    @property
    def normalisation_state(self) -> str:
        """Whose statistics normalise the features: `source`, `baseline ...` or `profile N`."""
        if self._profile_version:
            return f"profile {self._profile_version}"
        states = {lane.normaliser.state for lane in self._lanes.values()}
        return ", ".join(sorted(states))

    def losses(self) -> dict[str, int]:
        """What was lost on the way, by kind, since the start."""
        return {
            # Came after their time had been answered without them.
            "late_windows": self._aligner.late_windows,
            # Have no answer of their own: every stream was silent, one answer stands for all.
            "skipped_windows": self._aligner.skipped,
            # Samples older than one that had been taken already.
            "stale_samples": sum(lane.samples_stale for lane in self._lanes.values()),
        }

    def _predict(self, aligned: AlignedWindows, features_ms: float) -> WindowResult:
        started = self._clock()
        used = {m: w for m, w in aligned.windows.items() if self._measured(m, w)}
        self._observe_baseline(aligned.end_s, used)
        self._recent.append((aligned.end_s, used))
        self._push(aligned.end_s, used)
        reason, abstain = self._reason(aligned, used)
        logits: FloatArray | None = None
        computed = HERE
        if not abstain:
            logits = np.asarray(self._runtime.logits(*self._context.tokens())[0], np.float64)
            computed = self._placed.where if self._placed else HERE
        signals = {m: w.signal for m, w in aligned.windows.items() if w.signal is not None}
        eeg = signals.get(Modality.EEG) if Modality.EEG in used else None
        prediction = decide(
            logits,
            manifest=self._bundle.manifest,
            start_s=min(w.start_s for w in aligned.windows.values()),
            end_s=aligned.end_s,
            modalities={str(m): self._state(m, aligned, used) for m in Modality},
            quality={str(m): w.quality for m, w in aligned.windows.items()},
            reason=reason,
            bundle_id=self._bundle.id,
            profile_version=self._profile_version,
            interpolated=eeg.interpolated_names if isinstance(eeg, EegQuality) else (),
            left_out=eeg.left_out_names if isinstance(eeg, EegQuality) else (),
            computed=computed,
        )
        model_ms = (self._clock() - started) * 1e3
        windows = {m: w for m, w in aligned.windows.items() if m not in self._unmapped}
        stage_ms = {"features": features_ms, "model": model_ms}
        return WindowResult(prediction, stage_ms, signals, windows)

    def _measured(self, modality: Modality, window: FeatureWindow) -> bool:
        if modality in self._unmapped or not window.usable:
            return False
        return window.coverage >= self._bundle.manifest.min_coverage[modality]

    def _reason(
        self, aligned: AlignedWindows, used: Mapping[Modality, FeatureWindow]
    ) -> tuple[str, bool]:
        """Say what is wrong with this window, and whether nothing can be predicted from it."""
        if self._unmapped:
            return "; ".join(self._unmapped.values()), True
        said = (self._words(m, w, used=m in used) for m, w in aligned.windows.items())
        return "; ".join(filter(None, said)), not used

    def _words(self, modality: Modality, window: FeatureWindow, *, used: bool) -> str:
        if used or not window.usable:
            return window.reason
        needed = self._bundle.manifest.min_coverage[modality]
        share = f"{window.coverage:.0%} of it is good, {needed:.0%} are needed"
        return "; ".join(filter(None, (f"{modality}: masked, {share}", window.reason)))

    def _state(
        self, modality: Modality, aligned: AlignedWindows, used: Mapping[Modality, FeatureWindow]
    ) -> ModalityState:
        if modality not in self._bundle.specs:
            return ModalityState.NOT_IN_MODEL
        if modality not in self._connected:
            return ModalityState.NOT_CONNECTED
        if modality in self._unmapped or self._lanes[modality].useless:
            return ModalityState.UNMAPPED
        if modality in used:
            return ModalityState.USED
        window = aligned.windows[modality]
        poor = window.masked or window.usable or isinstance(window.signal, EegQuality)
        return ModalityState.MASKED if poor else ModalityState.MISSING

    def _observe_baseline(self, end_s: float, used: Mapping[Modality, FeatureWindow]) -> None:
        if self._baseline_s <= 0.0:
            return
        if self._baseline_until_s is None:
            self._baseline_until_s = end_s + self._baseline_s
        over = end_s >= self._baseline_until_s
        for m, lane in self._lanes.items():
            lane.observe(used.get(m), last=over)


def _placed(runtime: Runtime) -> Placed | None:
    return runtime if isinstance(runtime, Placed) else None
