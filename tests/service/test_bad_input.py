"""What cannot be served ends in one message: what, where, got, expected, what to try."""

import hashlib
import json
import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import onnxruntime as ort
import pytest
from support.bundles import make_bundle
from support.refusals import has_all, refusal, refusal_of_process
from support.serving import serving

FILES = ("weights.safetensors", "model.onnx", "model.ts", "card.md")


def rewrite(folder: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Change the manifest of a bundle."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_a_file_of_a_bundle(name: str, tmp_path: Path) -> None:
    file = make_bundle(tmp_path) / name
    content = bytearray(file.read_bytes())
    expected = hashlib.sha256(content).hexdigest()
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    message = refusal_of_process(1, "--bundle", str(file.parent))
    got = hashlib.sha256(content).hexdigest()
    has_all(message, repr(str(file)), got, "expected", expected, "Copy the bundle again")


def other_version(manifest: dict[str, dict[str, object]]) -> None:
    manifest["features"]["eeg"] |= {"version": 2}  # type: ignore[operator]


def other_definition(manifest: dict[str, dict[str, object]]) -> None:
    manifest["features"]["eeg"] |= {"definition": "seed-de-lds"}  # type: ignore[operator]


def other_eye_version(manifest: dict[str, dict[str, object]]) -> None:
    manifest["features"]["eye"] |= {"version": 7}  # type: ignore[operator]


def other_eye_name(manifest: dict[str, dict[str, object]]) -> None:
    names = manifest["features"]["eye"]["names"]  # type: ignore[index]
    names[0] = "pupil_mood"


def fewer_classes(manifest: dict[str, object]) -> None:
    manifest["classes"] = ["negative", "positive"]


def one_channel_less(manifest: dict[str, dict[str, dict[str, list[object]]]]) -> None:
    del manifest["features"]["eeg"]["names"][-5:]
    del manifest["normalisation"]["eeg"]["mean"][-5:]
    del manifest["normalisation"]["eeg"]["std"][-5:]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (other_version, ("eeg features", "got hadua-de/2", "expected hadua-de/1", "bundle")),
        (other_definition, ("eeg features", "got seed-de-lds/1", "expected hadua-de/1", "future")),
        (other_eye_version, ("eye features", "got hadua-eye/7", "expected hadua-eye/1", "bundle")),
        (other_eye_name, ("'pupil_mood'", "expected 'pupil_left_mean_mm'", "bundle")),
    ],
)
def test_a_bundle_of_other_features_is_refused_at_the_start(
    change: Callable[[dict[str, dict[str, object]]], None], parts: tuple[str, ...], tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path)
    rewrite(bundle, change)
    has_all(refusal(1, "--port", "0", "--bundle", str(bundle)), repr(str(bundle)), *parts)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (fewer_classes, ("got logits", "expected 2 finite ones, for negative, positive", "Export")),
        (one_channel_less, ("cannot run 'model.onnx'", "got", "Expected: 20", "Export")),
    ],
)
def test_a_manifest_of_another_network_is_refused_at_the_start(
    change: Callable[..., None], parts: tuple[str, ...], tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path)
    rewrite(bundle, change)
    has_all(refusal_of_process(1, "--bundle", str(bundle)), repr(str(bundle)), *parts)


def remove_a_file(bundle: Path) -> Path:
    (bundle / "model.onnx").unlink()
    return bundle


