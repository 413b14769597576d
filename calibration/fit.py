"""Fits a profile to collected windows: a function of bundle, windows, settings and seed alone.

The same arguments give the same profile, byte for byte, in whichever process and however often it
was killed before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hadua.calibration.adaptation import TRIAL_WINDOWS, HaduaLearner, Objective, trials
from hadua.calibration.assessment import Answers
from hadua.calibration.collected import Collected
from hadua.calibration.consensus import Consensus
from hadua.calibration.consistency import consistency
from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.learner import Setting, Start
from hadua.calibration.person import by_person
from hadua.calibration.plan import FEWEST
from hadua.calibration.preparing import as_windows, own_normalisation
from hadua.calibration.profile import Origin, Profile, Provenance
from hadua.calibration.reporting import Evidence, report_of
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.trusting import UNTOLD
from hadua.calibration.windows import IntArray, Windows
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import CalibrationError
from hadua.models.export import load_network
from hadua.models.features import Modality
from hadua.models.personal import differing, exported
from hadua.models.prediction import softmax

Stage = Literal["preparing", "learning", "assessing"]
STAGES: tuple[Stage, ...] = ("preparing", "learning", "assessing")
OnStage = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a fit is made.

    Args:
        steps: Gradient steps.
        objective: What is minimised.
    """

    steps: int = 120
    objective: Objective = field(default_factory=Objective)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Whose profile, and from what.

    Args:
        participant: Pseudonym.
        version: Of the profile.
        parent: The version that serves until then.
        collected: Windows as measured.
        prior: What they were normalised by when they were served.
        refused: How many windows did not count, by reason.
        origin: What asks for it.
        told: `(n,)` class that somebody has told of each window, or `UNTOLD`; None for of none.
    """

    participant: str
    version: int
    parent: int
    collected: Collected
    prior: Mapping[Modality, Normalisation]
    refused: Mapping[str, int] = field(default_factory=dict)
    origin: Origin = "calibration"
    told: IntArray | None = None


def fit(
    bundle: Bundle,
    target: Target,
    *,
    source: LabelledWindows | None,
    seed: int,
    settings: FitSettings,
    on_stage: OnStage = lambda stage: None,
) -> Profile:
    """Learn from a person's windows.

    Args:
        bundle: Where it begins.
        target: Whose, and from what.
        source: The source people's windows, normalised as the bundle does; None to use the
            embeddings that the bundle carries.
        seed: Start of every random number.
        settings: How.
        on_stage: Told what is done next.

    Raises:
        CalibrationError: too few windows, windows from which nothing can be learnt, or neither
            source windows nor embeddings.
    """
    on_stage("preparing")
    start, windows = prepared(bundle, target.collected, target.prior, source=source)
    objective = _objective(settings, source)
    _require_trials(windows, objective, bundle)
    on_stage("learning")
    told = target.told if target.told is not None and (target.told != UNTOLD).any() else None
    learner = HaduaLearner(start, seed, objective=objective, told=told)
    learner.learn(windows, steps=settings.steps)
    on_stage("assessing")
    weights = differing(learner.network, bundle)
    normalisation = own_normalisation(windows, target.prior, prior_windows=objective.prior_windows)
    adapted = as_windows(target.collected, normalisation, hop_s=bundle.hop_s)
    agreed = consistency(
        adapted,
        softmax(logits_of_windows(learner.network, adapted)),
        network=start.network,
        consensus=_consensus(start),
        seed=seed,
        told=told,
    )
    temperature = bundle.manifest.temperature
    evidence = Evidence(
        collected=target.collected,
        refused=target.refused,
        before=Answers.of(start.network, windows, temperature=temperature),
        after=Answers.of(learner.network, adapted, temperature=temperature),
        consistency=agreed,
        check=bundle.check_set(),
        networks=(start.network, learner.network),
    )
    return Profile(
        participant=target.participant,
        version=target.version,
        parent=target.parent,
        bundle_id=bundle.id,
        bundle_digest=bundle.digest,
        weights=weights,
        model=exported(learner.network) if weights else b"",
        normalisation=normalisation,
        n_seen=len(target.collected),
        made=Provenance(
            origin=target.origin,
            seed=seed,
            settings={"steps": settings.steps, **objective.record(), **_told_record(told)},
            report=report_of(evidence, classes=bundle.classes),
        ),
    )


def prepared(
    bundle: Bundle,
    collected: Collected,
    prior: Mapping[Modality, Normalisation],
    *,
    source: LabelledWindows | None,
) -> tuple[Start, Windows]:
    """Where a fit begins, and the windows as it takes them; raises as `fit` does."""
    if len(collected) < FEWEST:
        raise CalibrationError(
            "too few windows to learn from", got=str(len(collected)), expected=f"{FEWEST} or more"
        )
    windows = as_windows(collected, prior, hop_s=bundle.hop_s)
    network = load_network(bundle)
    if source is not None:
        # As the person's own windows are: 0.86 instead of 0.85 right on development populations.
        return Start(network, LabelledWindows(by_person(source.windows), source.y)), windows
    carried = bundle.source_statistics()
    if carried is None:
        raise CalibrationError(
            f"bundle {bundle.id!r} cannot be adapted without source windows",
            got="no embeddings in the bundle",
            expected="the folder of the source's windows, or a bundle that carries embeddings",
            hint="`hadua train` puts them in where there are people enough.",
        )
    nobody = LabelledWindows(windows.pick(np.zeros(0, np.int64)), np.zeros(0, np.int64))
    return Start(network, nobody, SourceEmbeddings.of(carried)), windows


def _consensus(start: Start) -> Consensus | None:
    if start.embeddings is not None:
        return start.embeddings.consensus
    return Consensus.of(start.source, n_classes=start.network.n_classes)


def _told_record(told: IntArray | None) -> dict[str, Setting]:
    return {} if told is None else {"told_windows": int((told != UNTOLD).sum())}


def _require_trials(windows: Windows, objective: Objective, bundle: Bundle) -> None:
    seen = trials(windows, windows_each=TRIAL_WINDOWS)
    least = objective.trials_per_class * len(bundle.classes)
    if seen < least:
        raise CalibrationError(
            f"too little to learn {len(bundle.classes)} classes from",
            got=f"{seen} stretches of up to {TRIAL_WINDOWS} windows",
            expected=f"{least:g} or more",
            hint="Collect more windows.",
        )


def _objective(settings: FitSettings, source: LabelledWindows | None) -> Objective:
    return replace(settings.objective, source_free=source is None)
