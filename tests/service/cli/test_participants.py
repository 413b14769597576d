"""`hadua participants`, `backup` and `restore` as somebody types them."""

import json
from pathlib import Path

import pytest
from support.profiles import grow
from typer.testing import CliRunner

from hadua.calibration.store import ProfileStore
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.service.cli.main import build
from hadua.service.person_data import PROFILES


class Typed:
    """Types commands about one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, code: int = 0, answer: str | None = None) -> str:
        command = [*words, "--data-dir", str(self.folder)]
        done = CliRunner().invoke(build(command), command, input=answer)
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    folder = tmp_path / "data"
    folder.mkdir()
    return Typed(folder)


def test_from_consent_to_erasure(typed: Typed, tmp_path: Path) -> None:
    typed("participants", "consent", "P01", "--notice", "notice/1", "--by", "anna")
    typed("participants", "enter", "P02")
    bundle = load_bundle(demo_bundle_path())
    grow(ProfileStore(typed.folder / PROFILES), bundle, versions=2, participant="P01")

    rows = json.loads(typed("participants", "list", "--json"))
    shown = json.loads(typed("participants", "show", "P01", "--json"))
    typed("participants", "roll-back", "P01", "--to", "1", "--reason", "worse than before")
    rolled = json.loads(typed("participants", "show", "P01", "--json"))
    typed("participants", "withdraw", "P01")
    lines = typed("participants", "list")
    typed("participants", "export", "P01", str(tmp_path / "p01.zip"))
    typed("participants", "export-profiles", "P01", str(tmp_path / "profiles.zip"))
    typed("participants", "erase", "P01", answer="n\n", code=1)
    erased = typed("participants", "erase", "P01", "--yes")
    typed("participants", "import-profiles", str(tmp_path / "profiles.zip"))

    assert rows == [
        {"id": "P01", "consent": True, "sessions": 0, "profile": 2},
        {"id": "P02", "consent": False, "sessions": 0, "profile": 0},
    ]
    assert shown["profile"]["versions"] == [1, 2]
    assert rolled["profile"]["active"] == 1
    assert rolled["profile"]["events"][-1]["reason"] == "worse than before"
    assert "no consent" in lines.splitlines()[0]
    assert (tmp_path / "p01.zip").stat().st_size > 0
    assert "1 consents, 2 profiles" in erased
    assert (typed.folder / PROFILES / "P01").is_dir()


def test_a_consent_may_come_before_the_first_start(tmp_path: Path) -> None:
    nowhere = Typed(tmp_path / "not yet")

    said = nowhere("participants", "consent", "P01", "--notice", "notice/1", "--by", "anna")

    assert said == f"The consent of P01 is on record in {str(nowhere.folder)!r}.\n"
    assert "P01" in nowhere("participants", "list")


def test_a_damaged_profile_hides_nobody_else_and_is_mended_by_what_is_said(typed: Typed) -> None:
    for person in ("P01", "P02"):
        typed("participants", "enter", person)
    bundle = load_bundle(demo_bundle_path())
    grow(ProfileStore(typed.folder / PROFILES), bundle, versions=2, participant="P01")
    (typed.folder / PROFILES / "P01" / "active.json").write_text("{")

    rows = json.loads(typed("participants", "list", "--json"))
    lines = typed("participants", "list")
    shown = typed("participants", "show", "P01", code=1)
    typed("participants", "roll-back", "P01", "--to", "2")
    mended = json.loads(typed("participants", "list", "--json"))

    assert [row["profile"] for row in rows] == [None, 0]
    assert "profile damaged" in lines
    assert "Invalid JSON" in shown
    assert "hadua participants roll-back P01 --to NUMBER" in shown
    assert [row["profile"] for row in mended] == [2, 0]


def test_what_is_wrong_is_said(typed: Typed, tmp_path: Path) -> None:
    assert "No participant is entered" in typed("participants", "list")
    assert "no participant 'P09'" in typed("participants", "show", "P09", code=1)
    assert "participant" in typed("participants", "enter", "../x", code=1)
    for more in ((), ("--yes",)):  # it asks about somebody who is there only
        refused = typed("participants", "erase", "P09", *more, code=1)
        assert "nothing is kept" in refused
        assert "cannot be brought back" not in refused
    nowhere = Typed(tmp_path / "nowhere")
    assert "is not there" in nowhere("participants", "list", code=2)


def test_a_folder_goes_into_one_file_and_back(typed: Typed, tmp_path: Path) -> None:
    typed("participants", "enter", "P01")
    typed("backup", str(tmp_path / "b.zip"))
    new = Typed(tmp_path / "new")
    new("restore", str(tmp_path / "b.zip"))

    assert [row["id"] for row in json.loads(new("participants", "list", "--json"))] == ["P01"]
    assert "is not empty" in new("restore", str(tmp_path / "b.zip"), code=2)
    assert "is there already" in typed("backup", str(tmp_path / "b.zip"), code=2)
