"""What a killed run leaves behind, and whether the same command may go on from it.

`evaluation.json` says what the folds in `folds/` were computed with. They count only if all of it
is equal: the plan, the windows, the code, the versions.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from hadua.models.errors import UsageError
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.folds import ResultsError, read_folds
from hadua.service.evaluation.results import FoldResult
from hadua.service.folder_lock import LOCK

MARK, FOLDS, WORK, PLOTS = "evaluation.json", "folds", "work", "plots"
_OURS = (MARK, "results.json", "folds.npz", "people.csv", "windows.csv", "table.md")
_SHOWN = 4


def require_room(out: Path) -> None:
    """Refuse a folder with anything in it that is not an evaluation.

    Raises:
        UsageError: a file, or a folder that somebody else fills.
    """
    where = f"--out {str(out)!r}"
    if out.exists() and not out.is_dir():
        raise UsageError(where, got="a file", expected="a folder to make")
    # A run that was killed while it read left only its copy of the data set.
    there = (
        sorted(p.name for p in out.iterdir() if p.name not in (WORK, LOCK)) if out.exists() else []
    )
    if there and MARK not in there:
        raise UsageError(
            where,
            got=f"a folder with {', '.join(there[:3])} in it",
            expected="a folder to make, an empty one, or one of an evaluation to go on with",
        )


def begin(out: Path, mark: Mapping[str, JsonValue], *, fresh: bool) -> None:
    """Make the folder, or see that what is in it was computed with the same.

    Args:
        out: The evaluation's folder.
        mark: Everything that a fold depends on, flat.
        fresh: Whether to throw away what is there.

    Raises:
        UsageError: naming what differs.
    """
    path = out / MARK
    if fresh:
        _clear(out)
    if path.exists():
        _require_equal(path, mark)
    else:
        write_whole(path, json.dumps(mark, indent=1, sort_keys=True).encode() + b"\n")
    (out / FOLDS).mkdir(exist_ok=True)
    for begun in (out / FOLDS).glob(".*"):  # files that a kill left half written
        begun.unlink()


def finished(path: Path) -> tuple[FoldResult, ...] | None:
    """The results in a fold's file; None if there is none, or none that can be read."""
    try:
        return read_folds(path)
    except ResultsError:
        return None


def _require_equal(path: Path, mark: Mapping[str, JsonValue]) -> None:
    try:
        there = json.loads(path.read_bytes())
    except ValueError:
        there = None
    if not isinstance(there, dict):
        raise UsageError(
            f"file {str(path)!r}",
            got="something that is not a JSON object",
            hint="Choose another --out, or start over with --fresh.",
        )
    differing = [k for k in sorted({*there, *mark}) if there.get(k) != mark.get(k)]
    if differing:
        raise UsageError(
            f"--out {str(path.parent)!r} holds an evaluation of another kind",
            got=_said(differing, mark),
            expected=_said(differing, there),
            hint="Repeat the command it was begun with, choose another --out, or start over with "
            "--fresh.",
        )


def _said(names: Sequence[str], mark: Mapping[str, JsonValue]) -> str:
    shown = [f"{k.removeprefix('plan.')} {_short(mark.get(k))}" for k in names[:_SHOWN]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _short(value: JsonValue) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:16]}...{text[-4:]}"


def _clear(out: Path) -> None:
    """Remove what an evaluation writes, and nothing else."""
    for name in _OURS:
        (out / name).unlink(missing_ok=True)
    for name in (FOLDS, PLOTS):  # `work` holds the data set of this very run
        shutil.rmtree(out / name, ignore_errors=True)
