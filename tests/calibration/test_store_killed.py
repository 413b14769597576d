"""Killed before every single step of every change: the last good profile is there each time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.bundles import make_bundle
from support.killed import KEEP, save
from support.profiles import PERSON, grow

from hadua.calibration.archive import export_participant
from hadua.calibration.profile_files import to_files
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, load_bundle

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
TIMEOUT_S = 120.0
LEAST_STEPS = {"save": 24, "roll_back": 6, "discard": 10, "delete": 4, "take_in": 24}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(make_bundle(tmp_path, eeg_channels=1))


def deaths(operation: str, template: ProfileStore, bundle: Bundle, tmp_path: Path) -> list[Path]:
    """What every death has left, and last what is left without one."""
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    arguments = operation, str(template.root), str(out), str(bundle.path)
    done = subprocess.run(
        [sys.executable, "-m", "support.killed", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    left = sorted(p for p in out.iterdir() if p.is_dir())
    assert len(left) >= LEAST_STEPS[operation]
    return left


@pytest.mark.parametrize(
    ("operation", "before", "after"),
    [("save", 3, 4), ("roll_back", 3, 2), ("discard", 3, 3)],
)
def test_the_last_good_profile_serves(
    operation: str, before: int, after: int, bundle: Bundle, tmp_path: Path
) -> None:
    template = ProfileStore(tmp_path / "template", keep=KEEP)
    grow(template, bundle, versions=3)
    known = {v: to_files(template.load(PERSON, v, bundle=bundle)) for v in (1, 2, 3)}

    served = []
    for root in deaths(operation, template, bundle, tmp_path):
        store = ProfileStore(root, keep=KEEP)
        store.recover()
        version = store.active_version(PERSON)
        served.append(version)
        profile = store.load_active(PERSON, bundle=bundle)
        assert profile is not None
        if version in known:
            assert to_files(profile) == known[version]
        assert store.history(PERSON).damaged == {}
        assert store.recover() == []
        save(store, bundle, root)  # and work goes on
        assert store.active_version(PERSON) > version

    assert sorted(set(served)) == sorted({before, after})
    assert served == sorted(served, reverse=after < before)  # the switch is at one step


def test_a_deleted_person_is_there_or_gone(bundle: Bundle, tmp_path: Path) -> None:
    template = ProfileStore(tmp_path / "template", keep=KEEP)
    grow(template, bundle, versions=2)

    there = []
    for root in deaths("delete", template, bundle, tmp_path):
        store = ProfileStore(root, keep=KEEP)
        store.recover()
        there.append(bool(store.participants()))
        if there[-1]:
            assert store.load_active(PERSON, bundle=bundle) is not None
        else:
            assert list(root.iterdir()) == []

    assert there == sorted(there, reverse=True)
    assert set(there) == {True, False}


def test_an_import_is_there_or_not(bundle: Bundle, tmp_path: Path) -> None:
    origin = ProfileStore(tmp_path / "origin")
    grow(origin, bundle, versions=2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "archive.zip").write_bytes(export_participant(origin, PERSON))
    template = ProfileStore(tmp_path / "template")
    grow(template, bundle, versions=1, participant="P02")

    there = []
    for root in deaths("take_in", template, bundle, tmp_path):
        store = ProfileStore(root, keep=KEEP)
        store.recover()
        there.append(PERSON in store.participants())
        if there[-1]:
            profile = store.load_active(PERSON, bundle=bundle)
            assert profile is not None
            assert profile.version == 2

    assert there == sorted(there)
    assert set(there) == {True, False}
