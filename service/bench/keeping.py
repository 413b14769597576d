"""The folder in which results are kept: the latest as a table, all as lines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadua.service.bench.history import Run, append, plain, read
from hadua.service.bench.row import Row, markdown
from hadua.service.bench.suite import benchmarks_folder


@dataclass(frozen=True, slots=True)
class Results:
    """A folder with `latest.md`, `latest.json` and `history.jsonl`.

    Args:
        folder: Made when something is kept.
    """

    folder: Path

    @classmethod
    def of(cls, folder: Path | None) -> "Results | None":
        """The folder named, or the clone's; None where there is neither."""
        if folder is not None:
            return cls(folder)
        clone = benchmarks_folder()
        return None if clone is None else cls(clone / "results")

    def history(self) -> list[Run]:
        """The runs that were kept."""
        return read(self.folder / "history.jsonl")

    def keep(self, now: Run, rows: Sequence[Row], *, whole: bool) -> None:
        """Add a line to the history; of a run of the whole suite, write the tables anew."""
        append(self.folder / "history.jsonl", now, rows)
        if not whole:
            return
        content = {"machine": dict(now.machine), "rows": [plain(row) for row in rows]}
        text = json.dumps(content, indent=1) + "\n"
        (self.folder / "latest.json").write_text(text, encoding="utf-8")
        (self.folder / "latest.md").write_text(markdown(rows, now.machine), encoding="utf-8")
