"""New participants: un-adapted, calibrated, followed, both, against what the literature has.

    python benchmarks/participant.py synthetic    ten people of each of the seeds 1 to 5
    python benchmarks/participant.py muse         real Muse EEG of three people, two seeds;
                                                  HADUA_RECORDINGS names the recordings' folder

It takes hours. Each person is a file of their own under `--runs`, so that a run that was stopped
goes on with the same command. The table, and every person's figures, go to
`results/participant_*.md` and `.json`; `--collect` writes these from what there is so far.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from participant_methods import (
    BASELINES,
    MEETINGS,
    ONLINE_STEPS,
    STEPS,
    UNADAPTED,
    Meeting,
    Met,
)
from participant_muse import muse_people, muse_world
from participant_scores import Figures, Person, figures
from participant_table import table
from participant_world import N_NEW, NewPerson, World, world

from hadua.calibration.fit import FitSettings
from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.windows import IntArray
from hadua.models.features import BoolArray
from hadua.service.evaluation.provenance import git_revision, versions

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Task:
    """One person of one seed."""

    table: str
    seed: int
    person: int
    runs: Path

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self.runs / f"seed-{self.seed}-person-{self.person}.json"


def meet(task: Task) -> str:
    """Meet a person in every way, and keep which windows were right."""
    its_world, person = _opened(task)
    known = (person.y != UNLABELLED) & _measured(person)
    met = {m.name: m.answers(its_world, person, task.seed) for m in _possible(its_world)}
    kept = {
        "seed": task.seed,
        "person": task.person,
        "hop_s": its_world.bundle.hop_s,
        "window": np.flatnonzero(known).tolist(),
        "sitting": _digits(person.session[known]),
        "right": {name: _right(m, person, known, name, met) for name, m in met.items()},
        "rolled_back": {name: m.rolled_back for name, m in met.items() if m.rolled_back},
        "relearnt": {name: m.relearnt for name, m in met.items() if m.relearnt},
        "git_revision": git_revision(Path(__file__).parent),
    }
    half_written = task.path.with_suffix(".half")
    half_written.write_text(json.dumps(kept), encoding="utf-8")
    half_written.replace(task.path)
    return task.path.stem


def read(path: Path) -> Person:
    """What was kept of a person."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Person(
        kept["seed"],
        kept["person"],
        np.array(kept["window"]) * kept["hop_s"] / 60.0,
        np.array(list(kept["sitting"])) == "1",
        {name: np.array(list(bits)) == "1" for name, bits in kept["right"].items()},
        kept["rolled_back"],
        kept["relearnt"],
    )


def prepare(name: str, seed: int, runs: Path) -> None:
    """Train what the people of a seed are met with."""
    for person in range(1 if name == "synthetic" else muse_people()):
        _opened(Task(name, seed, person, runs))


def run(name: str, seeds: Sequence[int], runs: Path, *, jobs: int) -> None:
    """Meet everybody who has not been met."""
    runs.mkdir(parents=True, exist_ok=True)
    _require_same(runs)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for seed in seeds:
            n = N_NEW if name == "synthetic" else muse_people()
            tasks = [Task(name, seed, k, runs) for k in range(n)]
            left = [task for task in tasks if not task.path.exists()]
            if not left:
                continue
            pool.submit(prepare, name, seed, runs).result()
            for done in as_completed([pool.submit(meet, task) for task in left]):
                sys.stderr.write(f"{done.result()}\n")


def collect(name: str, runs: Path, into: Path) -> None:
    """Write the table of everybody who has been met, and say how many of each seed these are."""
    people = [read(path) for path in runs.glob("seed-*.json")]
    people.sort(key=lambda p: (p.seed, p.number))
    if not people:
        raise SystemExit(f"participant: in {str(runs)!r} nobody has been met")
    rivals = {m.name: m.rival for m in MEETINGS if m.name in people[0].right}
    rivals = {name: rival if rival in rivals else "" for name, rival in rivals.items()}
    rows = figures(people, rivals, unadapted=UNADAPTED)
    _write(name, rows, people, into)


def settings() -> dict[str, object]:
    """What a run is made with; people met with anything else do not go into the same table."""
    fit = FitSettings()
    return {
        "online": OnlineSettings().record(),
        "fit": {"steps": fit.steps, **fit.objective.record()},
        "baselines": {m.name: dict(m.settings) for m in BASELINES},
        "steps": STEPS,
        "online_steps": ONLINE_STEPS,
    }


def _write(name: str, rows: Sequence[Figures], people: Sequence[Person], into: Path) -> None:
    met = {seed: sum(p.seed == seed for p in people) for seed in sorted({p.seed for p in people})}
    about = {"people_by_seed": met, "versions": versions(), **settings()}
    content = {
        **about,
        "rows": [asdict(row) for row in rows],
        "relearnt": {f"{p.seed}/{p.number}": dict(p.relearnt) for p in people},
        "rolled_back": {f"{p.seed}/{p.number}": dict(p.rolled_back) for p in people},
    }
    into.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (into / f"participant_{name}.json").write_text(text + "\n", encoding="utf-8")
    text = table(name, rows, met=met, versions=versions())
    (into / f"participant_{name}.md").write_text(text, encoding="utf-8")


def _require_same(runs: Path) -> None:
    mine, path = json.loads(json.dumps(settings())), runs / "settings.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != mine:
        raise SystemExit(f"participant: {str(path)!r} says other settings; give another --runs")
    path.write_text(json.dumps(mine, indent=1), encoding="utf-8")


def _opened(task: Task) -> tuple[World, NewPerson]:
    folder = task.runs / "worlds"
    if task.table == "muse":
        own = muse_world(task.seed, task.person, folder)
        return own, own.people[0]
    own = _synthetic(task.seed, folder)
    return own, own.people[task.person]


@cache
def _synthetic(seed: int, folder: Path) -> World:
    return world(seed, folder)


def _possible(its_world: World) -> Iterator[Meeting]:
    carries = its_world.bundle.source_statistics() is not None
    return (m for m in MEETINGS if carries or not m.needs_embeddings)


def _measured(person: NewPerson) -> BoolArray:
    own = person.windows
    tables = np.concatenate((own.eeg, own.eye), axis=1)
    return np.asarray(np.isfinite(tables).any(axis=1))


def _right(
    met: Met,
    person: NewPerson,
    known: BoolArray,
    name: str,
    everybody: Mapping[str, Met],
) -> str:
    """1 where it was right; while somebody is calibrated, the bundle as shipped answers."""
    logits = met.logits
    if next(m for m in MEETINGS if m.name == name).begins_unadapted:
        first = person.session == 1
        logits = np.where(first[:, None], everybody[UNADAPTED].logits, logits)
    return _digits((logits.argmax(axis=1) == person.y)[known])


def _digits(values: IntArray | BoolArray) -> str:
    return "".join(str(int(v)) for v in values)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=("synthetic", "muse"))
    parser.add_argument("--runs", type=Path, default=Path("hadua-data/participant"))
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, help="5, of real recordings 2")
    parser.add_argument("--jobs", type=int, default=1, help="people at a time")
    parser.add_argument("--into", type=Path, default=RESULTS)
    parser.add_argument("--collect", action="store_true", help="only write the table")
    asked = parser.parse_args()
    runs: Path = asked.runs / asked.table
    n = asked.seeds or (5 if asked.table == "synthetic" else 2)
    if not asked.collect:
        run(asked.table, range(asked.first_seed, asked.first_seed + n), runs, jobs=asked.jobs)
    collect(asked.table, runs, asked.into)


if __name__ == "__main__":
    main()
