"""A bundle of real features (four EEG channels, eyes) with all that a calibration needs."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from support.bundles import CHANNELS, describe, random_network

from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.calibration.embeddings import embed
from hadua.calibration.stretches import fused_of_windows
from hadua.calibration.windows import Windows
from hadua.models.bundle import Bundle
from hadua.models.export import export_bundle

HOP_S = 0.5
EEG_WINDOW_S = 1.0
CLASSES = ("low", "high")


@cache
def faults_bundle() -> Bundle:
    """A network of random weights, and embeddings of people who never were."""
    specs = (
        eeg_feature_spec(CHANNELS[:4], window_s=EEG_WINDOW_S, hop_s=HOP_S),
        eye_feature_spec(window_s=4.0, hop_s=HOP_S),
    )
    widths = [len(spec.names) for spec in specs]
    network = random_network(widths[0], widths[1], 2, context=3)
    rng, n = np.random.default_rng(5), 480
    stretch, subject = np.arange(n) // 12, np.arange(n) // 120
    y = (stretch % 2).astype(np.int64)
    eeg, eye = (rng.normal(0.0, 1.0, (n, width)).astype(np.float32) for width in widths)
    eeg[:, :4] += y[:, None]
    windows = Windows(
        eeg,
        eye,
        np.ones((n, 2), bool),
        subject,
        np.ones(n, np.int64),
        stretch,
    )
    embedded = embed(
        torch.from_numpy(fused_of_windows(network, windows)),
        y,
        subject=windows.subject,
        n_classes=2,
        seed=0,
    )
    return export_bundle(
        network,
        path=Path(tempfile.mkdtemp(prefix="hadua-faults-")) / "bundle",
        description=describe(specs, classes=CLASSES),
        card="# Random, for tests\n",
        source_statistics=embedded.to_statistics(),
    )
