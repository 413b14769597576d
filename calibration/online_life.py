"""One life of the online loop: from a state that it starts from to the next that it is given.

It owns everything that depends on that start: student and teacher, averages, bounds, and the states
that a roll-back can go to.
"""

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hadua.calibration.buffer import Piece, PieceBuffer
from hadua.calibration.checking import check_accuracy
from hadua.calibration.collected import joined
from hadua.calibration.guard import Breach, Guard
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.online_step import Student
from hadua.calibration.preparing import normalised
from hadua.calibration.running_normalisation import distance, followed
from hadua.calibration.source_terms import SourceTerms
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.timed_weighting import TimedWeighting
from hadua.models.bundle import Normalisation
from hadua.models.check_set import CheckSet
from hadua.models.features import FloatArray, Modality
from hadua.models.network import HaduaNetwork
from hadua.models.prediction import softmax

CHECK_EVERY = 4
"""Pieces between two looks at the check set and at all that is remembered."""
MOST_ROLL_BACKS = 3
"""In one life; then it stays as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What answers.

    Args:
        network: In evaluation mode; nobody changes it.
        normalisation: What it takes its windows by.
        update: Counts the changes of a sitting; 0 is what it began with.
    """

    network: HaduaNetwork
    normalisation: Mapping[Modality, Normalisation]
    update: int = 0

    def mean_answers(self, pieces: Sequence[Piece], *, temperature: float) -> FloatArray:
        """Mean probabilities `(n_pieces, n_classes)` of the windows of each; there must be one."""
        lengths = [len(piece.windows) for piece in pieces]
        own = joined([piece.in_units_of(self.normalisation) for piece in pieces])
        stretch = np.repeat(np.arange(len(pieces)), lengths)
        windows = normalised(own, self.normalisation, stretch=stretch)
        p = softmax(logits_of_windows(self.network, windows), temperature=temperature)
        return np.stack([part.mean(axis=0) for part in np.split(p, np.cumsum(lengths)[:-1])])

    def mean_answer(self, piece: Piece, *, temperature: float) -> FloatArray:
        """Likewise `(n_classes,)` of one piece."""
        return np.asarray(self.mean_answers([piece], temperature=temperature)[0])


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What a roll-back restores.

    Args:
        served: What answered.
        weighting: The averages then.
        seen: Pieces that the buffer had seen.
    """

    served: Served
    weighting: TimedWeighting
    seen: int


class Life:
    """From one start on.

    Args:
        start: Where it begins.
        buffer: What it learns from; pieces older than now are an earlier sitting's.
        settings: Of the loop.
        source: What anchors to the source, or None.
        check: The check set, or None.
        temperature: Divides the logits.
        known: Whether the start was made for this person.
    """

    def __init__(
        self,
        start: Served,
        buffer: PieceBuffer,
        *,
        settings: OnlineSettings,
        source: SourceTerms | None,
        check: CheckSet | None,
        temperature: float,
        known: bool,
    ) -> None:
        self.served = start
        self.roll_backs = 0
        self._start, self._buffer, self._settings = start, buffer, settings
        self._source, self._check, self._temperature = source, check, temperature
        self._known, self._born = known, buffer.seen
        n_classes = start.network.n_classes
        accuracy = None if check is None else check_accuracy(start.network, check)
        self._guard = Guard(n_classes, settings.guard, check_accuracy=accuracy)
        self._weighting = TimedWeighting(n_classes, settings.weighting)
        self._student = self._student_of(start)
        self._learnt = 0
        self._newest: deque[Piece] = deque()
        self._states = deque([self._state()], maxlen=settings.guard.probation + 1)

    @property
    def is_known(self) -> bool:
        """Whether its start was made for this person."""
        return self._known

    @property
    def is_frozen(self) -> bool:
        """Whether it has been wrong too often to go on."""
        return self.roll_backs >= MOST_ROLL_BACKS

    def learn(self, piece: Piece, *, seconds: float, rng: np.random.Generator) -> Breach | None:
        """Take a piece that has been answered; a bound that it broke, or None.

        Args:
            piece: With what was predicted of it.
            seconds: How long it lasts.
            rng: Of the draws.
        """
        breach = self._recognise(piece) or self._watch(piece, seconds)
        if breach is None:
            self._weighting.observe(piece.probabilities, dt_s=seconds)
            sure = piece.trusted is not None or self._guard.may_teach(piece.probabilities)
            self._buffer.add(replace(piece, sure=sure))
            breach = self._move(rng)
        if breach is not None and not breach.to_start:
            self._roll_back()
        return breach

    def _recognise(self, piece: Piece) -> Breach | None:
        """Compare the newest pieces with the person of the start, whatever came before them."""
        if not self._known:
            return None
        newest, few = self._newest, self._settings.guard.novelty_windows
        newest.append(piece)
        while sum(len(p.windows) for p in newest) - len(newest[0].windows) >= few:
            newest.popleft()
        far, windows = distance(newest, self._start.normalisation)
        return self._guard.recognise(far, windows=windows)

    def _watch(self, piece: Piece, seconds: float) -> Breach | None:
        start = self._start.mean_answer(piece, temperature=self._temperature)
        return self._guard.observe(piece.probabilities, start, dt_s=seconds)

    def _move(self, rng: np.random.Generator) -> Breach | None:
        """Follow the person's level and take gradient steps, and look at what came of it."""
        s = self._settings
        normalisation = self.served.normalisation
        if s.statistics:
            normalisation = followed(
                self._own(), self._start.normalisation, prior_windows=s.prior_windows
            )
        sure = [piece for piece in self._buffer.pieces if piece.sure]
        if len(sure) >= s.least_pieces:
            for _ in range(s.steps):
                self._student.step(sure, normalisation, self._weighting, rng)
        self._learnt += 1
        if not self._student.is_finite():
            return Breach("finite", "a weight that is not finite")
        network = copy.deepcopy(self._student.teacher)
        moved = Served(network, normalisation, self.served.update + 1)
        breach = self._look_at(moved) if self._learnt % CHECK_EVERY == 0 else None
        if breach is None:
            self.served = moved
            self._states.append(self._state())
        return breach

    def _look_at(self, moved: Served) -> Breach | None:
        """Whether it still knows what the source knew, and tells apart what it once did."""
        if self._check is not None:
            breach = self._guard.check(check_accuracy(moved.network, self._check))
            if breach is not None:
                return breach
        pieces = self._buffer.pieces
        now = moved.mean_answers(pieces, temperature=self._temperature).mean(axis=0)
        before = np.stack([piece.probabilities for piece in pieces]).mean(axis=0)
        return self._guard.compare(now, before)

    def _roll_back(self) -> None:
        """Restore the newest state that is old enough to be trusted, or the start."""
        self.roll_backs += 1
        good = self._states[0]
        self._buffer.forget_since(good.seen)
        self.served = replace(good.served, update=self.served.update + 1)
        self._weighting = copy.deepcopy(good.weighting)
        self._student = self._student_of(good.served)
        self._guard.reset()
        self._states.clear()
        self._states.append(self._state())

    def _student_of(self, served: Served) -> Student:
        return Student(
            served.network,
            self._start.network,
            self._source,
            self._settings,
            temperature=self._temperature,
        )

    def _own(self) -> Sequence[Piece]:
        """The pieces of this life, for its start knows the earlier ones."""
        return [p for p in self._buffer.pieces if p.number >= self._born]

    def _state(self) -> _State:
        return _State(self.served, copy.deepcopy(self._weighting), self._buffer.seen)
