"""What is imported, and what is said where something is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.bundles import make_bundle

from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import BundleError, RuntimeUnavailableError
from hadua.models.manifest import ONNX, TORCHSCRIPT, FilePart
from hadua.models.runtime import RuntimeName, load_runtime

SERVE = """
import sys
from pathlib import Path
import numpy as np
from hadua.models.bundle import load_bundle
from hadua.models.runtime import load_runtime
bundle = load_bundle(Path(sys.argv[1]))
zeros = (np.zeros((1, 3, 20), np.float32), np.zeros((1, 3, 33), np.float32))
load_runtime(bundle).logits(*zeros, np.ones((1, 3, 2), np.bool_))
heavy = ("torch", "scipy", "onnx", "safetensors", "asyncio")
sys.exit(", ".join(name for name in heavy if name in sys.modules) or 0)
"""


def test_serving_from_onnx_imports_no_torch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(make_bundle(tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "module", "hint"),
    [
        ("onnx", "onnxruntime", r'pip install "hadua\[cpu\]"'),
        ("torchscript", "torch", r"pip install torch==2\.13\.0"),
    ],
)
def test_a_runtime_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: RuntimeName, module: str, hint: str
) -> None:
    bundle = load_bundle(make_bundle(tmp_path))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RuntimeUnavailableError, match=f"is not installed.*{hint}"):
        load_runtime(bundle, name=name)


@pytest.mark.parametrize(("name", "file"), [("onnx", ONNX), ("torchscript", TORCHSCRIPT)])
def test_a_model_that_its_engine_refuses(tmp_path: Path, name: RuntimeName, file: str) -> None:
    bundle = _with(load_bundle(make_bundle(tmp_path)), file, b"\x3a\x00 no model of ours")
    with pytest.raises(BundleError, match=f"refuses '{file}'"):
        load_runtime(bundle, name=name)


def _with(bundle: Bundle, name: str, content: bytes) -> Bundle:
    """The bundle with one file changed behind the back of `load_bundle`'s own checks."""
    import dataclasses
    import hashlib

    (bundle.path / name).write_bytes(content)
    part = FilePart(size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    files = {**bundle.manifest.files, name: part}
    return dataclasses.replace(bundle, manifest=bundle.manifest.model_copy(update={"files": files}))
