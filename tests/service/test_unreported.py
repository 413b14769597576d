"""Nobody outside is told anything, and nothing is kept but in the folder of data."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from support.bundles import make_bundle
from support.serving import SERVE, process

from hadua.models.onnx_library import SWITCH, onnxruntime

ROOT = Path(__file__).parents[2]
IMPORTED = re.compile(r'^ *(import|from) onnxruntime\b|import_module\("onnxruntime', re.M)
INFER = """
import sys
from pathlib import Path
import numpy as np
from hadua.models.bundle import load_bundle
from hadua.models.runtime import load_runtime
zeros = (np.zeros((1, 3, 20), np.float32), np.zeros((1, 3, 33), np.float32))
load_runtime(load_bundle(Path(sys.argv[1]))).logits(*zeros, np.ones((1, 3, 2), np.bool_))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for processes, whose variables say nothing about reports."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"):
        monkeypatch.setenv(name, str(home))
    for name in (SWITCH, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home


def kept_in(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_an_inference_leaves_nothing_in_the_home_folder(tmp_path: Path, home: Path) -> None:
    bundle = str(make_bundle(tmp_path / "bundle"))  # which runs it here, and sets the switch
    own = {name: text for name, text in os.environ.items() if name != SWITCH}
    subprocess.run([sys.executable, "-c", INFER, bundle], check=True, timeout=60, env=own)
    assert kept_in(home) == []


def test_a_service_keeps_nothing_elsewhere_and_connects_to_nobody(home: Path) -> None:
    with process([*SERVE, "--demo", "--port", "0"]) as running:
        assert running.line().startswith("hadua is ready")
        served = psutil.Process(running.child.pid)
        remote = {
            connection.raddr.ip
            for one in (served, *served.children(recursive=True))
            for connection in one.net_connections("inet")
            if connection.raddr
        }
    assert remote <= {"127.0.0.1", "::1"}
    assert kept_in(home) == []


@pytest.mark.parametrize(("switch", "told"), [(None, 1), ("1", 1), ("0", 0)])
def test_whoever_wants_the_reports_may_have_them(
    monkeypatch: pytest.MonkeyPatch, switch: str | None, told: int
) -> None:
    library = Library()
    monkeypatch.setitem(sys.modules, "onnxruntime", library)
    monkeypatch.delenv(SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(SWITCH, switch)
    assert onnxruntime() is library
    assert library.told == told
    assert os.environ[SWITCH] == (switch or "1")


class Library(ModuleType):
    """In its place."""

    def __init__(self) -> None:
        super().__init__("onnxruntime")
        self.told = 0

    def disable_telemetry_events(self) -> None:
        self.told += 1


def test_nothing_gets_the_library_by_another_way() -> None:
    others = [
        str(path.relative_to(ROOT))
        for folder in ("adapters", "calibration", "models", "service", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if IMPORTED.search(path.read_text(encoding="utf-8"))
    ]
    # One of them for annotations, one for the classes of its errors once the library is there.
    assert sorted(others) == [
        "models/onnx_binding.py", "models/onnx_library.py", "models/onnx_runtime.py",
    ]  # fmt: skip
