"""The tables of adaptation to people left out, by `hadua evaluate` with settings that are fixed.

    python benchmarks/adaptation.py synthetic     all methods, simulated people, five seeds
    python benchmarks/adaptation.py ablation      ours without each of its parts, one of these seeds
    python benchmarks/adaptation.py muse          all methods, real Muse EEG of three people;
                                                  HADUA_RECORDINGS names the recordings' folder

It takes hours. A run that was stopped goes on with the same command; each has its own folder under
`--runs`. What is kept of it, the table and every row's figures, goes to `results/adaptation_*.md`
and `.json`; the folds stay where they are. `--collect` writes these two from a run that is complete
and runs nothing.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
RECORDINGS = "HADUA_RECORDINGS"
_PARTS = (
    "source-free",
    "one-window",
    "no-weighting",
    "no-alignment",
    "no-cmmd",
    "no-mmd",
    "no-pseudo-labels",
    "no-information",
    "no-reading",
    "no-consensus",
    "no-smoothing",
)
_KEPT = ("versions", "platform", "git_revision", "started", "command", "seeds", "protocol")


@dataclass(frozen=True, slots=True)
class Table:
    """One table and the settings that make it.

    Args:
        arguments: Of `hadua evaluate`, but for where things lie; the rest is its defaults.
        root: Folder of the recordings below `HADUA_RECORDINGS`, if it needs any.
    """

    arguments: tuple[str, ...]
    root: str = ""


TABLES: Mapping[str, Table] = {
    "synthetic": Table(("--dataset", "synthetic", "--first-seed", "1", "--seeds", "5")),
    "ablation": Table(
        (
            *("--dataset", "synthetic", "--first-seed", "1", "--seeds", "1"),
            *("--protocols", "transductive"),
            *("--methods", ",".join(["source-only", "ours", *(f"ours-{p}" for p in _PARTS)])),
        )
    ),
    "muse": Table(
        ("--dataset", "muse-ssvep", "--block", "16", "--seeds", "5", "--epochs", "40"),
        root="muse_ssvep",
    ),
}


def evaluate(name: str, *, out: Path, jobs: int | None) -> None:
    """Run, or go on with, the evaluation of a table."""
    table = TABLES[name]
    hadua = Path(sys.executable).with_name("hadua")  # the one of this environment
    command = [str(hadua), "evaluate", *table.arguments, "--out", str(out)]
    if table.root:
        command += ["--root", str(_root(table))]
    if jobs is not None:
        command += ["--jobs", str(jobs)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def collect(name: str, *, out: Path, into: Path) -> None:
    """Copy the table and the figures of a complete run, with no word of where it lay."""
    if not (out / "results.json").exists():
        raise SystemExit(f"adaptation: {str(out)!r} holds no complete run; leave --collect out")
    into.mkdir(parents=True, exist_ok=True)
    text = _placeless((out / "table.md").read_text(encoding="utf-8"), TABLES[name], out=out)
    (into / f"adaptation_{name}.md").write_text(text, encoding="utf-8")
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    small = {
        "provenance": {key: found["provenance"][key] for key in _KEPT},
        "data": found["provenance"]["data"]["name"],
        "classes": found["classes"],
        "rows": found["rows"],
    }
    text = _placeless(json.dumps(small, ensure_ascii=False, indent=1), TABLES[name], out=out)
    (into / f"adaptation_{name}.json").write_text(text + "\n", encoding="utf-8")


def _placeless(text: str, table: Table, *, out: Path) -> str:
    text = text.replace(str(out), "RUNS/" + out.name)
    if table.root and RECORDINGS in os.environ:
        text = text.replace(os.environ[RECORDINGS].rstrip("/"), f"${RECORDINGS}")
    return text


def _root(table: Table) -> Path:
    recordings = os.environ.get(RECORDINGS)
    if not recordings:
        raise SystemExit(f"adaptation: {RECORDINGS} does not name the folder of the recordings")
    return Path(recordings.rstrip("/")) / table.root


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--runs", type=Path, default=Path("hadua-data/adaptation"))
    parser.add_argument("--jobs", type=int, help="folds at a time; as many as there are cores")
    parser.add_argument("--collect", action="store_true", help="only copy what is complete")
    arguments = parser.parse_args()
    out: Path = arguments.runs / arguments.table
    if not arguments.collect:
        evaluate(arguments.table, out=out, jobs=arguments.jobs)
    collect(arguments.table, out=out, into=RESULTS)
    sys.stdout.write((RESULTS / f"adaptation_{arguments.table}.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
