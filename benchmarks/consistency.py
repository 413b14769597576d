"""What tells, without a label, that a person was read wrongly, and what one could fall back on.

    python benchmarks/consistency.py     80 people of development populations, about 12 s each

Each is adapted with all their windows, then compared: the consistency of the reading beside what is
really right, for ours and for the answers that need no adaptation. Written to
`results/consistency.md` and `.json`.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from participant_methods import windows_of
from participant_world import NewPerson, World, world

from hadua.calibration.adaptation import HaduaLearner, Objective
from hadua.calibration.consensus import Consensus
from hadua.calibration.consistency import consistency
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.learner import Start
from hadua.calibration.person import by_person
from hadua.calibration.stretches import logits_of_windows
from hadua.models.export import load_network
from hadua.models.features import BoolArray, FloatArray
from hadua.models.prediction import softmax

SEEDS = tuple(range(1000, 1008))
STEPS = 120
WRONG = 0.85
RESULTS = Path(__file__).resolve().parent / "results"
COLUMNS = {
    "ours": "ours",
    "source": "un-adapted",
    "person_z": "z-score",
    "both": "mean of these two",
    "all_three": "mean of all three",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One person: shares of windows that are right, and the consistency.

    Args:
        seed: Of the population.
        person: Which of the people met.
        consistency: 0 to 1; None for too few pieces.
        right: Share right, by `COLUMNS`.
    """

    seed: int
    person: int
    consistency: float | None
    right: Mapping[str, float]


def look(world_: World, person: NewPerson, *, seed: int, k: int) -> Found:
    """Adapt to all of a person's windows and compare."""
    own, network = windows_of(world_, person), load_network(world_.bundle)
    source = LabelledWindows(by_person(world_.source.windows), world_.source.y)
    learner = HaduaLearner(Start(network, source), seed, objective=Objective())
    learner.learn(own, steps=STEPS)
    standardised = by_person(own)
    p = {
        "ours": softmax(learner.logits(own)),
        "source": softmax(logits_of_windows(network, own)),
        "person_z": softmax(logits_of_windows(network, standardised)),
    }
    p |= {"both": p["source"] + p["person_z"], "all_three": p["ours"] + p["source"] + p["person_z"]}
    measured = own.present.any(axis=1)
    agreed = consistency(
        standardised,
        p["ours"],
        network=network,
        consensus=Consensus.of(source, n_classes=network.n_classes),
        seed=seed,
    )
    right = {
        name: float((each.argmax(axis=1) == person.y)[measured].mean()) for name, each in p.items()
    }
    return Found(seed, k, agreed, right)


def markdown(found: list[Found]) -> str:
    """Who was read wrongly, the bounds of all others, and how well consistency orders people."""
    c, right = _columns(found)
    wrong = right < WRONG
    lines = [
        "# Consistency of a reading",
        "",
        f"{len(found)} people of development populations {', '.join(map(str, SEEDS))}, adapted "
        "with all their windows. Correlation of consistency and accuracy "
        f"{np.corrcoef(c, right)[0, 1]:.2f}; area under the curve for less than {WRONG:.0%} right "
        f"{_auc(c, wrong):.2f}.",
        "",
        "| person | consistency | " + " | ".join(COLUMNS.values()) + " |",
        "|---|---:|" + "---:|" * len(COLUMNS),
    ]
    lines += [
        _row(f"{f.person} of {f.seed}", f"{f.consistency:.2f}", [f.right[n] for n in COLUMNS])
        for f in found
        if f.right["ours"] < WRONG and f.consistency is not None
    ]
    rest = [f for f in found if f.right["ours"] >= WRONG]
    low = min(f.consistency or 0.0 for f in rest)
    means = [float(np.mean([f.right[n] for f in rest])) for n in COLUMNS]
    worst = [min(f.right[n] for f in rest) for n in COLUMNS]
    lines += [
        _row(f"the other {len(rest)}, mean", f"{c[~wrong].mean():.2f}", means),
        _row(f"the other {len(rest)}, least", f"{low:.2f}", worst),
    ]
    return "\n".join(lines) + "\n"


def _columns(found: list[Found]) -> tuple[FloatArray, FloatArray]:
    c = np.array([0.0 if f.consistency is None else f.consistency for f in found])
    return c, np.array([f.right["ours"] for f in found])


def _auc(c: FloatArray, wrong: BoolArray) -> float:
    below = c[wrong][:, None] < c[~wrong][None, :]
    return float(below.mean()) if below.size else float("nan")


def _row(name: str, consistency_: str, shares: list[float]) -> str:
    return f"| {name} | {consistency_} | " + " | ".join(f"{100 * s:.0f}" for s in shares) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=Path, default=Path("hadua-data/worlds"))
    folder: Path = parser.parse_args().worlds
    found = []
    for seed in SEEDS:
        met = world(seed, folder)
        for k, person in enumerate(met.people):
            found.append(look(met, person, seed=seed, k=k))
            sys.stderr.write(f"{found[-1]}\n")
    RESULTS.mkdir(exist_ok=True)
    text = markdown(found)
    (RESULTS / "consistency.md").write_text(text, encoding="utf-8")
    content = json.dumps([asdict(f) for f in found], indent=1) + "\n"
    (RESULTS / "consistency.json").write_text(content, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
