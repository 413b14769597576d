import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.evaluation import METHODS

from hadua import models
from hadua.models.errors import UsageError
from hadua.service.evaluation.learning_code import code_hash
from hadua.service.evaluation.plan import Plan, fingerprint, known_methods
from hadua.service.evaluation.resume import begin, finished, require_room

PLAN = Plan("synthetic", ("ours",), ("inductive",), registry="support.evaluation")
MARK = fingerprint(PLAN, n_classes=3, data={"set0": "abc"})


def test_the_fingerprint_holds_whatever_a_figure_depends_on() -> None:
    assert MARK["plan.steps"] == 120
    assert MARK["recipe.rate"] == 3e-4
    assert MARK["adapt_share"] == 0.4
    assert MARK["method.ours.gain"] == 0.01
    assert MARK["data.set0"] == "abc"
    assert MARK["code"] == code_hash()
    assert MARK["version.torch"]
    assert json.loads(json.dumps(MARK)) == MARK


def test_the_hash_covers_every_part_of_the_network() -> None:
    folder, read = Path(models.__path__[0]), set[Path]()
    real = Path.read_bytes

    def noting(path: Path) -> bytes:
        read.add(path)
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", noting)
        code_hash.__wrapped__()
    text = (folder / "network.py").read_text()
    parts = set(re.findall(r"^from hadua\.models\.(\w+) import", text, re.MULTILINE))
    assert {folder / f"{name}.py" for name in {"network", *parts} - {"errors"}} <= read


def test_the_same_goes_on_and_half_written_files_go(tmp_path: Path) -> None:
    begin(tmp_path, MARK, fresh=False)
    (tmp_path / "folds" / "a.npz").touch()
    (tmp_path / "folds" / ".b.npz.xyz").touch()

    begin(tmp_path, MARK, fresh=False)

    assert [p.name for p in (tmp_path / "folds").iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            fingerprint(replace(PLAN, seeds=2), n_classes=3, data={"set0": "abc"}),
            "another kind: got seeds 2, expected seeds 5",
        ),
        (MARK | {"data.set0": "f" * 64}, 'got data.set0 "f{15}...fff", expected data.set0 "abc"'),
        (MARK | {"code": "other"}, 'got code "other", expected code "'),
        (MARK | {f"x{k}": k for k in range(9)}, "x3 3 and 5 more, expected x0 null"),
    ],
)
def test_anything_else_is_refused_by_naming_it(
    tmp_path: Path, other: dict[str, int], message: str
) -> None:
    begin(tmp_path, MARK, fresh=False)

    with pytest.raises(UsageError, match=message):
        begin(tmp_path, other, fresh=False)


def test_fresh_removes_what_an_evaluation_wrote_and_nothing_else(tmp_path: Path) -> None:
    begin(tmp_path, MARK, fresh=False)
    for name in ("folds/a.npz", "table.md", "results.json", "thesis.tex"):
        (tmp_path / name).touch()

    begin(tmp_path, {"other": 1}, fresh=True)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["evaluation.json", "folds", "thesis.tex"]
    assert list((tmp_path / "folds").iterdir()) == []
    assert json.loads((tmp_path / "evaluation.json").read_text()) == {"other": 1}


def test_a_damaged_mark_is_not_taken_for_any(tmp_path: Path) -> None:
    begin(tmp_path, MARK, fresh=False)
    (tmp_path / "evaluation.json").write_text("{")

    with pytest.raises(UsageError, match=r"not a JSON object.*--fresh"):
        begin(tmp_path, MARK, fresh=False)


def test_room_is_an_empty_folder_or_one_of_an_evaluation(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "killed" / "work").mkdir(parents=True)
    (tmp_path / "begun").mkdir()
    begin(tmp_path / "begun", MARK, fresh=False)

    for name in ("nothing yet", "killed", "begun"):
        require_room(tmp_path / name)

    with pytest.raises(UsageError, match="got a folder with begun, file, killed in it"):
        require_room(tmp_path)
    with pytest.raises(UsageError, match="got a file"):
        require_room(tmp_path / "file")


def test_a_fold_that_cannot_be_read_is_computed_again(tmp_path: Path) -> None:
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")

    assert finished(tmp_path / "torn.npz") is None
    assert finished(tmp_path / "missing.npz") is None


def test_methods_are_found_by_name() -> None:
    assert known_methods("support.evaluation") is METHODS
    with pytest.raises(UsageError, match="--methods: got 'other', expected some of source-only"):
        replace(PLAN, methods=("other",)).chosen()
