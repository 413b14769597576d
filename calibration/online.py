"""Follows one person through a stream: answers first, then learns, and takes back what went wrong.

Where the rules of the loop are kept (SCIENCE: two stages of adaptation): an answer never comes from
weights that have seen its window (`predict` changes nothing, `observe` comes after it); a bounded,
balanced buffer (`buffer`); averages over time and guarded alignment (`timed_weighting`); a student
anchored at both ends, a teacher that answers (`online_step`); bounds and roll-back (`guard`,
`online_life`); poor windows teach nothing; a normalisation that follows with pseudo-counts
(`running_normalisation`).

What is learnt piece by piece is little. When much more has been seen it pays to learn anew, from
the source's network, with all that the buffer holds: `relearning_due` says so, whoever owns a
worker process does it, and `adopt` takes what came of it.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hadua.calibration.buffer import Piece, PieceBuffer
from hadua.calibration.chance import Chance, one_thread
from hadua.calibration.collected import Collected, CollectedWindow, joined
from hadua.calibration.guard import Breach
from hadua.calibration.online_life import Life, Served
from hadua.calibration.online_reasons import FROZEN, NOTHING_MEASURED, POOR_QUALITY
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.online_stream import Cut, Stream
from hadua.calibration.plan import fewest_windows
from hadua.calibration.preparing import normalised
from hadua.calibration.sitting import Counts, Sitting
from hadua.calibration.source_terms import SourceTerms
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.told import Told
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import CalibrationError
from hadua.models.export import load_network
from hadua.models.features import FloatArray, Modality
from hadua.models.network import HaduaNetwork

_EARLIER = -1


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of a window.

    Args:
        refused: Why it teaches nothing; empty if it does.
        updated: Whether something else answers from now on.
        rolled_back: Why something older does; None if nothing was wrong.
    """

    refused: str = ""
    updated: bool = False
    rolled_back: Breach | None = None


