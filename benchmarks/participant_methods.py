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
class Meeting:
    """One way of meeting people.

    Args:
        name: For the table.
        answers: Logits `(n, n_classes)` of a person's windows, in order.
    """

    name: str
    answers: Callable[[World, NewPerson, int], FloatArray]


def unadapted(world: World, person: NewPerson, seed: int) -> FloatArray:
    """The bundle as shipped."""
    del seed
    with seeded(0):
        return logits_of_windows(load_network(world.bundle), windows_of(world, person))


def running_z(world: World, person: NewPerson, seed: int) -> FloatArray:
    """The bundle on features standardised by all that came before, as one naively would."""
    del seed
    own = windows_of(world, person)
    x = [_running(values, own.present[:, k]) for k, values in enumerate((own.x_eeg, own.x_eye))]
    moved = replace(own, x_eeg=x[0], x_eye=x[1])
    with seeded(0):
        return logits_of_windows(load_network(world.bundle), moved)


def calibrated(*, source_free: bool) -> Callable[[World, NewPerson, int], FloatArray]:
    """Our calibration to the first sitting."""

    def answers(world: World, person: NewPerson, seed: int) -> FloatArray:
        profile = profile_of(world, person, seed, source_free=source_free)
        windows = normalised(person.windows, profile.normalisation, stretch=person.trial)
        with seeded(0):
            network = adapted_network(world.bundle, profile.weights)
            return logits_of_windows(network, windows)

    return answers


def online(
    *, after_calibration: bool, settings: OnlineSettings | None = None
) -> Callable[[World, NewPerson, int], FloatArray]:
    """Our loop, window by window, with what is learnt anew in between."""

    def answers(world: World, person: NewPerson, seed: int) -> FloatArray:
        loop = OnlineRun(world, person, seed, after_calibration, settings or OnlineSettings())
        return loop.run()

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
                profile = profile_of(world, person, self._seed, source_free=True)
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
        profile = fit(
            self._world.bundle, target, source=None, seed=self._seed, settings=FitSettings()
        )
        report = profile.made.report
        self.relearnt.append(f"{report.risk} {report.consistency}")
        if report.risk != "high":
            adapter.adopt(
                adapted_network(self._world.bundle, profile.weights), profile.normalisation
            )


def baseline(
    method: Method, *, calibrate: bool, follow: bool
) -> Callable[[World, NewPerson, int], FloatArray]:
    """A baseline, on the source's windows themselves, trial by trial."""

    def answers(world: World, person: NewPerson, seed: int) -> FloatArray:
        own = windows_of(world, person)
        learner = method.begin(Start(load_network(world.bundle), world.source), seed)
        first = np.flatnonzero(person.session == 1)
        if calibrate:
            learner.learn(own.pick(first), steps=STEPS)
        if not follow:
            return learner.logits(own)
        steps = min(ONLINE_STEPS, method.online_steps or ONLINE_STEPS)
        return _followed(learner, own, begin=len(first) if calibrate else 0, steps=steps)

    return answers


def _baselines(how: str, *, calibrate: bool, follow: bool) -> list[Meeting]:
    return [
        Meeting(f"{m.title}, {how}", baseline(m, calibrate=calibrate, follow=follow))
        for m in BASELINES
    ]


MEETINGS: tuple[Meeting, ...] = (
    Meeting("un-adapted", unadapted),
    Meeting("naive running z", running_z),
    *_baselines("calibrated", calibrate=True, follow=False),
    Meeting("ours, calibrated with the source", calibrated(source_free=False)),
    Meeting("ours, calibrated source-free", calibrated(source_free=True)),
    *_baselines("online", calibrate=False, follow=True),
    Meeting("ours, online", online(after_calibration=False)),
    *_baselines("both", calibrate=True, follow=True),
    Meeting("ours, both", online(after_calibration=True)),
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


def _anchor(world: World) -> FromEmbeddings:
    statistics = world.bundle.source_statistics()
    if statistics is None:
        raise SystemExit("participant: the bundle carries no embeddings")
    return FromEmbeddings(SourceEmbeddings.of(statistics))


def _followed(learner: Learner, own: Windows, *, begin: int, steps: int) -> FloatArray:
    """Trial by trial, each answered before anything has learnt from it."""
    logits = learner.logits(own) if begin else np.zeros((len(own), 0))
    parts = [logits[:begin]] if begin else []
    starts = np.flatnonzero(own.depth() == 1)
    for start, stop in zip(starts, [*starts[1:], len(own)], strict=True):
        if start < begin:
            continue
        parts.append(learner.logits(own.pick(np.arange(start, stop))))
        learner.learn(own.pick(np.arange(stop)), steps=steps)
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
