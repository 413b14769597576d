"""Weights trained with the authors' code, read into `HaduaNetwork`.

Key names are facts of their checkpoints (two naming schemes of the attention projections are in
use); nothing is unpickled here: hand over a mapping of arrays or tensors.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from hadua.models.errors import BundleError
from hadua.models.network import HaduaNetwork

ArrayLike = torch.Tensor | npt.NDArray[np.generic]

_ENCODERS = {"base_network.module.": "eeg.layers.", "base_network_eye.module.": "eye.layers."}
_ATTENTIONS = {
    "self_attention_eeg.": "eeg_attention.",
    "self_attention_eye.": "eye_attention.",
    "cross_attention.": "cross_attention.",
}
_OWN = (
    "eeg.mask_token",
    "eye.mask_token",
    "eeg_attention.age",
    "eye_attention.age",
    "cross_attention.age",
)
_PROJECTIONS = {"query": "W_q", "key": "W_k", "value": "W_v", "output": "W_o"}


def load_official(state_dict: Mapping[str, ArrayLike]) -> HaduaNetwork:
    """Build the published network (`context=1`) with the weights of an official state dict.

    Args:
        state_dict: Names as the authors' checkpoints have them (`base_network.module.0.weight`,
            ..., `cross_attention.W_q.weight` or `.query.weight`, `classifier.3.bias`).

    Returns:
        The network in evaluation mode.

    Raises:
        BundleError: a key is missing, unknown, or has the wrong shape.
    """
    ours = _translated(state_dict)
    try:
        n_eeg = ours["eeg.layers.0.weight"].shape[1]
        n_eye = ours["eye.layers.0.weight"].shape[1]
        n_classes = ours["classifier.3.weight"].shape[0]
    except (KeyError, IndexError) as error:
        wanted = (
            "base_network.module.0.weight, base_network_eye.module.0.weight, classifier.3.weight"
        )
        raise BundleError(
            "official state dict: not the published network",
            got=f"not all of {wanted} as matrices among {len(state_dict)} entries",
            expected="base_network, base_network_eye, three attentions and a classifier",
        ) from error
    network = HaduaNetwork(n_eeg, n_eye, n_classes)
    _check(ours, network.state_dict())
    # The authors know no missing modality: ours is a token of zeros. Nor do they know time, and
    # with a single window the tables of age are empty.
    own = {name: torch.zeros_like(network.state_dict()[name]) for name in _OWN}
    network.load_state_dict({**ours, **own})
    return network.eval()


def _translated(state_dict: Mapping[str, ArrayLike]) -> dict[str, torch.Tensor]:
    ours: dict[str, torch.Tensor] = {}
    for key, value in state_dict.items():
        name = _translate(key)
        if name in ours:
            raise BundleError(
                "official state dict: one weight under two names",
                got=f"{key!r} beside its other name",
                expected="W_q, W_k, W_v, W_o or query, key, value, output, not both",
            )
        ours[name] = value.detach() if isinstance(value, torch.Tensor) else torch.tensor(value)
    return ours


def _theirs(key: str) -> str:
    for theirs, own in (*_ENCODERS.items(), *_ATTENTIONS.items()):
        if key.startswith(own):
            return theirs + key.removeprefix(own)
    return key


def _translate(key: str) -> str:
    for theirs, own in _ENCODERS.items():
        if key.startswith(theirs):
            return own + key.removeprefix(theirs)
    for theirs, own in _ATTENTIONS.items():
        if key.startswith(theirs):
            name, _, rest = key.removeprefix(theirs).partition(".")
            return f"{own}{_PROJECTIONS.get(name, name)}.{rest}"
    return key


def _check(got: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    missing = [k for k in expected if k not in got and k not in _OWN]
    unknown = [k for k in got if k not in expected or k in _OWN]
    if missing or unknown:
        raise BundleError(
            "official state dict: keys do not fit the published network",
            got=f"unknown {unknown[:3]}" if unknown else f"no {[_theirs(k) for k in missing[:3]]}",
            expected=f"the {len(expected) - len(_OWN)} keys of the published network",
        )
    for key, value in got.items():
        if value.shape != expected[key].shape:
            raise BundleError(
                f"official state dict: shape of {_theirs(key)!r}",
                got=str(tuple(value.shape)),
                expected=str(tuple(expected[key].shape)),
            )
        if not torch.isfinite(value).all():
            raise BundleError(
                f"official state dict: {_theirs(key)!r} holds a value that is not finite",
                hint="The training that produced it has diverged.",
            )
