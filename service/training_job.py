"""One run of `hadua train`: checks what was asked, reads, trains, writes the bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Literal

from hadua.calibration.training import Recipe
from hadua.models.bundle import Bundle
from hadua.models.errors import UsageError
from hadua.models.export import export_bundle
from hadua.models.manifest import Description, FeaturePart, NormalisationPart
from hadua.service.training_card import card, provenance
from hadua.service.training_data import MIN_COVERAGE
from hadua.service.training_run import (
    OnProgress,
    Outcome,
    Plan,
    as_plain,
    run_holdout,
    run_leave_one_out,
)
from hadua.service.training_sets import TrainingSet, muse_ssvep, simulated

DatasetName = Literal["sim", "muse-ssvep"]

_LICENCE = "BSD-3-Clause"
_SHORTEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; None where the default of the data set holds.

    Args:
        dataset: What to train on.
        out: Folder of the bundle.
        root: Folder of recordings.
        demo: Whether to use the settings of the shipped demo bundle.
        people: Number of simulated people.
        seconds: Length of each one's recording.
        seed: Start of every random number.
        context: Greatest number of windows the network looks at.
        epochs: Passes over the data.
        replace: Whether a bundle that is there already gives way.
    """

    dataset: DatasetName
    out: Path
    root: Path | None = None
    demo: bool = False
    people: int | None = None
    seconds: float | None = None
    seed: int = 0
    context: int | None = None
    epochs: int | None = None
    replace: bool = False


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
            "protocol": self.outcome.protocol,
            "scores": as_plain(self.outcome.rows),
        }


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between the data sets."""

    name: str
    title: str
    notice: str
    context: int
    recipe: Recipe
    demo: bool
    people: int = 12
    seconds: float = 240.0

    def with_request(self, request: Request) -> "_Kind":
        """The same with what the request says otherwise."""
        names = ("context", "people", "seconds")
        given = {n: v for n in names if (v := getattr(request, n)) is not None}
        if request.epochs is not None:
            given["recipe"] = changed(self.recipe, epochs=request.epochs)
        return changed(self, **given)


_SIM = _Kind(
    name="hadua-sim",
    title="Emotions of simulated people",
    notice=(
        "Demo model, trained on simulated people only: "
        "what it says about a real person means nothing."
    ),
    context=8,
    recipe=Recipe(epochs=8),
    demo=True,
)
_DEMO = _Kind(
    name="hadua-demo",
    title="HADUA's demo model",
    notice=_SIM.notice,
    context=_SIM.context,
    recipe=_SIM.recipe,
    demo=True,
    people=32,
)
_MUSE = _Kind(
    name="muse-ssvep",
    title="Flicker of 30 or 20 Hz, from a Muse headband",
    notice=(
        "Tells which of two flicker rates a person looks at. "
        "It was never shown an emotion, and three people trained it."
    ),
    context=3,
    recipe=Recipe(epochs=40, batch=64),
    demo=False,
)


def run(request: Request, *, on_progress: OnProgress) -> Report:
    """Train and write the bundle.

    Raises:
        UsageError: settings that do not go together, or a folder that is taken.
        RecordingError: recordings that are not there or cannot be read.
    """
    kind = _kind(request).with_request(request)
    _require_sense(request, kind)
    data = _read(request, kind, on_progress)
    plan = Plan(
        context=kind.context,
        seed=request.seed,
        recipe=kind.recipe,
    )
    train = run_leave_one_out if request.dataset == "muse-ssvep" else run_holdout
    outcome = train(data, plan, on_progress=on_progress)
    on_progress("exporting", 0, 1)
    bundle = _write(request, kind, data, plan, outcome)
    on_progress("exporting", 1, 1)
    return Report(bundle, outcome)


def _kind(request: Request) -> _Kind:
    if request.dataset == "muse-ssvep":
        return _MUSE
    return _DEMO if request.demo else _SIM


def _require_sense(request: Request, kind: _Kind) -> None:
    """Refuse before the work what would fail after it."""
    muse = request.dataset == "muse-ssvep"
    simulation = request.people, request.seconds
    if muse and (request.demo or simulation != (None, None)):
        raise UsageError(
            "--preset, --people and --seconds with --dataset muse-ssvep",
            expected="none of them: they describe simulated people",
        )
    if muse != (request.root is not None):
        raise UsageError(
            f"--dataset {request.dataset}",
            got="no --root" if muse else f"--root {str(request.root)!r}",
            expected="--root, the folder of the recordings" if muse else "no --root",
        )
    _require_least("--people", kind.people, 4)
    _require_least("--seconds", kind.seconds, _SHORTEST_S)
    _require_least("--context", kind.context, 1)
    _require_least("--epochs", kind.recipe.epochs, 1)
    _require_room(request.out, replace=request.replace)


def _require_least(flag: str, value: float, least: float) -> None:
    if value < least:
        raise UsageError(f"{flag}", got=f"{value:g}", expected=f"{least:g} or more")


def _require_room(out: Path, *, replace: bool) -> None:
    where = f"--out {str(out)!r}"
    if out.exists() and not out.is_dir():
        raise UsageError(where, got="a file", expected="a folder to make")
    there = {p.name for p in out.iterdir()} if out.exists() else set()
    if there and not replace:
        raise UsageError(
            where,
            got=f"a folder with {', '.join(sorted(there)[:3])} in it",
            expected="a folder to make, or an empty one",
            hint="Choose another one, or add --replace.",
        )


def _read(request: Request, kind: _Kind, on_progress: OnProgress) -> TrainingSet:
    def on_recording(done: int, total: int) -> None:
        on_progress("reading", done, total)

    if request.root is not None:
        return muse_ssvep(request.root, on_recording=on_recording)
    return simulated(
        people=kind.people,
        seconds=kind.seconds,
        seed=request.seed,
        rest_s=min(60.0, kind.seconds / 4.0),
        on_recording=on_recording,
    )


def _write(
    request: Request, kind: _Kind, data: TrainingSet, plan: Plan, outcome: Outcome
) -> Bundle:
    description = Description(
        name=kind.name,
        version="1",
        classes=data.classes,
        features={m: FeaturePart.of(spec) for m, spec in data.specs.items()},
        normalisation={
            m: NormalisationPart(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
            for m, (mean, std) in outcome.source.items()
        },
        context=plan.context,
        temperature=round(outcome.temperature, 4),
        min_coverage={m: MIN_COVERAGE[m] for m in data.specs},
        demo=kind.demo,
        notice=kind.notice,
        licence=_LICENCE,
        provenance=dict(provenance(data, plan)),
    )
    text = card(
        kind.title, notice=kind.notice, licence=_LICENCE, data=data, plan=plan, outcome=outcome
    )
    return export_bundle(
        outcome.trained.network,
        path=request.out,
        description=description,
        card=text,
        replace=request.out.exists(),
    )