def cut_the_manifest(bundle: Path) -> Path:
    content = (bundle / "manifest.json").read_bytes()
    (bundle / "manifest.json").write_bytes(content[: len(content) // 2])
    return bundle


def drop_the_manifest(bundle: Path) -> Path:
    (bundle / "manifest.json").unlink()
    return bundle


@pytest.mark.parametrize(
    ("break_it", "parts"),
    [
        (remove_a_file, ("model.onnx'", "got no such file", "expected", "bytes", "Copy")),
        (cut_the_manifest, ("manifest is not valid", "Invalid JSON", "expected", "Export")),
        (drop_the_manifest, ("got a folder without manifest.json", "expected a bundle", "Copy")),
        (lambda bundle: bundle / "model.onnx", ("got a file", "expected the folder", "Give")),
        (lambda bundle: bundle / "nowhere", ("got nothing at this path", "expected a folder")),
    ],
)
def test_a_bundle_that_is_not_whole(
    break_it: Callable[[Path], Path], parts: tuple[str, ...], tmp_path: Path
) -> None:
    path = break_it(make_bundle(tmp_path))
    has_all(refusal(1, "--port", "0", "--bundle", str(path)), str(path), *parts)


class Unpickled:
    """Leaves a mark if anything unpickles it."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self._mark),)


@pytest.mark.parametrize("name", ["model.ts", "model.onnx"])
def test_a_pickle_by_the_name_of_a_model_is_refused_and_not_run(name: str, tmp_path: Path) -> None:
    bundle, mark = make_bundle(tmp_path), tmp_path / "unpickled"
    content = pickle.dumps(Unpickled(mark))
    part = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (bundle / name).write_bytes(content)
    rewrite(bundle, lambda manifest: manifest["files"].update({name: part}))
    message = refusal_of_process(1, "--runtime", "torchscript", "--bundle", str(bundle))
    has_all(message, str(bundle), name)
    assert not mark.exists()


def test_a_port_in_use_is_the_first_thing_that_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal(1, "--port", str(port), "--eeg", "foo:bar", "--bundle", "/nowhere")
    has_all(message, f"port {port}", "got Address already in use", "expected a free port", "--port")


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (("--nonsense",), ("No such option: --nonsense",)),
        (("--port", "99999"), ("--port: got 99999", "expected", "65535")),
        (("--runtime", "foo"), ("--runtime: got 'foo'", "expected 'onnx' or 'torchscript'")),
        (("--device", "tpu"), ("--device: got 'tpu'", "expected 'auto', 'cpu' or 'cuda'")),
        (("--wait-s", "nan"), ("--wait-s: got nan", "expected a finite number")),
        (("--participant", "../x"), ("--participant: got '../x'", "expected 1 to 64 letters")),
        (("--port", "0", "--eeg", "foo:bar"), ("'foo:bar'", "got the scheme 'foo'", "lsl:")),
        (("--port", "0", "--eeg", "LSL:type=EEG"), ("got the scheme 'LSL'", "in lower case")),
        (("--port", "0", "--eeg", '"lsl:type=EEG"'), ("expected one of lsl:", "without quotes")),
        (("--port", "0", "--eeg", r"C:\me\rec.xdf"), ("got the scheme 'C'", "'file:PATH'")),
        (("--port", "0", "--eeg", ""), ("source ''", "got no scheme", "expected one of lsl:")),
        (("--demo", "--cluster", "pool"), ("--cluster: got 'pool'", "as http://pool:8000")),
        (("--demo", "--eeg", "sim:"), ("got --eeg 'sim:'", "expected either --demo or streams")),
    ],
)
def test_bad_usage_ends_with_2_and_names_the_flag(
    flags: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    has_all(refusal(2, *flags), *parts)


def test_bad_settings_from_elsewhere_name_where_they_come_from(tmp_path: Path) -> None:
    message = refusal(2, HADUA_PORT="abc")
    has_all(message, "'port': got 'abc'", "expected a valid integer", "HADUA_PORT")
    config = tmp_path / "hadua.toml"
    config.write_text('eg = "lsl:type=EEG"\n', encoding="utf-8")
    message = refusal(2, "--config", str(config))
    has_all(message, "unknown setting 'eg'", "docs/settings.md", "misspelt")


def test_a_device_that_is_not_there_is_found_before_a_stream_is_waited_for() -> None:
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this machine has CUDA")
    flags = ("--eeg", "lsl:name=nobody", "--wait-s", "600", "--device", "cuda")
    message = refusal_of_process(1, *flags)
    has_all(message, "'cuda' is not there", "got", "expected CUDA", "hadua[gpu]", "--device cpu")


def test_the_other_runtime_serves(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, eye=False)
    windows = {"definition": "hadua-de", "version": 1, "values": [[[1.0] * 20]]}
    with serving("--bundle", str(bundle), "--runtime", "torchscript") as (process, url):
        answer = httpx.post(f"{url}/api/v1/predict", json={"eeg": windows}).json()
    assert sum(answer["probabilities"][0]) == pytest.approx(1.0)
    assert not [line for line in process.errors if "Traceback" in line]
