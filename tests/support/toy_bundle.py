"""A bundle of the toy people's network, with all that adaptation needs, and people as measured."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from support.bundles import describe
from support.toy_people import WIDTHS, people, start

from hadua.calibration.checking import choose_check_set
from hadua.calibration.collected import Collected
from hadua.calibration.embeddings import embed
from hadua.calibration.stretches import fused_of_windows
from hadua.calibration.windows import Windows
from hadua.models.bundle import Bundle
from hadua.models.export import export_bundle
from hadua.models.features import FeatureSpec, Modality

HOP_S = 1.0
SPECS = tuple(
    FeatureSpec(m, "toy", 1, tuple(f"{m}{k}" for k in range(width)), HOP_S, HOP_S)
    for m, width in zip((Modality.EEG, Modality.EYE), WIDTHS, strict=True)
)


@cache
def toy_bundle(*, embeddings: bool = True) -> Bundle:
    """The network of `toy_people.start`, whose normalisation is not the identity."""
    begin = start()
    own = begin.source.windows
    embedded = embed(
        torch.from_numpy(fused_of_windows(begin.network, own)),
        begin.source.y,
        subject=own.subject,
        n_classes=2,
        seed=0,
    )
    return export_bundle(
        begin.network,
        path=Path(tempfile.mkdtemp(prefix="hadua-toy-")) / "bundle",
        description=describe(SPECS, classes=("low", "high"), context=begin.network.context),
        card="# Toy\n",
        source_statistics=embedded.to_statistics() if embeddings else None,
        check_set=choose_check_set(people(9, n_people=2, noise=0.5), windows=120),
    )


def as_measured(windows: Windows, bundle: Bundle, *, gap: float = 5.0) -> Collected:
    """The windows before the bundle's normalisation, a hole in time between stretches."""
    tables = []
    for k, x in enumerate((windows.x_eeg, windows.x_eye)):
        own = bundle.normalisation[(Modality.EEG, Modality.EYE)[k]]
        raw = x.astype(np.float64) * own.std + own.mean
        tables.append(np.where(windows.present[:, k, None], raw, np.nan).astype(np.float32))
    holes = np.cumsum(np.r_[False, np.diff(windows.stretch) != 0][: len(windows)]) * gap
    end_s = 100.0 + np.arange(len(windows)) * HOP_S + holes
    return Collected(end_s, tables[0], tables[1], windows.present.astype(np.float32))
