"""The ways in which a new participant is met: each gives logits of all windows of all sittings.

A person has three sittings. *Calibrated*: adapted to the first one, then left alone. *Online*:
never calibrated, followed from the first window on. *Both*: adapted to the first sitting, then
followed. What answers a window has never learnt from it, in any of them, once the first sitting is
over; only sittings two and three are scored.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from participant_world import NewPerson, World

from hadua.calibration.baselines.adabn import ADABN
from hadua.calibration.baselines.softmatch import SOFTMATCH
from hadua.calibration.baselines.t_time import T_TIME
from hadua.calibration.baselines.tent import TENT
from hadua.calibration.chance import seeded
from hadua.calibration.collected import Collected, CollectedWindow
from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.fit import FitSettings, Target, fit
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.online import OnlineAdapter
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.preparing import normalised
from hadua.calibration.profile import Profile
from hadua.calibration.protocols import Budget
from hadua.calibration.source_terms import FromEmbeddings
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.windows import Windows
from hadua.models.export import load_network
from hadua.models.features import BoolArray, FloatArray
from hadua.models.personal import adapted_network
from hadua.models.runtime import Float32Array

STEPS = 120
ONLINE_STEPS = 6
BASELINES: tuple[Method, ...] = (ADABN, TENT, T_TIME, SOFTMATCH)


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """What came of meeting a person.

    Args:
        logits: `(n, n_classes)` of their windows, in order.
        rolled_back: Sitting and bound of each roll-back.
        relearnt: Risk and consistency of what was learnt anew.
    """

    logits: FloatArray
    rolled_back: tuple[str, ...] = ()
    relearnt: tuple[str, ...] = ()


Answers = Callable[[World, NewPerson, int], Met]


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """One way of meeting people.

    Args:
        name: For the table.
        answers: Meets a person, with a seed.
        rival: Which of ours it is tested against; empty for none.
        begins_unadapted: Whether the first sitting is a calibration, during which the bundle
            answers as shipped.
        needs_embeddings: Whether the bundle must carry them.
    """

    name: str
    answers: Answers
    rival: str = ""
    begins_unadapted: bool = False
    needs_embeddings: bool = False


def unadapted(world: World, person: NewPerson, seed: int) -> Met:
    """The bundle as shipped."""
    del seed
    with seeded(0):
        return Met(logits_of_windows(load_network(world.bundle), windows_of(world, person)))


def running_z(world: World, person: NewPerson, seed: int) -> Met:
    """The bundle on features standardised by all that came before, as one naively would."""
    del seed
    own = windows_of(world, person)
    x = [_running(values, own.present[:, k]) for k, values in enumerate((own.x_eeg, own.x_eye))]
    moved = replace(own, x_eeg=x[0], x_eye=x[1])
    with seeded(0):
        return Met(logits_of_windows(load_network(world.bundle), moved))


def calibrated(*, source_free: bool) -> Answers:
    """Our calibration to the first sitting."""

    def answers(world: World, person: NewPerson, seed: int) -> Met:
        profile = profile_of(world, person, seed, source_free=source_free)
        windows = normalised(person.windows, profile.normalisation, stretch=person.trial)
        with seeded(0):
            network = adapted_network(world.bundle, profile.weights)
            return Met(logits_of_windows(network, windows))

    return answers


def online(*, after_calibration: bool, settings: OnlineSettings | None = None) -> Answers:
    """Our loop, window by window, with what is learnt anew in between."""

    def answers(world: World, person: NewPerson, seed: int) -> Met:
        loop = OnlineRun(world, person, seed, after_calibration, settings or OnlineSettings())
        logits = loop.run()
        return Met(logits, tuple(loop.rolled_back), tuple(loop.relearnt))

    return answers


class OnlineRun:
    """One person through the loop, as a service would run it.

    Args:
        world: The world.
        person: Who.
        seed: Start of every random number.
        after_calibration: Whether the first sitting is a calibration.
        settings: Of the loop.
    """

    def __init__(
        self,
        world: World,
        person: NewPerson,
        seed: int,
        after_calibration: bool,
        settings: OnlineSettings,
    ) -> None:
        self._world, self._person, self._seed = world, person, seed
        self._after, self._settings = after_calibration, settings
        self.relearnt: list[str] = []
        self.rolled_back: list[str] = []

    def run(self) -> FloatArray:
        """Logits of every window."""
        world, person = self._world, self._person
        logits = np.zeros((len(person.y), len(world.bundle.classes)))
        network, normalisation = load_network(world.bundle), world.bundle.normalisation
        earlier, by, known = None, normalisation, False
        for sitting in np.unique(person.session):
            rows = np.flatnonzero(person.session == sitting)
            own = person.windows.pick(rows)
            if self._after and sitting == 1:
                profile = profile_of(world, person, self._seed, source_free=source_free(world))
                network = adapted_network(world.bundle, profile.weights)
                normalisation, known, earlier = profile.normalisation, True, own
                by = normalisation
                continue
            adapter = OnlineAdapter(
                world.bundle,
                network,
                normalisation,
                seed=self._seed,
                source=_anchor(world),
                settings=self._settings,
                known=known,
            )
            if earlier is not None:
                adapter.remember(earlier, by)
            for row, window in zip(rows, each(own), strict=True):
                logits[row] = adapter.predict(window)
                adapter.observe(window)
                if adapter.relearning_due:
                    self._relearn(adapter)
            self.rolled_back += [f"{sitting}: {b.bound}" for b in adapter.rolled_back]
            network, normalisation = adapter.served.network, adapter.served.normalisation
            known, earlier, by = True, adapter.to_relearn(), normalisation
        return logits

    def _relearn(self, adapter: OnlineAdapter) -> None:
        """What the worker process does meanwhile, adopted if its risk is not high."""
        target = Target("P01", 1, 0, adapter.to_relearn(), adapter.served.normalisation)
        world = self._world
        profile = fit(
            world.bundle,
            target,
            source=None if source_free(world) else world.source,
            seed=self._seed,
            settings=FitSettings(),
        )
        report = profile.made.report
        self.relearnt.append(f"{report.risk} {report.consistency}")
        if report.risk != "high":
            adapter.adopt(adapted_network(world.bundle, profile.weights), profile.normalisation)


def baseline(method: Method, *, calibrate: bool, follow: bool) -> Answers:
    """A baseline, on the source's windows themselves, trial by trial."""

    def answers(world: World, person: NewPerson, seed: int) -> Met:
        own = windows_of(world, person)
        learner = method.begin(Start(load_network(world.bundle), world.source), seed)
        first = np.flatnonzero(person.session == 1)
        if calibrate:
            learner.learn(own.pick(first), steps=STEPS)
        if not follow:
            return Met(learner.logits(own))
        budget = Budget(
            online_steps=min(ONLINE_STEPS, method.online_steps or ONLINE_STEPS), block=world.block
        )
        begin = len(first) if calibrate else 0
        return Met(_followed(learner, own, begin=begin, budget=budget))

    return answers


