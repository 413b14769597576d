"""The data sets of a run, read once and stored where whoever computes the folds finds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hadua.models.errors import UsageError
from hadua.models.features import FeatureSpec, Modality
from hadua.service.evaluation.fold import Task
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.sets import EvaluationSet, open_sets
from hadua.service.evaluation.store import store


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What stays in memory of the data sets while the folds are computed."""

    name: str
    classes: tuple[str, ...]
    people: tuple[str, ...]
    specs: Mapping[Modality, FeatureSpec]
    files: Mapping[str, str]
    data: Mapping[str, str]
    stored: tuple[Path, ...]
    tasks: tuple[Task, ...]


def open_all(
    plan: Plan,
    root: Path | None,
    *,
    work: Path,
    allow_pickle: bool,
    on_file: Callable[[int, int], None],
) -> Opened:
    """Read the data set, or draw one for each seed, and store it in a folder."""
    sets = open_sets(plan, root, allow_pickle=allow_pickle, on_file=on_file)
    stored, hashes, people = [], {}, []
    first: EvaluationSet | None = None
    for k, opened in enumerate(sets):
        first = first or opened
        stored.append(work / f"set{k}")
        hashes[f"set{k}"] = opened.content_hash()
        people.append(opened.people_with_labels())
        store(stored[-1], opened.data)
    if first is None:
        raise UsageError("--seeds", got="0", expected="1 or more")
    one = len(stored) == 1
    return Opened(
        name=first.name,
        classes=first.data.classes,
        people=first.data.people,
        specs=first.specs,
        files=dict(first.hashes),
        data=hashes,
        stored=tuple(stored * plan.seeds if one else stored),
        tasks=tuple(
            Task(seed, person)
            for k, seed in enumerate(plan.seed_range())
            for person in people[0 if one else k]
        ),
    )
