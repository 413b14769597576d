"""What a session runs, and the worker's side of it: chunks in, timed results out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.features import FeatureWindow, Modality
from hadua.models.prediction import ModalityState, Prediction
from hadua.models.quality import SignalQuality
from hadua.service.bridge import Arrival
from hadua.service.in_turn import InTurn
from hadua.service.latency import ArrivalLog
from hadua.service.ordering import ANY_TIME, Ends, EndsOf, in_time_order

if TYPE_CHECKING:
    from hadua.service.serving import Serving

Tap = Callable[[Modality, SampleChunk], None]

_SIGNAL_CAME = {ModalityState.USED, ModalityState.UNMAPPED, ModalityState.MASKED}
_NOTHING_THERE = frozenset(ModalityState) - _SIGNAL_CAME


class StepResult(Protocol):
    """What a pipeline gives for one window."""

    @property
    def prediction(self) -> Prediction:
        """The answer."""
        ...

    @property
    def stage_ms(self) -> Mapping[str, float]:
        """What it cost, by stage."""
        ...

    @property
    def quality(self) -> Mapping[Modality, SignalQuality]:
        """How good the signal behind it was, of each modality that had any."""
        ...

    @property
    def windows(self) -> Mapping[Modality, FeatureWindow]:
        """What was measured, of each modality that is of use to the bundle."""
        ...


class StepPipeline(Protocol):
    """What a session needs of a pipeline; called from one thread at a time."""

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[StepResult]:
        """Take a chunk; give a result for every window it completed."""
        ...

    def end(self, modality: Modality) -> Sequence[StepResult]:
        """Note that a stream has ended; give the results that only waited for it."""
        ...

    def reports(self) -> Mapping[str, Mapping[str, object]]:
        """What became of each stream's channels."""
        ...

    def losses(self) -> Mapping[str, int]:
        """What was lost inside, by kind, since the start."""
        ...

    @property
    def normalisation_state(self) -> str:
        """Whose statistics the features are normalised with."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """A pipeline that knows when there is nothing to do yet."""

    def due_s(self, modality: Modality, seen_s: float = -inf) -> float:
        """No sample of this stream stamped earlier gives a result. Callable from any thread.

        Args:
            modality: The stream.
            seen_s: What lies up to here is on its way, and need not be waited for.
        """
        ...

    def next_end_s(self, modality: Modality) -> float:
        """End of this stream's next window; minus infinity: it is not known. From any thread."""
        ...

    def useful_s(self, modality: Modality) -> float:
        """From which stamp on there is something to do for one. Callable from any thread."""
        ...

    def look_s(self, modality: Modality) -> float:
        """In so many seconds of this stream lies a whole window."""
        ...

    def ends(self, modality: Modality) -> Ends:
        """Where windows end that this stream has a say in."""
        ...

    @property
    def asks_others(self) -> bool:
        """Whether a step may wait for another computer."""
        ...


@runtime_checkable
class Restorable(Protocol):
    """A pipeline that another one can go on from."""

    def state(self) -> bytes:
        """All that it remembers between two steps, but for network and profile."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from such a state; nothing was stepped yet."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A pipeline, how to let go of what it holds, what it was made with, whose profile answers."""

    pipeline: StepPipeline
    close: Callable[[], None] = lambda: None
    facts: Mapping[str, object] = field(default_factory=dict)
    serving: "Serving | None" = None


class StepListener(Protocol):
    """Is told, in the worker's thread, of everything that a pipeline is told."""

    def took(self, arrival: Arrival) -> None:
        """These samples come next."""
        ...

    def ended(self, modality: Modality, *, now_s: float) -> None:
        """This stream gives no more."""
        ...


EngineFactory = Callable[[Mapping[Modality, StreamSpec]], Engine]


@dataclass(frozen=True, slots=True)
class Timed:
    """A pipeline's result with the LSL times that its latency is reckoned from.

    Args:
        result: The result.
        last_sample_s: Arrival of the window's last sample; `trigger_s` if it has none.
        trigger_s: Arrival of the chunk that completed the window.
        taken_s: When the pipeline took that chunk.
    """

    result: StepResult
    last_sample_s: float
    trigger_s: float
    taken_s: float


class Stepper:
    """Steps a pipeline through chunks in the worker thread, noting when each sample arrived.

    Args:
        pipeline: Stepped, in the order of the chunks.
        clock: LSL seconds now.
        tap: Sees every chunk right before the pipeline does.
        in_turn: Who else computes in this process; None: nobody that matters.

    Attributes:
        pipeline, clock: These.
        listener: Told the same, and of the ends of streams; may change between two steps.
    """

    def __init__(
        self,
        pipeline: StepPipeline,
        *,
        clock: Callable[[], float],
        tap: Tap | None = None,
        in_turn: InTurn | None = None,
    ) -> None:
        self.pipeline, self.clock = pipeline, clock
        self._tap, self._in_turn = tap, in_turn
        self._log = ArrivalLog()
        self.listener: StepListener | None = None
        self._foreseeing = pipeline if isinstance(pipeline, Foreseeing) else None
        self._ends: EndsOf = self._foreseeing.ends if self._foreseeing else _any_time
        self._fault: Exception | None = None

    def step(self, arrivals: Sequence[Arrival]) -> list[Timed]:
        """The results of all windows that these chunks complete, oldest first.

        Where one of them cannot be stepped, those of the chunks before it; what is wrong is raised
        by whatever is called next.
        """
        self.require_sound()
        timed: list[Timed] = []
        with self._turn() as give_way:
            for arrival in arrivals:
                self._log.add(arrival.modality, arrival.chunk, arrived_s=arrival.arrived_s)
            for piece in in_time_order(arrivals, ends=self._ends):
                if timed:
                    give_way()
                try:
                    timed += self._step_one(piece)
                except Exception as fault:  # whatever it is: what was answered before comes first
                    if not timed:
                        raise
                    self._fault = fault
                    break
        return timed

    def require_sound(self) -> None:
        """Raise what was wrong with a chunk, once the results from before it were given."""
        if self._fault is not None:
            raise self._fault

    def end(self, modality: Modality) -> list[Timed]:
        """The results of windows that only waited for a stream which has ended."""
        self.require_sound()
        now_s = self.clock()
        if self.listener is not None:
            self.listener.ended(modality, now_s=now_s)
        return [self._timed(result, now_s, now_s) for result in self.pipeline.end(modality)]

    def _step_one(self, arrival: Arrival) -> list[Timed]:
        taken_s = self.clock()
        if self._tap is not None:
            self._tap(arrival.modality, arrival.chunk)
        if self.listener is not None:
            self.listener.took(arrival)
        results = self.pipeline.step(arrival.modality, arrival.chunk)
        return [self._timed(result, arrival.arrived_s, taken_s) for result in results]

    def _turn(self) -> AbstractContextManager[Callable[[], None]]:
        foreseeing = self._foreseeing
        if self._in_turn is None or foreseeing is None or foreseeing.asks_others:
            return nullcontext(_nobody_waits)
        return self._in_turn.turn()

    def _timed(self, result: StepResult, trigger_s: float, taken_s: float) -> Timed:
        last_s = self._log.last_before(result.prediction.end_s)
        if last_s is None or set(result.prediction.modalities.values()) <= _NOTHING_THERE:
            last_s = trigger_s  # how long a stream was silent is no latency of ours
        return Timed(result, last_s, trigger_s, taken_s)


def _nobody_waits() -> None:
    """There is no turn to give up."""


def _any_time(modality: Modality) -> Ends:
    """Of a pipeline that does not say when it has something to do."""
    return ANY_TIME