CALIBRATED, FOLLOWED, BOTH = "ours, calibrated source-free", "ours, online", "ours, both"
WITH_SOURCE, UNADAPTED = "ours, calibrated with the source", "un-adapted"


def _baselines(how: str, rival: str, *, calibrate: bool, follow: bool) -> list[Meeting]:
    return [
        Meeting(
            f"{m.title}, {how}", baseline(m, calibrate=calibrate, follow=follow), rival, calibrate
        )
        for m in BASELINES
    ]


MEETINGS: tuple[Meeting, ...] = (
    Meeting(UNADAPTED, unadapted, BOTH),
    Meeting("naive running z", running_z, BOTH),
    *_baselines("calibrated", CALIBRATED, calibrate=True, follow=False),
    Meeting(WITH_SOURCE, calibrated(source_free=False), BOTH, True),
    Meeting(CALIBRATED, calibrated(source_free=True), BOTH, True, True),
    *_baselines("online", FOLLOWED, calibrate=False, follow=True),
    Meeting(FOLLOWED, online(after_calibration=False)),
    *_baselines("both", BOTH, calibrate=True, follow=True),
    Meeting(BOTH, online(after_calibration=True), "", True),
)


def profile_of(world: World, person: NewPerson, seed: int, *, source_free: bool) -> Profile:
    """The profile that a calibration with the first sitting gives."""
    first = person.windows.pick(person.session == 1)
    return fit(
        world.bundle,
        Target("P01", 1, 0, first, world.bundle.normalisation),
        source=None if source_free else world.source,
        seed=seed,
        settings=FitSettings(),
    )


def windows_of(world: World, person: NewPerson) -> Windows:
    """A person's windows as the bundle normalises them, a trial a stretch."""
    plain = normalised(person.windows, world.bundle.normalisation, stretch=person.trial)
    return replace(plain, session=person.session)


def each(collected: Collected) -> list[CollectedWindow]:
    """Window by window."""
    c = collected
    return [
        CollectedWindow(float(c.end_s[k]), c.eeg[k], c.eye[k], (1.0, 1.0)) for k in range(len(c))
    ]


def source_free(world: World) -> bool:
    """Whether the bundle can be adapted without the source's windows."""
    return world.bundle.source_statistics() is not None


def _anchor(world: World) -> FromEmbeddings | None:
    statistics = world.bundle.source_statistics()
    return None if statistics is None else FromEmbeddings(SourceEmbeddings.of(statistics))


def _followed(learner: Learner, own: Windows, *, begin: int, budget: Budget) -> FloatArray:
    """Block by block from a row on, each answered before anything has learnt from it."""
    depth, n = own.depth() - 1, len(own)
    starts = np.flatnonzero(depth % budget.block == 0 if budget.block else depth == 0)
    starts = starts[starts >= begin]
    parts = [learner.logits(own.pick(np.arange(begin)))] if begin else []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        past = int(start) - int(depth[start])  # first window of the stretch
        parts.append(learner.logits(own.pick(np.arange(past, stop)))[start - past :])
        if stop < n:
            learner.learn(own.pick(np.arange(stop)), steps=budget.online_steps)
    return np.concatenate(parts)


def _running(values: Float32Array, there: BoolArray) -> Float32Array:
    """Each row standardised by itself and the rows before it."""
    out = np.zeros_like(values)
    rows = values[there].astype(np.float64)
    n = np.arange(1, len(rows) + 1)[:, None]
    mean = np.cumsum(rows, axis=0) / n
    variance = np.maximum(np.cumsum(rows**2, axis=0) / n - mean**2, 0.0)
    out[there] = (rows - mean) / np.where(variance > 1e-6, np.sqrt(variance), 1.0)
    return out
