import hashlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from support.evaluations import origin

from hadua.models.errors import InvalidInputError
from hadua.service.evaluation.provenance import (
    DataOrigin,
    git_revision,
    plain,
    provenance,
    sha256_of,
    versions,
)

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Mode(StrEnum):
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Settings:
    rates: tuple[float, ...]
    mode: Mode


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the one file `package/a.py` in its one commit."""
    folder = tmp_path / "checkout" / "package"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("1\n", encoding="utf-8")
    git(folder.parent, "init", "-q")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "-q", "-m", "first")
    return folder.parent


@needs_git
def test_a_change_in_the_tree_shows_in_the_revision(checkout: Path) -> None:
    clean = git_revision(checkout / "package")
    (checkout / "package" / "a.py").write_text("2\n", encoding="utf-8")

    assert clean is not None
    assert len(clean) == 40
    assert git_revision(checkout / "package") == f"{clean}-dirty"


@needs_git
def test_a_new_file_in_the_tree_shows_as_well(checkout: Path) -> None:
    (checkout / "b.py").write_text("2\n", encoding="utf-8")

    assert (git_revision(checkout / "package") or "").endswith("-dirty")


@needs_git
def test_a_package_installed_below_another_checkout_has_no_revision(checkout: Path) -> None:
    installed = checkout / "venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "a.py").write_text("1\n", encoding="utf-8")

    assert git_revision(installed) is None


def test_no_checkout_is_no_error(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None


def test_no_git_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git_revision(Path(__file__).parent) is None


def test_versions_name_what_is_not_there_too() -> None:
    found = versions()

    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert {"hadua", "torch", "scipy"} <= set(found)


def test_it_says_when_and_with_what() -> None:
    found = origin(rates=(0.1, 0.2), n=np.int64(3))

    assert found.started == "2026-03-01T12:30:00+00:00"
    assert found.methods["ours"] == {"rates": [0.1, 0.2], "n": 3}
    assert found.features[0].definition == "de-hann/1"
    assert (found.features[0].window_s, found.features[0].hop_s) == (4.0, 1.0)


def test_settings_become_what_json_holds() -> None:
    found = plain({"a": Settings((1.0, 0.5), Mode.FAST), "b": None, "c": True}, where="x")

    assert found == {"a": {"rates": [1.0, 0.5], "mode": "fast"}, "b": None, "c": True}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"lr": [float("inf")]}, r"setting 'ours.lr\[0\]': got inf"),
        ({"data": b"x"}, "setting 'ours.data': got a bytes"),
    ],
)
def test_a_setting_that_no_file_can_hold_is_refused(value: object, what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        plain(value, where="ours")


def test_a_start_without_its_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="expected a time zone"):
        provenance(
            started=datetime(2026, 3, 1),  # noqa: DTZ001
            command=(),
            seeds=(),
            data=DataOrigin("x", {}, None),
            specs=(),
            protocol="",
            methods={},
        )


def test_files_are_hashed_by_their_path_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.mat").write_bytes(b"two")
    (tmp_path / "1.mat").write_bytes(b"")

    found = sha256_of([tmp_path / "b" / "2.mat", tmp_path / "1.mat"], root=tmp_path)

    assert list(found) == ["1.mat", "b/2.mat"]
    assert found["b/2.mat"] == hashlib.sha256(b"two").hexdigest()
