"""One run of `hadua train`: checks what was asked, reads, trains, writes the bundle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.calibration.source_windows import keep_source
from hadua.models.bundle import Bundle
from hadua.models.export import export_bundle
from hadua.models.feature_part import FeaturePart
from hadua.models.manifest import Description, NormalisationPart
from hadua.service.training.card import card, provenance
from hadua.service.training.data import MIN_COVERAGE
from hadua.service.training.features import read_training_features
from hadua.service.training.kinds import Kind
from hadua.service.training.people import run_features
from hadua.service.training.request import Request
from hadua.service.training.run import (
    STORED_DECIMALS,
    OnProgress,
    Outcome,
    Plan,
    as_plain,
    run_simulated,
)
from hadua.service.training.sets import TrainingSet, simulated


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Args:
        bundle: The bundle written.
        outcome: The network and its figures.
    """

    bundle: Bundle
    outcome: Outcome

    def to_plain(self) -> Mapping[str, object]:
        """The report as plain values."""
        return {
            "bundle": str(self.bundle.path),
            "id": self.bundle.id,
            "temperature": self.outcome.temperature,
            "abstain_below": self.outcome.abstain_below,
            "source_free": self.outcome.embeddings is not None,
            "protocol": self.outcome.protocol,
            "scores": as_plain(self.outcome.rows),
        }


def run(request: Request, *, on_progress: OnProgress) -> Report:
    """Train and write the bundle.

    Raises:
        UsageError: settings that do not go together, or a folder that is taken.
        RecordingError: recordings that are not there or cannot be learned from.
    """
    kind = request.kind()
    plan = Plan(context=kind.context, seed=request.seed, recipe=kind.recipe)
    if request.dataset == "sim":
        return _simulated(request, kind, plan, on_progress)
    features = read_training_features(
        request.dataset,
        request.root,
        people=kind.people,
        seed=request.seed,
        allow_pickle=request.allow_pickle,
        cleaning=request.cleaning,
        on_file=partial(on_progress, "reading"),
    )
    outcome = run_features(features, plan, on_progress=on_progress, cluster=request.cluster)
    terms = features.licence if request.data_licence is None else request.data_licence
    return _written(request, kind, features, plan, outcome, on_progress, data_licence=terms)


def _simulated(request: Request, kind: Kind, plan: Plan, on_progress: OnProgress) -> Report:
    people = simulated(
        people=kind.people,
        seconds=kind.seconds,
        seed=request.seed,
        rest_s=min(60.0, kind.seconds / 4.0),
        cleaning=request.cleaning,
        on_recording=partial(on_progress, "reading"),
    )
    outcome = run_simulated(people, plan, on_progress=on_progress)
    return _written(request, kind, people, plan, outcome, on_progress, data_licence="")


def _written(
    request: Request,
    kind: Kind,
    data: TrainingSet | FeatureSet,
    plan: Plan,
    outcome: Outcome,
    on_progress: OnProgress,
    *,
    data_licence: str,
) -> Report:
    on_progress("exporting", 0, 1)
    bundle = export_bundle(
        outcome.trained.network,
        path=request.out,
        description=_description(kind, data, plan, outcome, data_licence=data_licence),
        card=card(
            kind.title,
            notice=kind.notice,
            licence=kind.licence,
            data_licence=data_licence,
            data=data,
            plan=plan,
            outcome=outcome if kind.check_set else replace(outcome, check_set=None),
        ),
        source_statistics=outcome.embeddings,
        check_set=outcome.check_set if kind.check_set else None,
        replace=request.out.exists(),
    )
    if request.keep_source is not None:
        keep_source(request.keep_source, outcome.windows, bundle)
    on_progress("exporting", 1, 1)
    return Report(bundle, outcome)


def _description(
    kind: Kind, data: TrainingSet | FeatureSet, plan: Plan, outcome: Outcome, *, data_licence: str
) -> Description:
    return Description(
        name=kind.name,
        version="1",
        classes=data.classes,
        features={m: FeaturePart.of(spec) for m, spec in data.specs.items()},
        normalisation={
            m: NormalisationPart(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
            for m, (mean, std) in outcome.source.items()
        },
        context=plan.context,
        temperature=round(outcome.temperature, STORED_DECIMALS),
        abstain_below=outcome.abstain_below,
        min_coverage={m: MIN_COVERAGE[m] for m in data.specs},
        demo=kind.demo,
        notice=kind.notice,
        licence=kind.licence,
        data_licence=data_licence,
        provenance=dict(provenance(data, plan)),
    )
