"""Labelled windows in a bundle: they come back as they were, and nothing else passes for them."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save
from support.bundles import describe, make_bundle, random_network

from hadua.models.bundle import load_bundle
from hadua.models.check_set import MAX_WINDOWS, CheckSet, parse_check_set
from hadua.models.errors import BundleError
from hadua.models.export import export_bundle
from hadua.models.features import FeatureSpec, Modality

EEG = FeatureSpec(Modality.EEG, "test", 1, tuple("abcd"), 1.0, 0.5)


def check_set(n: int = 6) -> CheckSet:
    rng = np.random.default_rng(0)
    return CheckSet(
        rng.standard_normal((n, 4)).astype(np.float32),
        np.zeros((n, 0), np.float32),
        np.tile(np.array([True, False]), (n, 1)),
        np.arange(n) % 3,
        np.arange(n) // 3,
    )


def parse(content: bytes) -> CheckSet:
    return parse_check_set(content, n_eeg=4, n_eye=0, n_classes=3, where="file 'x'")


def test_a_bundle_carries_it(tmp_path: Path) -> None:
    bundle = export_bundle(
        random_network(4, 0),
        path=tmp_path / "bundle",
        description=describe([EEG], context=1),
        card="# Card\n",
        check_set=check_set(),
    )
    back = load_bundle(bundle.path).check_set()
    assert back is not None
    for field in fields(CheckSet):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(check_set(), field.name))
    assert back.to_bytes() == check_set().to_bytes()


def test_a_bundle_does_without(tmp_path: Path) -> None:
    assert load_bundle(make_bundle(tmp_path)).check_set() is None


def changed(**given: npt.NDArray[np.generic]) -> bytes:
    arrays = {f.name: getattr(check_set(), f.name) for f in fields(CheckSet)}
    return save({**arrays, **given})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a check set"),
        (b"\x80\x04pickle" * 9, "not a check set"),
        (save({"y": np.zeros(3, np.int64)}), "not a check set"),
        (changed(more=np.zeros(1)), "not a check set"),
        (changed(eeg=np.zeros((6, 5), np.float32)), r"shapes .*'eeg': \(\(6, 5\)"),
        (changed(eeg=np.zeros((6, 4))), "float64"),
        (changed(y=np.zeros((6, 1), np.int64)), "shapes of a check set"),
        (changed(y=np.full(6, 3)), "got classes 3 to 3, expected .* 0 to 2"),
        (changed(y=np.full(6, -1)), "got classes -1 to -1"),
        (changed(eeg=np.full((6, 4), np.nan, np.float32)), "got one that is not finite"),
        (changed(stretch=np.array([0, 1, 0, 1, 0, 1])), "do not stand together"),
        (replace(check_set(0)).to_bytes(), "1 to 4096 windows"),
        (check_set(MAX_WINDOWS + 3).to_bytes(), "1 to 4096 windows"),
    ],
)
def test_refuses_what_is_not_such_a_file(content: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=f"file 'x': .*{message}"):
        parse(content)
