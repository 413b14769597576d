"""How many told clips give exchanged classes their names, and whether they ever mislead.

Development people alone. For each, their pieces are read without labels; then clips are told at
random, again and again: one to three of each class, all right; and a single wrong one. Counted is
how often the classes get the names under which most of the person's pieces are right.

    python benchmarks/naming.py     seeds 1006 and 1007: minutes to make their bundles, then seconds
"""

import argparse
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
from participant_methods import windows_of
from participant_world import NewPerson, World, world

from hadua.calibration.consensus import Consensus
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.person import by_person
from hadua.calibration.person_reader import read
from hadua.calibration.pieces import Pieces
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.trusting import UNTOLD, names
from hadua.calibration.windows import IntArray
from hadua.models.export import load_network
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax

SEEDS = (1006, 1007)
DRAWS = 200
PRIOR_WINDOWS = 30.0
LEAST = 1e-6


def as_read(met: World, person: NewPerson) -> tuple[FloatArray, IntArray]:
    """What is read of each piece `(n, n_classes)`, and its class, `UNTOLD` if it has two."""
    network, own = load_network(met.bundle), windows_of(met, person)
    standardised = by_person(own, prior_windows=PRIOR_WINDOWS)
    pieces = Pieces.of(standardised)
    said = softmax(logits_of_windows(network, standardised))
    opinion = pieces.mean(np.log(np.maximum(said, LEAST)))
    source = LabelledWindows(by_person(met.source.windows), met.source.y)
    consensus = Consensus.of(source, n_classes=network.n_classes)
    if consensus is not None:
        opinion = opinion + consensus.logits(pieces)
    p = read(pieces, opinion, rng=np.random.default_rng(0))
    classes = [np.unique(person.y[pieces.of_window == k]) for k in range(len(pieces))]
    return p, np.array([int(c[0]) if len(c) == 1 else UNTOLD for c in classes])


def right_names(p: FloatArray, y: IntArray) -> tuple[int, ...]:
    """Those under which most pieces are right."""
    pure = y != UNTOLD
    orders = permutations(range(p.shape[1]))
    return max(orders, key=lambda o: float((p[pure][:, list(o)].argmax(axis=1) == y[pure]).mean()))


def share_named(p: FloatArray, y: IntArray, *, each: int) -> float:
    """Share of draws of right clips, so many of each class, that give the right names."""
    rng, right = np.random.default_rng(1), right_names(p, y)
    named = []
    for _ in range(DRAWS):
        told = np.full(len(y), UNTOLD)
        for c in range(p.shape[1]):
            told[rng.permutation(np.flatnonzero(y == c))[:each]] = c
        named.append(tuple(names(p, told).tolist()) == right)
    return float(np.mean(named))


def share_misled(p: FloatArray, y: IntArray) -> float:
    """Share of single wrong clips that change a name."""
    rng, changed = np.random.default_rng(2), []
    for _ in range(DRAWS):
        told, k = np.full(len(y), UNTOLD), int(rng.choice(np.flatnonzero(y != UNTOLD)))
        told[k] = (y[k] + 1) % p.shape[1]
        changed.append(bool((names(p, told) != np.arange(p.shape[1])).any()))
    return float(np.mean(changed))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=Path, default=Path("hadua-data/worlds"))
    folder: Path = parser.parse_args().worlds
    lines = [
        "| person | right as read | 1 of each | 2 | 3 | misled by a wrong one |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for seed in SEEDS:
        met = world(seed, folder)
        for k, person in enumerate(met.people):
            p, y = as_read(met, person)
            right = float((p.argmax(axis=1) == y)[y != UNTOLD].mean())
            shares = [right, *(share_named(p, y, each=n) for n in (1, 2, 3)), share_misled(p, y)]
            lines.append(f"| {k} of {seed} | " + " | ".join(f"{s:.0%}" for s in shares) + " |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
