"""What was measured before: a file that only grows, and whether today is worse.

A line is one run: when, of which commit, on which machine, and its rows. What is compared are the
ratios alone, since times say as much about the machine's neighbours as about the code; each with
the median of the same row's ratios in earlier runs on machines of the same processor and cores.
"""

import json
import math
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hadua.models.errors import HaduaError
from hadua.service.bench.row import Row

MARGIN = 1.3
"""A ratio may be this much above the median: those of the same code lay within 1.13 of each other
in five runs at loads of 1 to 20, and a stage that comes back to the hot path costs more."""

LEAST_RUNS = 3
"""Fewer earlier runs are no history."""

LATEST_RUNS = 20
"""Only so many runs back: what was slow two years ago is no excuse."""


class HistoryError(HaduaError):
    """A file of history that cannot be read."""

    code = "history"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the suite.

    Args:
        when: ISO 8601, UTC.
        commit: Of the code; empty where that is not known.
        machine: As `row.machine` says it.
        ratios: By the key of the row.
    """

    when: str
    commit: str
    machine: Mapping[str, str]
    ratios: Mapping[str, float]

    @property
    def kind(self) -> tuple[str, str]:
        """Runs of the same kind of machine are comparable."""
        return self.machine.get("cpu", ""), self.machine.get("cores", "")


@dataclass(frozen=True, slots=True)
class Worse:
    """A ratio that is above its margin.

    Args:
        key: The row.
        ratio: Today.
        median: Of the runs before.
        runs: How many those are.
    """

    key: str
    ratio: float
    median: float
    runs: int

    def __str__(self) -> str:
        return (
            f"{self.key}: {self.ratio:.3g}, {self.ratio / self.median:.2f} times the median "
            f"{self.median:.3g} of {self.runs} runs (at most {MARGIN:g})"
        )


def key_of(row: Row) -> str:
    """What a row is called over time: without the figures that it carries."""
    other = row.floor.split(":")[0]
    pace = row.setting.split(";")[0].split(",")[0]
    return f"{row.name} | {other} | {pace}"


def ratios_of(rows: Sequence[Row]) -> dict[str, float]:
    """The ratios of the rows that have one, by key."""
    return {
        key_of(row): row.ratio
        for row in rows
        if row.ratio is not None and math.isfinite(row.ratio) and row.ratio > 0.0
    }


def worse_than_before(now: Run, before: Sequence[Run]) -> list[Worse]:
    """Ratios above `MARGIN` times the median of the latest runs on this kind of machine."""
    alike = [run for run in before if run.kind == now.kind][-LATEST_RUNS:]
    found = []
    for key, ratio in now.ratios.items():
        known = [run.ratios[key] for run in alike if key in run.ratios]
        if len(known) >= LEAST_RUNS and ratio > MARGIN * statistics.median(known):
            found.append(Worse(key, ratio, statistics.median(known), len(known)))
    return found


def read(path: Path) -> list[Run]:
    """The runs of a file, oldest first; none if there is no file.

    Raises:
        HistoryError: a line that is not a run.
    """
    if not path.exists():
        return []
    return list(_runs(path))


def append(path: Path, now: Run, rows: Sequence[Row]) -> None:
    """Add a run with all its rows; what is there stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {
        "when": now.when,
        "commit": now.commit,
        "machine": dict(now.machine),
        "rows": [plain(row) | {"key": key_of(row)} for row in rows],
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def plain(row: Row) -> dict[str, object]:
    """A row for programs: what was not measured is null, and what is empty is left out."""
    values = asdict(row) | {"p50": row.p50 if row.measured else None, "met": row.met}
    always = ("name", "p50")
    return {k: v for k, v in values.items() if k in always or v not in (None, "")}


def commit_of(folder: Path) -> str:
    """The commit of a clone, with `+` if it was changed; empty where there is none to ask."""
    try:
        said = [
            subprocess.run(
                ["git", "-C", str(folder), *words],
                capture_output=True,
                text=True,
                timeout=10.0,
                check=True,
            ).stdout.strip()
            for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "-uno"))
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    return said[0] + "+" * bool(said[1])


def _runs(path: Path) -> Iterator[Run]:
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
            ratios = {r["key"]: float(r["ratio"]) for r in line["rows"] if "ratio" in r}
            yield Run(line["when"], line["commit"], line["machine"], ratios)
        except (ValueError, KeyError, TypeError) as error:
            raise HistoryError(
                f"history {str(path)!r}, line {number}",
                got=str(error),
                expected="a run of the suite, one JSON object a line",
                hint="Take the line out, or name another file with --history.",
            ) from error
