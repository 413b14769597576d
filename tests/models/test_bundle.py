import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.bundles import describe, make_bundle

from hadua.models.bundle import MANIFEST, demo_bundle_path, load_bundle, write_bundle
from hadua.models.errors import BundleError
from hadua.models.features import FeatureSpec, Modality, Smoothing
from hadua.models.manifest import CARD, ONNX, REQUIRED_FILES, TORCHSCRIPT, WEIGHTS, Manifest

Json = dict[str, object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, smoothing=Smoothing(q=0.01))


def rewrite(folder: Path, change: Callable[[Json], object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def test_a_bundle_says_what_it_eats(folder: Path) -> None:
    bundle = load_bundle(folder)

    assert bundle.classes == ("negative", "neutral", "positive")
    eeg = bundle.specs[Modality.EEG]
    assert (eeg.label, eeg.names[:2], eeg.smoothing) == (
        "hadua-de/1",
        ("TP9:delta", "TP9:theta"),
        Smoothing(q=0.01),
    )
    assert bundle.width(Modality.EYE) == len(bundle.specs[Modality.EYE].names) == 33
    assert bundle.hop_s == 0.5
    mean = bundle.normalisation[Modality.EEG].mean
    assert not mean.flags.writeable
    np.testing.assert_allclose(mean, np.linspace(-0.5, 0.5, 20))


def test_the_id_is_the_name_and_the_hash_of_everything(tmp_path: Path) -> None:
    a = load_bundle(make_bundle(tmp_path / "a", seed=1))
    b = load_bundle(make_bundle(tmp_path / "b", seed=2))

    assert a.id == f"random@{a.digest[:12]}"
    assert a.digest != b.digest


def test_normalisation_gives_zero_and_one(folder: Path) -> None:
    n = load_bundle(folder).normalisation[Modality.EYE]
    np.testing.assert_allclose(n.apply(np.stack((n.mean, n.mean + n.std)))[:, 0], (0.0, 1.0))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere.*got nothing at this path"):
        load_bundle(tmp_path / "nowhere")


def test_a_file_instead_of_its_folder(folder: Path) -> None:
    with pytest.raises(BundleError, match="got a file, expected the folder"):
        load_bundle(folder / ONNX)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"a folder without manifest\.json"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_changed_byte_names_both_hashes(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    recorded = json.loads((folder / MANIFEST).read_bytes())["files"][name]["sha256"]

    with pytest.raises(BundleError, match=rf"{name}.*got .*sha256 \w{{64}}.*sha256 {recorded}"):
        load_bundle(folder)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_truncated_file_names_both_sizes(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:10])
    with pytest.raises(BundleError, match=rf"{name}.*got 10 bytes.*expected {len(content)} bytes"):
        load_bundle(folder)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf"{name}.*no such file"):
        load_bundle(folder)


def _set(*path: str | int, to: object) -> Callable[[Json], object]:
    def change(manifest: Json) -> None:
        at: object = manifest
        for key in path[:-1]:
            at = at[key]  # type: ignore[index]
        at[path[-1]] = to  # type: ignore[index]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("format_version", to=2), r"format_version"),
        (_set("surprise", to=1), r"surprise"),
        (_set("classes", to=["a", "b", "a"]), r"class names are not unique: a, b, a"),
        (_set("classes", to=["a"]), r"classes"),
        (_set("context", to=0), r"context"),
        (_set("context", to=2), r"context: .*with 2 windows.*expected 1, or 3 and more"),
        (_set("temperature", to=0.0), r"temperature"),
        (_set("abstain_below", to=1.5), r"abstain_below"),
        (_set("name", to="../up"), r"name"),
        (_set("min_coverage", to={"eeg": 0.8}), r"min_coverage for eye is missing"),
        (_set("normalisation", "eeg", "mean", 3, to=float("nan")), r"normalisation\.eeg\.mean\.3"),
        (_set("normalisation", "eeg", "std", 3, to=0.0), r"normalisation\.eeg\.std\.3"),
        (_set("normalisation", "eye", "mean", to=[1.0]), r"1 means and 33 standard .* 33 features"),
        (_set("normalisation", to={}), r"normalisation for eeg is missing"),
        (_set("features", "eeg", "hop_s", to=0.25), r"different hop_s"),
        (_set("features", "eeg", "names", to=["a", "a"]), r"2 names, 1 distinct"),
        (_set("files", "../../etc/passwd", to={"size_bytes": 1, "sha256": "0" * 64}), r"files"),
        (lambda m: m["files"].pop(CARD), r"files does not name card\.md"),
    ],
)
def test_a_manifest_that_cannot_be_right(
    folder: Path, change: Callable[[Json], object], message: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(BundleError, match=rf"the manifest is not valid.*{message}"):
        load_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_manifest_that_is_no_manifest(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match="the manifest is not valid"):
        load_bundle(folder)


def test_a_file_beyond_the_cap_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hadua.models.bundle.MAX_FILE_BYTES", 1000)
    with pytest.raises(BundleError, match=r"too large: got \d+ bytes, expected 1000 at most"):
        load_bundle(folder)


def test_a_file_the_manifest_does_not_name(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"has no file 'other\.onnx'"):
        load_bundle(folder).read("other.onnx")


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (WEIGHTS, ONNX, TORCHSCRIPT, CARD)}


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    manifest = load_bundle(folder).manifest
    again = write_bundle(tmp_path / "again", description=manifest, contents=_contents(folder))

    assert (again.path / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()
    assert Manifest.model_validate_json(manifest.to_bytes()) == manifest


def test_writing_is_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    broken = {**_contents(folder), ONNX: b"not a model"}
    with pytest.raises(BundleError, match="not an ONNX model"):
        write_bundle(tmp_path / "broken", description=load_bundle(folder).manifest, contents=broken)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle"]


def test_what_is_there_does_not_give_way_unasked(folder: Path) -> None:
    with pytest.raises(BundleError, match="got another bundle there, expected a path that is free"):
        write_bundle(folder, description=load_bundle(folder).manifest, contents=_contents(folder))


def test_replacing_keeps_what_is_not_the_bundles(folder: Path) -> None:
    (folder / "__init__.py").write_text("", encoding="utf-8")
    old = load_bundle(folder)
    new = {**_contents(folder), CARD: b"# Another card"}

    bundle = write_bundle(folder, description=old.manifest, contents=new, replace=True)

    assert (folder / "__init__.py").is_file()
    assert bundle.read(CARD) == b"# Another card"
    assert bundle.digest != old.digest


def test_specs_survive_the_manifest() -> None:
    spec = FeatureSpec(Modality.EEG, "other", 3, ("a", "é"), 2.0, 0.5, Smoothing(0.1, 0.2, 0.3))
    part = describe([spec]).features[Modality.EEG]
    assert part.spec(Modality.EEG) == spec


def test_the_demo_bundle_lies_in_the_package() -> None:
    assert (demo_bundle_path() / "__init__.py").is_file()
