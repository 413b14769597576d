"""Small bundles with random weights, for tests that need one to load."""

import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch

from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.models.cleaning import Cleaning
from hadua.models.export import export_bundle
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, Modality, Smoothing
from hadua.models.manifest import Description, NormalisationPart
from hadua.models.network import HaduaNetwork

CHANNELS = ("TP9", "AF7", "AF8", "TP10", "FPZ", "CZ", "OZ", "PZ")
CLASSES = ("negative", "neutral", "positive")


def random_network(
    n_eeg: int, n_eye: int, n_classes: int = 3, *, context: int = 1, seed: int = 0
) -> HaduaNetwork:
    """A network none of whose weights or running statistics is at its default."""
    generator = torch.Generator().manual_seed(seed)
    network = HaduaNetwork(n_eeg, n_eye, n_classes, context=context).eval()
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var"):
            value.copy_(0.5 + noise.abs())
        elif value.ndim == 2 and not name.endswith("age"):
            value.copy_(noise * (2.0 / value.shape[1]) ** 0.5)
        else:
            value.copy_(noise * 0.5)
    return network


def describe(
    specs: Sequence[FeatureSpec],
    *,
    classes: tuple[str, ...] = CLASSES,
    context: int = 3,
    abstain_below: float = 0.0,
    temperature: float = 1.0,
    name: str = "random",
    demo: bool = False,
) -> Description:
    """The manifest of a model of these features, with a normalisation that is not the identity."""
    return Description(
        name=name,
        version="0",
        classes=classes,
        features={spec.modality: FeaturePart.of(spec) for spec in specs},
        normalisation={spec.modality: _normalisation(len(spec.names)) for spec in specs},
        context=context,
        temperature=temperature,
        abstain_below=abstain_below,
        demo=demo,
        notice="Random weights, for tests.",
        licence="CC0-1.0",
        provenance={"data": "none"},
    )


def make_bundle(
    tmp_path: Path,
    *,
    eeg_channels: int | Sequence[str] = 4,
    eye: bool = True,
    classes: tuple[str, ...] = CLASSES,
    context: int = 3,
    seed: int = 0,
    window_s: float = 1.0,
    eye_window_s: float = 4.0,
    hop_s: float = 0.5,
    smoothing: Smoothing | None = None,
    cleaning: Cleaning | None = None,
    abstain_below: float = 0.0,
    name: str = "random",
) -> Path:
    """Write a bundle with random weights; return its folder, `tmp_path / "bundle"`.

    `eeg_channels` is a number of `CHANNELS`, or the names; 0 or none makes a model without EEG.
    """
    channels = CHANNELS[:eeg_channels] if isinstance(eeg_channels, int) else tuple(eeg_channels)
    specs = []
    if channels:
        eeg = eeg_feature_spec(
            channels, window_s=window_s, hop_s=hop_s, smoothing=smoothing, cleaning=cleaning
        )
        specs.append(eeg)
    if eye:
        specs.append(eye_feature_spec(window_s=eye_window_s, hop_s=hop_s))
    description = describe(
        specs, classes=classes, context=context, abstain_below=abstain_below, name=name
    )
    folder = tmp_path / "bundle"
    shutil.copytree(_made(description.model_dump_json(), seed), folder)
    return folder


@cache
def _made(description_json: str, seed: int) -> Path:
    description = Description.model_validate_json(description_json)
    network = random_network(
        description.width(Modality.EEG),
        description.width(Modality.EYE),
        len(description.classes),
        context=description.context,
        seed=seed,
    )
    folder = Path(tempfile.mkdtemp(prefix="hadua-bundle-")) / "bundle"
    export_bundle(network, path=folder, description=description, card="# Random, for tests\n")
    return folder


def _normalisation(n: int) -> NormalisationPart:
    mean, std = np.linspace(-0.5, 0.5, n), np.linspace(0.5, 2.0, n)
    return NormalisationPart(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
