import io
import os
import sys
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from support.bundles import describe, make_bundle, random_network

from hadua.models import export
from hadua.models.bundle import MANIFEST, Bundle, load_bundle
from hadua.models.errors import BundleError
from hadua.models.export import export_bundle, load_network
from hadua.models.features import FeatureSpec, Modality
from hadua.models.folded import Folded, fold
from hadua.models.manifest import ONNX, TORCHSCRIPT, WEIGHTS
from hadua.models.network import HaduaNetwork

EEG = FeatureSpec(Modality.EEG, "test", 1, tuple("abcd"), 1.0, 0.5)
EYE = FeatureSpec(Modality.EYE, "test", 1, tuple("xyz"), 4.0, 0.5)


def written(path: Path, network: HaduaNetwork) -> Bundle:
    specs = [s for s, n in ((EEG, network.n_eeg), (EYE, network.n_eye)) if n]
    description = describe(specs, context=network.context)
    return export_bundle(network, path=path, description=description, card="# Card\n")


@pytest.mark.parametrize("context", [1, 4])
def test_the_same_network_gives_the_same_bytes(tmp_path: Path, context: int) -> None:
    a, b = (written(tmp_path / name, random_network(4, 3, context=context)) for name in "ab")
    for name in (*a.manifest.files, MANIFEST):
        assert (a.path / name).read_bytes() == (b.path / name).read_bytes(), name


def test_the_bytes_do_not_tell_who_exported(tmp_path: Path) -> None:
    """A program of another name and line, as after any change to a caller's source."""
    source = "\n" * 40 + "bundle = written(path, network)"
    here = written(tmp_path / "here", random_network(4, 3, context=4))
    names = {"written": written, "path": tmp_path / "b", "network": random_network(4, 3, context=4)}

    exec(compile(source, "another_program.py", "exec"), names)

    for name in (*here.manifest.files, MANIFEST):
        assert (tmp_path / "b" / name).read_bytes() == (here.path / name).read_bytes(), name


def test_the_weights_come_back_exactly(tmp_path: Path) -> None:
    network = random_network(4, 3, context=4, seed=7)
    back = load_network(written(tmp_path / "bundle", network))

    assert not back.training
    for name, value in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("n_eeg", "n_eye", "names"), [(4, 3, "eeg eye"), (4, 0, "eeg"), (0, 3, "eye")]
)
def test_onnx_has_the_inputs_of_its_modalities(
    tmp_path: Path, n_eeg: int, n_eye: int, names: str
) -> None:
    bundle = written(tmp_path / "bundle", random_network(n_eeg, n_eye, context=4))
    model = onnx.load_from_string(bundle.read(ONNX))

    assert [i.name for i in model.graph.input] == [*names.split(), "present"]
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 23)]
    assert all(
        [d.dim_param for d in i.type.tensor_type.shape.dim][:2] == ["batch", "time"]
        for i in model.graph.input
    )


@pytest.mark.parametrize("context", [1, 4])
def test_no_path_of_this_machine_is_inside(tmp_path: Path, context: int) -> None:
    bundle = written(tmp_path / "bundle", random_network(4, 3, context=context))
    traces = {str(Path.home()), sys.prefix, str(Path(export.__file__).parent), str(Path.cwd())}
    archive = zipfile.ZipFile(io.BytesIO(bundle.read(TORCHSCRIPT)))
    contents = [archive.read(n) for n in archive.namelist()]
    contents += [bundle.read(name) for name in bundle.manifest.files]

    for trace in (
        *(t for t in traces if len(t) > 4),
        "site-packages",
        "export.py",
        "folded.py",
        ".debug_pkl",
    ):
        assert not any(os.fsencode(trace) in content for content in contents), trace


def test_network_and_manifest_must_agree(tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match=r"got a network of \(4, 3, 3, 3\), expected \(4, 3, 3, 5\)"
    ):
        export_bundle(
            random_network(4, 3, context=3),
            path=tmp_path / "bundle",
            description=describe([EEG, EYE], context=5),
            card="",
        )


def test_a_weight_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    network = random_network(4, 3)
    network.state_dict()["classifier.0.bias"][3] = float("inf")
    with pytest.raises(
        BundleError, match=r"'classifier\.0\.bias' holds a value that is not finite"
    ):
        written(tmp_path / "bundle", network)


@pytest.mark.parametrize("context", [1, 4])
def test_an_export_that_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: int
) -> None:
    def nearly(network: HaduaNetwork) -> Folded:
        folded = fold(network)
        with torch.no_grad():
            folded.eye.mask.add_(1e-2)
        return folded

    monkeypatch.setattr(export, "fold", nearly)
    with pytest.raises(BundleError, match="differs from the network"):
        written(tmp_path / "bundle", random_network(4, 3, context=context))
    assert list(tmp_path.iterdir()) == []


def test_exporting_does_not_change_the_network(tmp_path: Path) -> None:
    network = random_network(4, 3, context=4).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}

    written(tmp_path / "bundle", network)

    assert network.training
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    ours = load_bundle(make_bundle(tmp_path / "a", context=1))
    other = load_bundle(make_bundle(tmp_path / "b", context=4))
    (ours.path / WEIGHTS).write_bytes(other.read(WEIGHTS))
    files = {**ours.manifest.files, WEIGHTS: other.manifest.files[WEIGHTS]}
    manifest = ours.manifest.model_copy(update={"files": files})
    (ours.path / MANIFEST).write_bytes(manifest.to_bytes())

    with pytest.raises(BundleError, match=r"'weights\.safetensors' does not fit the manifest"):
        load_network(load_bundle(ours.path))