class OnlineAdapter:
    """The loop for one person in one sitting; called from one thread at a time.

    Args:
        bundle: The bundle; its check set guards.
        network: Where it starts, in evaluation mode: the bundle's, or a profile's.
        normalisation: What belongs to that network.
        seed: Start of every random number.
        source: What anchors to the source; None if there is nothing.
        settings: Of the loop.
        known: Whether the start was made for this person, so that somebody else is noticed.
        learning: Off, it answers as the start does, bit for bit, and nothing changes.
    """

    def __init__(
        self,
        bundle: Bundle,
        network: HaduaNetwork,
        normalisation: Mapping[Modality, Normalisation],
        *,
        seed: int,
        source: SourceTerms | None = None,
        settings: OnlineSettings | None = None,
        known: bool = False,
        learning: bool = True,
    ) -> None:
        self.settings = s = OnlineSettings() if settings is None else settings
        self.learning = learning
        self.refused: Counter[str] = Counter()
        self.rolled_back: list[Breach] = []
        self._bundle, self._source = bundle, source
        self._check = bundle.check_set()
        self._chance, self._told = Chance(seed), Told()
        self._stream = Stream(bundle, piece=s.piece, stretch_s=s.stretch_s)
        self._buffer = PieceBuffer(capacity=s.capacity, per_stretch=s.per_stretch)
        self._before = 0  # pieces of somebody else
        self._learnt_from = 0
        start = Served(copy.deepcopy(network).eval(), dict(normalisation))
        self._life = self._begin(start, known=known)

    @property
    def served(self) -> Served:
        """What answers now."""
        return self._life.served

    def predict(self, window: CollectedWindow) -> FloatArray:
        """Logits `(n_classes,)` of the next window from itself and its past; changes nothing."""
        past = self._stream.with_past(window)
        zeros = np.zeros(len(past), np.int64)
        windows = normalised(past, self.served.normalisation, stretch=zeros)
        with one_thread():
            return np.asarray(logits_of_windows(self.served.network, windows)[-1])

    def observe(self, window: CollectedWindow, *, usable: bool = True) -> Observed:
        """Learn from a window that has been answered.

        Args:
            window: The next one; what was not measured of it is NaN.
            usable: Whether its quality allows to learn from it.
        """
        refusal = self._refusal(window, usable=usable)
        if refusal:
            self.refused[refusal] += 1
        before, breach = self.served, None
        for cut in self._stream.push(window, teaches=not refusal):
            if self.learning and not self._life.is_frozen:
                breach = self._learn(cut) or breach
        return Observed(refusal, self.served is not before, breach)

    def tell(self, label: int, *, from_s: float, until_s: float) -> None:
        """Take a class that somebody has told for windows that end in a stretch of time.

        Raises:
            CalibrationError: no such class, or no time.
        """
        if not 0 <= label < len(self._bundle.classes) or not from_s < until_s:
            raise CalibrationError(
                "told label",
                got=f"class {label} from {from_s} to {until_s} s",
                expected=f"a class below {len(self._bundle.classes)} and a stretch of time",
            )
        self._told.add(label, from_s=from_s, until_s=until_s)
        self._buffer.revise(self._told.applied)

    def remember(self, earlier: Collected, by: Mapping[Modality, Normalisation]) -> None:
        """Put windows of an earlier sitting into the buffer.

        Args:
            earlier: As measured then.
            by: What normalised them at its end.
        """
        for k, windows in enumerate(self._stream.cut(earlier)):
            self._buffer.add(self._piece(windows, stretch=_EARLIER - k, own=by))
        self._learnt_from = self._seen
        self._life = self._begin(self.served, known=self._life.is_known)

    @property
    def sitting(self) -> Sitting:
        """What is held of the present sitting, for `resume`."""
        pieces = self._buffer.pieces
        own = [piece for piece in pieces if piece.own is None]
        counts = Counts(
            seen=self._buffer.seen,
            before=self._before,
            learnt_from=self._learnt_from,
            earlier=len(own) < len(pieces),
        )
        return Sitting(own, counts)

    def resume(self, sitting: Sitting, *, owed: bool = False) -> None:
        """Go on with what another one held of this sitting; an earlier one is remembered before.

        Args:
            sitting: What it held.
            owed: Whether all was to be learnt anew, and was not.
        """
        counts = sitting.counts
        self._buffer.resume(sitting.pieces, seen=counts.seen)
        self._stream.begin_after(max((p.stretch for p in sitting.pieces), default=_EARLIER))
        self._before = counts.before
        self._learnt_from = 0 if owed else counts.learnt_from
        self._life = self._begin(self.served, known=self._life.is_known)

    @property
    def relearning_due(self) -> bool:
        """Whether so much more has been seen that learning anew is worth it."""
        s, windows = self.settings, sum(len(p.windows) for p in self._buffer.pieces)
        if not s.growth or windows < fewest_windows(len(self._bundle.classes)):
            return False
        return self._seen >= max(s.first_pieces, s.growth * self._learnt_from)

    def to_relearn(self) -> Collected:
        """All that the buffer holds, for a fit whose prior is `served.normalisation`.

        Raises:
            CalibrationError: it holds nothing.
        """
        if not len(self._buffer):
            raise CalibrationError("windows to learn anew from", got="none", expected="some")
        self._learnt_from = self._seen
        now = self.served.normalisation
        return joined([piece.in_units_of(now) for piece in self._buffer.pieces])

    def adopt(self, network: HaduaNetwork, normalisation: Mapping[Modality, Normalisation]) -> None:
        """Go on from what was learnt anew, which the caller has judged."""
        start = Served(copy.deepcopy(network).eval(), dict(normalisation), self.served.update + 1)
        self._buffer.revise(lambda piece: replace(piece, probabilities=self._answer(start, piece)))
        self._life = self._begin(start, known=True)

    @property
    def _seen(self) -> int:
        """Pieces of this person that there have been, kept or not."""
        return self._buffer.seen - self._before

    def _learn(self, cut: Cut) -> Breach | None:
        with self._chance.drawing():
            piece = self._piece(cut.windows, stretch=cut.stretch)
            breach = self._life.learn(piece, seconds=cut.seconds, rng=self._chance.rng)
        if breach is None:
            return None
        self.rolled_back.append(breach)
        if breach.to_start:
            self._buffer.forget_since(0)
            shipped = Served(
                load_network(self._bundle), self._bundle.normalisation, self.served.update + 1
            )
            self._before, self._learnt_from = self._buffer.seen, 0
            self._life = self._begin(shipped, known=False)
        return breach

    def _piece(
        self,
        windows: Collected,
        *,
        stretch: int,
        own: Mapping[Modality, Normalisation] | None = None,
    ) -> Piece:
        zeros = np.zeros(len(windows), np.int64)
        plain = normalised(windows, self._bundle.normalisation, stretch=zeros)
        place = np.concatenate((plain.x_eeg.mean(axis=0), plain.x_eye.mean(axis=0)))
        n_classes = len(self._bundle.classes)
        piece = Piece(windows, stretch, np.full(n_classes, 1.0 / n_classes), place, own=own)
        return self._told.applied(replace(piece, probabilities=self._answer(self.served, piece)))

    def _answer(self, served: Served, piece: Piece) -> FloatArray:
        with one_thread():
            return served.mean_answer(piece, temperature=self._bundle.manifest.temperature)

    def _begin(self, start: Served, *, known: bool) -> Life:
        with one_thread():
            return Life(
                start,
                self._buffer,
                settings=self.settings,
                source=self._source,
                check=self._check,
                temperature=self._bundle.manifest.temperature,
                known=known,
            )

    def _refusal(self, window: CollectedWindow, *, usable: bool) -> str:
        if not (np.isfinite(window.eeg).any() or np.isfinite(window.eye).any()):
            return NOTHING_MEASURED
        if not usable:
            return POOR_QUALITY
        return FROZEN if self._life.is_frozen else ""
