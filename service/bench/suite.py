"""All rows, in groups. Some groups need programs that only a clone of the repository has."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from hadua.models.errors import HaduaError, UsageError
from hadua.service.bench.effort import Effort
from hadua.service.bench.row import Row

CLONE = Path(__file__).resolve().parents[2]
"""The root of the clone, where this file is in one."""

_NOT_HERE = "needs a clone of the repository, beside whose service/ lies benchmarks/"

Rows = Callable[[Effort], list[Row]]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are measured together.

    Args:
        about: What they are about, a line.
        rows: Measures them.
    """

    about: str
    rows: Rows


def benchmarks_folder() -> Path | None:
    """Where the clone's longer programs are; None for an installed package."""
    folder = CLONE / "benchmarks"
    return folder if (folder / "clients.py").is_file() else None


def _packaged(name: str) -> Rows:
    def rows(effort: Effort) -> list[Row]:
        made: list[Row] = import_module(f"hadua.service.bench.{name}").rows(effort)
        return made

    return rows


def _of_clone(name: str) -> Rows:
    def rows(effort: Effort) -> list[Row]:
        folder = benchmarks_folder()
        if folder is None:
            return [Row.missing(name, _NOT_HERE)]
        if str(folder) not in sys.path:  # its programs find each other beside themselves
            sys.path.append(str(folder))
        module = import_module(name)
        measure = getattr(module, "suite_rows", None)
        made: list[Row] = module.rows() if measure is None else measure(effort)
        return made

    return rows


GROUPS: Mapping[str, Group] = MappingProxyType(
    {
        "path": Group("last sample to WebSocket client, by stage", _packaged("path")),
        "start": Group("start, memory, processor, installed size", _packaged("start")),
        "entropy": Group("EEG features of a window, and its cleaning", _packaged("entropy")),
        "eyes": Group("eye features by the tracker's rate", _packaged("eyes")),
        "inference": Group("the network by batch, context, engine", _packaged("inference")),
        "people": Group("people per core, each one's memory (clone)", _of_clone("many_people")),
        "followed": Group(
            "last sample to client, 1 and 8 people followed over LSL (clone)",
            _of_clone("followed_people"),
        ),
        "fanout": Group("clients x rate, slow clients (clone)", _of_clone("clients")),
        "training": Group("a step of a LOSO fold (clone)", _of_clone("training")),
        "calibrating": Group("a calibration (clone)", _of_clone("calibrating")),
        "following": Group("a window of adaptation (clone)", _of_clone("following")),
    }
)


def chosen(names: tuple[str, ...]) -> dict[str, Group]:
    """Groups by name; all for no name.

    Raises:
        UsageError: there is none of that name.
    """
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise UsageError(
            "group of benchmarks", got=", ".join(unknown), expected=f"any of {', '.join(GROUPS)}"
        )
    return {name: GROUPS[name] for name in names or GROUPS}


def measured(groups: Mapping[str, Group], effort: Effort) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each group, as they come; a group that fails is a row that says so."""
    for name, group in groups.items():
        try:
            yield name, group.rows(effort)
        except (HaduaError, SystemExit) as error:  # the clone's programs end by the latter
            yield name, [Row.missing(name, f"it failed: {error}")]
