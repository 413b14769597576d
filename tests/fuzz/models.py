"""What a bundle holds: manifest, safetensors, ONNX, TorchScript, and all of it as one folder."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
from fuzz.containers import (
    files_damaged,
    named,
    protobuf_damaged,
    safetensors_damaged,
    unnamed,
    zip_damaged,
)
from fuzz.target import Feed, Target
from fuzz.trees import json_damaged
from safetensors.numpy import save

from hadua.models.bundle import MANIFEST, load_bundle
from hadua.models.check_set import CheckSet, parse_check_set
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, Modality
from hadua.models.manifest import (
    CARD,
    CHECK_SET,
    EMBEDDINGS,
    ONNX,
    TORCHSCRIPT,
    WEIGHTS,
    FilePart,
    Manifest,
    NormalisationPart,
    parse_manifest,
)
from hadua.models.onnx_guard import check_onnx
from hadua.models.source_statistics import FUSED_WIDTH, SourceStatistics, parse_source_statistics
from hadua.models.torchscript_guard import check_torchscript

N_EEG, N_EYE, N_CLASSES = 4, 3, 3
WHERE = "bundle file 'x'"


def onnx_model(*, branches: bool = False) -> bytes:
    """A small graph with a weight; with branches, one that our guard is to refuse."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    ones = numpy_helper.from_array(np.ones(3, np.float32))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"])]
    tensors = [weight]
    if branches:
        out = helper.make_tensor_value_info("c", TensorProto.FLOAT, (3,))
        constant = helper.make_node("Constant", [], ["c"], value=ones)
        branch = helper.make_graph([constant], "branch", [], [out])
        nodes.append(helper.make_node("If", ["f"], ["b"], then_branch=branch, else_branch=branch))
        tensors.append(numpy_helper.from_array(np.array(True), "f"))
    else:
        nodes.append(helper.make_node("Constant", [], ["b"], value=ones))
    nodes.append(helper.make_node("Add", ["h", "b"], ["y"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 4))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 3))
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
    return bytes(onnx.ModelProto.SerializeToString(model))


def torchscript_archive() -> bytes:
    """A zip with the members of a TorchScript file, and nothing to run."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (
            ("archive/data.pkl", b"\x80\x02}q\x00."),
            ("archive/code/__torch__.py", b"def forward(self, x):\n  return x\n"),
            ("archive/constants.pkl", b"\x80\x02)."),
            ("archive/constants/0", b"\0" * 64),
            ("archive/byteorder", b"little"),
            ("archive/version", b"3\n"),
        ):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def check_set() -> bytes:
    """Five windows in two stretches."""
    return CheckSet(
        eeg=np.ones((5, N_EEG), np.float32),
        eye=np.ones((5, N_EYE), np.float32),
        present=np.ones((5, 2), np.bool_),
        y=np.array([0, 1, 2, 1, 0]),
        stretch=np.array([0, 0, 0, 1, 1]),
    ).to_bytes()


def source_statistics() -> bytes:
    """Of one kernel and one feature."""
    return SourceStatistics(
        frequencies=np.ones((1, 1, FUSED_WIDTH), np.float32),
        bandwidth=np.ones(1, np.float32),
        centre=np.zeros(FUSED_WIDTH, np.float32),
        mean=np.full(2, 0.1, np.float32),
        class_means=np.full((N_CLASSES, 2), 0.1, np.float32),
        windows=np.full(N_CLASSES, 200),
        people=np.full(N_CLASSES, 9),
        consensus_eeg=np.zeros((N_EEG, N_CLASSES), np.float32),
        consensus_eye=np.zeros((N_EYE, N_CLASSES), np.float32),
    ).to_bytes()


def bundle_files() -> dict[str, bytes]:
    """A bundle as small as one can be, the manifest last."""
    specs = [
        FeatureSpec(Modality.EEG, "hadua-de", 1, tuple("abcd"), 1.0, 0.5),
        FeatureSpec(Modality.EYE, "hadua-eye", 1, tuple("efg"), 4.0, 0.5),
    ]
    contents = {
        WEIGHTS: save({"w": np.ones(4, np.float32)}),
        ONNX: onnx_model(),
        TORCHSCRIPT: torchscript_archive(),
        CARD: b"# card\n",
        EMBEDDINGS: source_statistics(),
        CHECK_SET: check_set(),
    }
    manifest = Manifest(
        name="fuzzed",
        version="0",
        classes=("negative", "neutral", "positive"),
        features={spec.modality: FeaturePart.of(spec) for spec in specs},
        normalisation={
            spec.modality: NormalisationPart(mean=(0.0,) * n, std=(1.0,) * n)
            for spec in specs
            for n in (len(spec.names),)
        },
        context=3,
        licence="CC0-1.0",
        provenance={"data": "none"},
        files={n: FilePart(size_bytes=len(c), sha256=_sha256(c)) for n, c in contents.items()},
    )
    return {**contents, MANIFEST: manifest.to_bytes()}


def sealed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The same with the sizes and hashes that its files have, as a liar would write them."""
    try:
        manifest = json.loads(files[MANIFEST])
        for name, part in manifest["files"].items():
            if name in files:
                part |= {"size_bytes": len(files[name]), "sha256": _sha256(files[name])}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return files
    with suppress(ValueError):
        return {**files, MANIFEST: json.dumps(manifest).encode("utf-8", "surrogatepass")}
    return files


