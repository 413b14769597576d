"""Would the same person have been understood in the same way from other windows of theirs?

Labels are read (`person_reader`) from random parts of a person's pieces, again and again; where two
parts share a piece, they should give it the same class. And the network that has learnt should say
of a piece what is read of all of them. The product of both shares falls where an adaptation goes
wrong, in most cases: of 80 people of development populations (`benchmarks/consistency.py`) it finds
those with less than 85 % right with an area under the curve of 0.92. It cannot see a reading that
is sure of itself with the classes under each other's names: two of six failures had 0.97.
Agreement of two fits to halves, of EEG and eyes alone, or of two seeds tells less.
"""

from itertools import combinations

import numpy as np

from hadua.calibration.consensus import Consensus
from hadua.calibration.person_reader import read
from hadua.calibration.pieces import Pieces
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.trusting import names, of_pieces
from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork
from hadua.models.prediction import softmax

PARTS = 12
SHARE = 0.7
FEWEST_PIECES = 6
"""Pieces of a part below which nothing can be said."""
_LEAST = 1e-6


def consistency(
    own: Windows,
    learnt: FloatArray,
    *,
    network: HaduaNetwork,
    consensus: Consensus | None,
    seed: int,
    told: IntArray | None = None,
) -> float | None:
    """The product of the two shares, 0 to 1; None for too few pieces.

    Args:
        own: A person's windows, standardised by their own statistics.
        learnt: `(n, n_classes)` what the network that has learnt says of each.
        network: The network that it began with, in evaluation mode.
        consensus: What the source people agree on, if anything.
        seed: Start of the draws.
        told: `(n,)` class that somebody has told of each window, or `UNTOLD`; None for of none.
    """
    pieces, rng = Pieces.of(own), np.random.default_rng(seed)
    n = round(SHARE * len(pieces))
    if n < FEWEST_PIECES:
        return None
    said = np.log(np.maximum(softmax(logits_of_windows(network, own)), _LEAST))
    opinion = pieces.mean(said)
    if consensus is not None:
        opinion = opinion + consensus.logits(pieces)
    known = None if told is None else of_pieces(told, pieces.of_window)
    if known is not None:
        opinion = opinion[:, names(read(pieces, opinion, rng=rng), known)]
    parts = [np.sort(rng.permutation(len(pieces))[:n]) for _ in range(PARTS)]
    labels = [_labels(pieces, opinion, part, rng, known) for part in parts]
    read_of_all = read(pieces, opinion, rng=rng, told=known).argmax(axis=1)
    of_network = pieces.mean(np.log(np.maximum(learnt, _LEAST))).argmax(axis=1)
    return _agreement(labels) * float((read_of_all == of_network).mean())


def _labels(
    pieces: Pieces,
    opinion: FloatArray,
    part: IntArray,
    rng: np.random.Generator,
    told: IntArray | None,
) -> IntArray:
    """`(n_pieces,)` class of the pieces of a part, -1 for the others."""
    some = Pieces(np.arange(len(part)), pieces.eeg[part], pieces.eye[part], np.arange(len(part)))
    labels = np.full(len(pieces), -1)
    own = None if told is None else told[part]
    labels[part] = read(some, opinion[part], rng=rng, told=own).argmax(axis=1)
    return labels


def _agreement(labels: list[IntArray]) -> float:
    """Mean share of the shared pieces that two parts give the same class."""
    shares = []
    for a, b in combinations(labels, 2):
        both = (a >= 0) & (b >= 0)
        if both.any():
            shares.append(float((a == b)[both].mean()))
    return float(np.mean(shares))
