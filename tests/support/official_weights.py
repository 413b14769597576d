"""Small state dicts with the names of the authors' checkpoints."""

import numpy as np
import numpy.typing as npt
from support.bundles import random_network

Arrays = dict[str, npt.NDArray[np.generic]]

_THEIRS = {
    "eeg.layers.": "base_network.module.",
    "eye.layers.": "base_network_eye.module.",
    "eeg_attention.": "self_attention_eeg.",
    "eye_attention.": "self_attention_eye.",
}


def official_state(n_eeg: int, n_eye: int, n_classes: int = 3, *, seed: int = 0) -> Arrays:
    """A random published network as its authors would store it."""
    network = random_network(n_eeg, n_eye, n_classes, context=1, seed=seed)
    return {
        _theirs(name): value.numpy()
        for name, value in network.state_dict().items()
        if not name.endswith(("mask_token", "age"))
    }


def _theirs(name: str) -> str:
    for ours, theirs in _THEIRS.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name
