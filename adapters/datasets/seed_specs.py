"""What the columns of the SEED data sets' published features are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.seed_entropy import DEFINITION, seed_feature_spec
from hadua.models.features import FeatureSpec, Modality

SmoothedBy = Literal["movingAve", "LDS"]
"""The two versions of the EEG features that SEED and SEED-IV publish."""

PLAIN = DEFINITION
"""DE as published, without smoothing: what a live extractor produces."""
LDS = "seed-de-lds"
"""The same after the published smoother, which sees the future: nothing live can produce it."""
MOVING_AVERAGE = "seed-de-movingave"
"""The same after the published moving average, of undocumented width: likewise."""
EYE = "seed-eye"
"""Eye features as published. The order inside their groups is not documented: they are numbered."""


def smoothed(smoothing: SmoothedBy) -> str:
    """The definition's name of smoothed features."""
    return LDS if smoothing == "LDS" else MOVING_AVERAGE


def eeg_spec(definition: str, *, window_s: float) -> FeatureSpec:
    """DE of the 62 channels in five bands, channel-major, windows end to end."""
    plain = seed_feature_spec(SEED_62, window_s=window_s, hop_s=window_s)
    return plain if definition == PLAIN else replace(plain, definition=definition, version=1)


def eye_spec(n_features: int, *, window_s: float, hop_s: float | None = None) -> FeatureSpec:
    """Eye features by their number in the files, from 1; windows end to end without `hop_s`."""
    names = tuple(f"{EYE}:{k:02d}" for k in range(1, n_features + 1))
    hop_s = window_s if hop_s is None else hop_s
    return FeatureSpec(Modality.EYE, EYE, 1, names, window_s, hop_s)


def by_modality(eeg: FeatureSpec, eye: FeatureSpec | None) -> Mapping[Modality, FeatureSpec]:
    """The specs of a data set, with or without eye features."""
    return {Modality.EEG: eeg} if eye is None else {Modality.EEG: eeg, Modality.EYE: eye}


def licence(title: str) -> str:
    """The terms of a data set of the SEED family in a few words."""
    return f"{title} licence agreement (BCMI, Shanghai Jiao Tong University): academic use"
