import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hadua.models.errors import BundleError
from hadua.models.official import load_official

Arrays = dict[str, npt.NDArray[np.float32]]
_NEW_NAMES = {".W_q.": ".query.", ".W_k.": ".key.", ".W_v.": ".value.", ".W_o.": ".output."}


@pytest.fixture(scope="module")
def vectors() -> Arrays:
    path = Path(os.environ.get("HADUA_RECORDINGS", "")).parent / "vectors/official_c3_h16.npz"
    if not path.is_file():
        pytest.skip("the vectors of the authors' network are not beside HADUA_RECORDINGS")
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture
def weights(vectors: Arrays) -> Arrays:
    return {k.removeprefix("sd/"): v for k, v in vectors.items() if k.startswith("sd/")}


def renamed(weights: Arrays) -> Arrays:
    for old, new in _NEW_NAMES.items():
        weights = {k.replace(old, new): v for k, v in weights.items()}
    return weights


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("new_names", [False, True])
@pytest.mark.parametrize("tensors", [False, True])
def test_the_published_network_answers_as_its_authors_ran_it(
    vectors: Arrays, weights: Arrays, side: str, new_names: bool, tensors: bool
) -> None:
    given = renamed(weights) if new_names else weights
    network = load_official({k: torch.tensor(v) for k, v in given.items()} if tensors else given)
    x = torch.from_numpy(vectors[side][:, None])
    eeg, eye = x[..., :310], x[..., 310:]

    with torch.no_grad():
        fused, logits = network.fuse(eeg, eye).numpy(), network(eeg, eye).numpy()

    for got, expected in ((fused, f"fused_{side}"), (logits, f"logits_{side}")):
        wanted = vectors[expected]
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_a_missing_modality_has_one_answer(weights: Arrays) -> None:
    present = torch.zeros(1, 1, 2, dtype=torch.bool)
    x = torch.zeros(1, 1, 310), torch.zeros(1, 1, 33), present

    assert torch.equal(load_official(weights)(*x), load_official(weights)(*x))


def test_a_missing_weight_is_named_as_its_authors_call_it(weights: Arrays) -> None:
    del weights["base_network_eye.module.4.running_var"]
    with pytest.raises(BundleError, match=r"no \['base_network_eye\.module\.4\.running_var'\]"):
        load_official(weights)


def test_no_classifier_is_not_the_published_network(weights: Arrays) -> None:
    del weights["classifier.3.weight"]
    with pytest.raises(BundleError, match=r"not the published network.*classifier\.3\.weight"):
        load_official(weights)


@pytest.mark.parametrize("name", ["domain_head.0.weight", "eeg.mask_token"])
def test_an_unknown_weight_is_named(weights: Arrays, name: str) -> None:
    with pytest.raises(BundleError, match=f"unknown.*{name}"):
        load_official({**weights, name: np.zeros(64, np.float32)})


def test_a_weight_of_another_shape_is_named_with_both_shapes(weights: Arrays) -> None:
    weights["cross_attention.W_k.weight"] = np.zeros((64, 128), np.float32)
    with pytest.raises(
        BundleError, match=r"cross_attention.*got \(64, 128\), expected \(128, 64\)"
    ):
        load_official(weights)


def test_one_weight_under_both_names_is_refused(weights: Arrays) -> None:
    double = {**weights, "cross_attention.key.weight": weights["cross_attention.W_k.weight"]}
    with pytest.raises(BundleError, match="under two names"):
        load_official(double)


def test_a_diverged_training_is_refused(weights: Arrays) -> None:
    weights["classifier.0.bias"] = np.full(32, np.nan, np.float32)
    with pytest.raises(
        BundleError, match=r"'classifier\.0\.bias' holds a value that is not finite"
    ):
        load_official(weights)