def _bundle(folder: Path) -> Feed:
    place = folder / "bundle"
    place.mkdir()

    def feed(data: bytes) -> None:
        for path in place.iterdir():
            path.unlink()
        for name, content in sealed(unnamed(data)).items():
            if name in (MANIFEST, WEIGHTS, ONNX, TORCHSCRIPT, CARD, EMBEDDINGS, CHECK_SET):
                (place / name).write_bytes(content)
        load_bundle(place)

    return feed


def _manifest(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        parse_manifest(data, where="bundle 'x'")

    return feed


def _safetensors(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        if data[:2] == b"c:":
            parse_check_set(
                data[2:], n_eeg=N_EEG, n_eye=N_EYE, n_classes=N_CLASSES, where=WHERE
            )  # fmt: skip
        else:
            parse_source_statistics(data[2:], n_classes=N_CLASSES, where=WHERE)

    return feed


def _onnx(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        check_onnx(data, where=WHERE)

    return feed


def _torchscript(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        check_torchscript(data, where=WHERE)

    return feed


def _archive(numbers: Random, files: Sequence[bytes]) -> bytes:
    return zip_damaged(numbers, numbers.choice(files))


def _json(numbers: Random, files: Sequence[bytes]) -> bytes:
    return json_damaged(numbers, numbers.choice(files), files)


def _tensors(numbers: Random, files: Sequence[bytes]) -> bytes:
    chosen = numbers.choice(files)
    return chosen[:2] + safetensors_damaged(numbers, chosen[2:])


def _message(numbers: Random, files: Sequence[bytes]) -> bytes:
    return protobuf_damaged(numbers, numbers.choice(files))


def _files(numbers: Random, files: Sequence[bytes]) -> bytes:
    hows = {"json": json_damaged, "safetensors": safetensors_damaged, "onnx": protobuf_damaged}
    return files_damaged(numbers, numbers.choice(files), {**hows, "ts": zip_damaged})


def _bundles() -> list[bytes]:
    return [named(bundle_files())]


def _manifests() -> list[bytes]:
    return [bundle_files()[MANIFEST]]


def _tensor_files() -> list[bytes]:
    return [b"c:" + check_set(), b"s:" + source_statistics()]


def _graphs() -> list[bytes]:
    return [onnx_model(), onnx_model(branches=True)]


def _archives() -> list[bytes]:
    return [torchscript_archive()]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


TARGETS = (
    Target("bundle", "`load_bundle`: all files of a folder", _bundles, _files, _bundle),
    Target("manifest", "`parse_manifest`", _manifests, _json, _manifest),
    Target("safetensors", "check sets, source statistics", _tensor_files, _tensors, _safetensors),
    Target("onnx", "`check_onnx`", _graphs, _message, _onnx),
    Target("torchscript", "`check_torchscript`", _archives, _archive, _torchscript),
)
