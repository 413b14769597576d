"""Source statistics in a bundle: they come back as they were, and nothing else passes for them."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save
from support.bundles import describe, make_bundle, random_network

from hadua.models.bundle import Bundle, load_bundle, write_bundle
from hadua.models.errors import BundleError
from hadua.models.export import export_bundle
from hadua.models.features import FeatureSpec, Modality
from hadua.models.manifest import EMBEDDINGS, REQUIRED_FILES
from hadua.models.network import FUSED_WIDTH as NETWORK_WIDTH
from hadua.models.source_statistics import (
    FUSED_WIDTH,
    MIN_PEOPLE,
    MIN_WINDOWS,
    SourceStatistics,
    parse_source_statistics,
)

Arrays = dict[str, npt.NDArray[np.generic]]
EEG = FeatureSpec(Modality.EEG, "test", 1, tuple("abcd"), 1.0, 0.5)
KERNELS, FEATURES, CLASSES = 5, 2, 3


def statistics() -> SourceStatistics:
    rng = np.random.default_rng(0)
    dimension = 2 * KERNELS * FEATURES

    def normal(*shape: int, scale: float = 1.0) -> npt.NDArray[np.float32]:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    return SourceStatistics(
        frequencies=normal(KERNELS, FEATURES, FUSED_WIDTH),
        bandwidth=np.array([3.5], np.float32),
        centre=normal(FUSED_WIDTH),
        mean=normal(dimension, scale=0.05),
        class_means=normal(CLASSES, dimension, scale=0.05),
        windows=np.array([200, MIN_WINDOWS, 300]),
        people=np.array([9, MIN_PEOPLE, 9]),
        consensus_eeg=normal(4, CLASSES),
        consensus_eye=normal(0, CLASSES),
    )


def arrays() -> Arrays:
    s = statistics()
    return {f.name: getattr(s, f.name) for f in dataclasses.fields(s)}


def changed(**given: npt.NDArray[np.generic]) -> bytes:
    return save({**arrays(), **given})


def parse(content: bytes) -> SourceStatistics:
    return parse_source_statistics(content, n_classes=CLASSES, where="file 'x'")


def exported(path: Path, given: SourceStatistics | None) -> Bundle:
    return export_bundle(
        random_network(4, 0),
        path=path,
        description=describe([EEG], context=1),
        card="# Card\n",
        source_statistics=given,
    )


def test_the_width_is_the_networks() -> None:
    assert FUSED_WIDTH == NETWORK_WIDTH


def test_a_bundle_carries_them(tmp_path: Path) -> None:
    bundle = exported(tmp_path / "bundle", statistics())

    back = load_bundle(bundle.path).source_statistics()
    assert bundle.manifest.source_free
    assert back is not None
    for name, value in arrays().items():
        np.testing.assert_array_equal(getattr(back, name), value)


def test_a_bundle_does_without(tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path, context=1))
    assert not bundle.manifest.source_free
    assert bundle.source_statistics() is None
    assert bundle.manifest.data_licence == ""


def test_a_bundle_that_replaces_one_leaves_none_behind(tmp_path: Path) -> None:
    old = exported(tmp_path / "bundle", statistics())
    contents = {name: old.read(name) for name in REQUIRED_FILES}
    new = write_bundle(old.path, description=old.manifest, contents=contents, replace=True)
    assert not new.manifest.source_free
    assert not (new.path / EMBEDDINGS).exists()


def test_statistics_without_a_consensus_are_stored_as_they_always_were() -> None:
    old = {n: a for n, a in arrays().items() if n not in SourceStatistics.OPTIONAL}

    back = parse(save(old))

    assert not back.has_consensus
    assert statistics().has_consensus
    assert back.to_bytes() == save(old)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    bundle = exported(tmp_path / "bundle", statistics())
    content = bytearray((bundle.path / EMBEDDINGS).read_bytes())
    content[-1] ^= 1
    (bundle.path / EMBEDDINGS).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{EMBEDDINGS}.*not the file its manifest names"):
        load_bundle(bundle.path)


def test_nothing_is_written_of_statistics_that_no_bundle_may_carry(tmp_path: Path) -> None:
    few = dataclasses.replace(statistics(), windows=np.array([200, 200, 99]))
    with pytest.raises(BundleError, match=r"too few windows .*class 2: got 99, expected 100"):
        exported(tmp_path / "bundle", few)
    assert list(tmp_path.iterdir()) == []


def test_the_same_statistics_give_the_same_bytes() -> None:
    assert statistics().to_bytes() == statistics().to_bytes() == parse(changed()).to_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a safetensors file"),
        (b"\x80\x04pickle" * 9, "not a safetensors file"),
        (save({"mean": np.zeros(3, np.float32)}), "other arrays .*got mean float32, expected band"),
        (
            save({n: a for n, a in arrays().items() if n != "consensus_eye"}),
            "other arrays .*expected .*consensus_eye float32",
        ),
        (
            changed(consensus_eeg=np.zeros((4, 2), np.float32)),
            r"'consensus_eeg': got \(4, 2\), expected \(4, 3\)",
        ),
        (changed(more=np.zeros(1, np.float32)), "got .*more float32"),
        (changed(windows=np.ones(3, np.float32)), "got .*windows float32"),
        (changed(centre=np.full(FUSED_WIDTH, np.nan, np.float32)), "'centre' holds .*not finite"),
        (changed(mean=np.full(20, np.inf, np.float32)), "'mean' holds .*not finite"),
        (changed(bandwidth=np.zeros(1, np.float32)), "bandwidth: got 0, expected above 0"),
        (changed(centre=np.zeros(5, np.float32)), r"'centre': got \(5,\), expected \(384,\)"),
        (
            changed(class_means=np.zeros((2, 20), np.float32)),
            r"'class_means': got \(2, 20\), expected \(3, 20\)",
        ),
        (changed(frequencies=np.zeros((5, 384), np.float32)), r"'frequencies': got \(5, 384\)"),
        (
            changed(frequencies=np.zeros((5, 0, 384), np.float32)),
            r"'frequencies': got \(5, 0, 384\)",
        ),
        (changed(mean=np.full(20, 2.0, np.float32)), "no mean of random Fourier features: got .*4"),
        (changed(people=np.array([3, 2, 3])), "too few people .*class 1: got 2, expected 3"),
        (changed(people=np.array([3, 101, 3])), "more people than windows"),
    ],
)
def test_refuses_what_is_not_such_a_file(content: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=f"file 'x': .*{message}"):
        parse(content)
