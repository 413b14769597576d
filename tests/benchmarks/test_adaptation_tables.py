"""The tables of adaptation: their methods exist, and what is kept of a run names no place."""

import json
from pathlib import Path

import pytest
from adaptation import TABLES, collect

from hadua.calibration.ours import ABLATION
from hadua.service.evaluation.methods import METHODS


def test_the_ablation_has_every_part() -> None:
    arguments = TABLES["ablation"].arguments
    names = arguments[arguments.index("--methods") + 1].split(",")

    assert names == ["source-only", "ours", *(method.name for method in ABLATION)]
    assert set(names) <= {method.name for method in METHODS}


def test_what_is_kept_is_small_and_names_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings, out, into = tmp_path / "data", tmp_path / "runs" / "muse", tmp_path / "kept"
    monkeypatch.setenv("HADUA_RECORDINGS", f"{recordings}/")
    out.mkdir(parents=True)
    command = ["hadua", "evaluate", "--root", f"{recordings}/muse_ssvep", "--out", str(out)]
    (out / "table.md").write_text(f"| ours | 50 |\n\n`{' '.join(command)}`\n", encoding="utf-8")
    kept = dict.fromkeys(("versions", "platform", "git_revision", "started", "seeds", "protocol"))
    about = {**kept, "command": command, "data": {"name": "muse", "files": {"a.csv": "0"}}}
    found = {"provenance": about, "classes": ["a", "b"], "rows": [{"mean": 0.5}], "people": [1]}
    (out / "results.json").write_text(json.dumps(found), encoding="utf-8")

    collect("muse", out=out, into=into)

    text = (into / "adaptation_muse.md").read_text(encoding="utf-8")
    small = json.loads((into / "adaptation_muse.json").read_text(encoding="utf-8"))
    assert "--root $HADUA_RECORDINGS/muse_ssvep --out RUNS/muse" in text
    assert str(tmp_path) not in text + json.dumps(small)
    assert small["rows"] == [{"mean": 0.5}]
    assert "people" not in small
    assert small["data"] == "muse"


def test_a_run_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no complete run"):
        collect("synthetic", out=tmp_path, into=tmp_path)
