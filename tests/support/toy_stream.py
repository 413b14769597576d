"""A toy person's stream for the online loop: windows as a session has them, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import STRETCH, people

from hadua.calibration.collected import Collected, CollectedWindow
from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.online import Observed, OnlineAdapter
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.source_terms import FromEmbeddings
from hadua.calibration.windows import Windows
from hadua.models.export import load_network

QUICK = OnlineSettings(piece=6, steps=2, batch=4, least_pieces=4, first_pieces=20, per_stretch=60)
"""Pieces as long as the toy people's stretches."""


def toy_stream(windows: Windows) -> list[CollectedWindow]:
    """Windows as measured, in order."""
    return each(as_measured(windows, toy_bundle()))


def each(collected: Collected) -> list[CollectedWindow]:
    """Window by window."""
    return list(_each(collected))


def of_classes(labels: Sequence[int], *, seed: int = 3, noise: float = 0.4) -> LabelledWindows:
    """A person whose stretches have these classes, in this order."""
    both = people(seed, n_stretches=2 * len(labels), noise=noise)
    turn = np.arange(len(both)) // STRETCH
    rows = np.concatenate([np.flatnonzero(turn == 2 * k + y) for k, y in enumerate(labels)])
    stretch = np.repeat(np.arange(len(labels)), STRETCH)
    return LabelledWindows(replace(both.windows.pick(rows), stretch=stretch), both.y[rows])


def adapter(
    settings: OnlineSettings = QUICK,
    *,
    seed: int = 0,
    known: bool = False,
    learning: bool = True,
    anchored: bool = True,
) -> OnlineAdapter:
    """The loop from the toy bundle as shipped."""
    bundle = toy_bundle()
    statistics = bundle.source_statistics() if anchored else None
    source = None if statistics is None else FromEmbeddings(SourceEmbeddings.of(statistics))
    return OnlineAdapter(
        bundle,
        load_network(bundle),
        bundle.normalisation,
        seed=seed,
        source=source,
        settings=settings,
        known=known,
        learning=learning,
    )


def followed(
    loop: OnlineAdapter, windows: Sequence[CollectedWindow], *, usable: bool = True
) -> tuple[npt.NDArray[np.float64], list[Observed]]:
    """Logits `(n, n_classes)` of windows, each answered before it is learnt from."""
    logits, observed = [], []
    for window in windows:
        logits.append(loop.predict(window))
        observed.append(loop.observe(window, usable=usable))
    return np.array(logits).reshape(len(logits), len(toy_bundle().classes)), observed


def _each(collected: Collected) -> Iterator[CollectedWindow]:
    c = collected
    for k in range(len(c)):
        quality = float(c.quality[k, 0]), float(c.quality[k, 1])
        yield CollectedWindow(float(c.end_s[k]), c.eeg[k], c.eye[k], quality)
