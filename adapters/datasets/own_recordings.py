"""The table that says what was shown when in a laboratory's own recordings: `labels.csv`.

One line is one interval of one recording. Columns, in any order:

    file       recording, relative to the folder of the table: `anna.xdf`, `day1/anna.xdf`
    start_s    start of the interval, seconds
    end_s      its end, exclusive
    label      class name
    clock      optional: `lsl` (or empty): LSL time as in the recording's time stamps;
               `relative`: seconds from the recording's first sample
    subject    optional: name of the person; without it every file is a person of its own
    session    optional: number of the sitting, from 1; without it 1
    stimulus   optional: what was shown, equal for all who saw the same; without it every interval
               is a stimulus of its own

Intervals of a file do not overlap; what lies outside all of them has no label. A file is one
sitting of one person, on one clock. Tables as spreadsheets write them are understood: with a byte
order mark, semicolons or tabs between the fields, and a decimal comma where a comma separates
nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar

from hadua.adapters.datasets.own_table import TableLine, field_error, read_table_lines
from hadua.models.errors import RecordingError

TABLE = "labels.csv"
RECORDINGS = (".xdf", ".xdfz", ".xdf.gz")

Clock = Literal["lsl", "relative"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LabelledInterval:
    """One line of the table.

    Args:
        line: Its number in the file, from 1.
        start_s: Start on the recording's clock.
        end_s: End, exclusive.
        label: Class name.
        stimulus: What was shown.
    """

    line: int
    start_s: float
    end_s: float
    label: str
    stimulus: str


@dataclass(frozen=True, slots=True)
class OwnRecording:
    """A recording and what is known of it.

    Args:
        file: Its name in the table, with `/`.
        path: Where it is.
        subject: Name of the person.
        session: Number of the sitting, from 1.
        clock: What the times of its intervals count from.
        intervals: In order of time, at least one.
    """

    file: str
    path: Path
    subject: str
    session: int
    clock: Clock
    intervals: tuple[LabelledInterval, ...]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The whole table.

    Args:
        path: The table.
        recordings: In the order in which the table first names them.
        classes: Class names, sorted.
    """

    path: Path
    recordings: tuple[OwnRecording, ...]
    classes: tuple[str, ...]

    def error(
        self, line: int, column: str, *, got: str, expected: str, hint: str | None = None
    ) -> RecordingError:
        """The error about a field, with file, line and column."""
        return field_error(self.path, line, column, got=got, expected=expected, hint=hint)


def read_label_table(root: Path) -> LabelTable:
    """Read and check `labels.csv` in a folder of recordings; no recording is opened.

    Raises:
        RecordingError: naming file, line and column, what was found and what was expected.
    """
    path = root / TABLE
    lines = read_table_lines(path)
    by_file: dict[str, list[TableLine]] = {}
    for line in lines:
        by_file.setdefault(_file(line, root), []).append(line)
    recordings = tuple(_recording(file, mine, root) for file, mine in by_file.items())
    labels = {interval.label for r in recordings for interval in r.intervals}
    return LabelTable(path, recordings, tuple(sorted(labels)))


def _file(line: TableLine, root: Path) -> str:
    """The recording that a line speaks of, relative to the folder."""
    file = PurePosixPath(line.text("file").replace("\\", "/"))
    if file.is_absolute() or ".." in file.parts or ":" in file.parts[0]:
        expected = "a file in the folder of the table"
        raise line.error("file", got=repr(str(file)), expected=expected)
    if not file.name.lower().endswith(RECORDINGS):
        raise line.error("file", got=repr(str(file)), expected="an XDF file, as in anna.xdf")
    if not (root / file).is_file():
        there = sorted(
            p.relative_to(root).as_posix()
            for p in root.rglob("*")
            if p.name.lower().endswith(RECORDINGS)
        )
        listed = ", ".join(map(repr, there[:5])) + (", ..." if len(there) > 5 else "")
        raise line.error(
            "file",
            got=f"{str(file)!r}, which is not there",
            expected=f"one of the recordings there are: {listed or 'none'}",
        )
    return str(file)


def _recording(file: str, lines: Sequence[TableLine], root: Path) -> OwnRecording:
    intervals = sorted((_interval(file, line) for line in lines), key=lambda i: i.start_s)
    for one, other in pairwise(intervals):
        if other.start_s < one.end_s:
            later = next(line for line in lines if line.number == other.line)
            raise later.error(
                "start_s",
                got=f"{other.start_s:g} s, inside the interval of line {one.line}",
                expected=f"at least {one.end_s:g} s, its end: intervals do not overlap",
            )
    return OwnRecording(
        file=file,
        path=root / file,
        subject=_same("subject", lines, lambda line: line.text("subject", file)),
        session=_same("session", lines, _session),
        clock=_same("clock", lines, _clock),
        intervals=tuple(intervals),
    )


def _interval(file: str, line: TableLine) -> LabelledInterval:
    start_s, end_s = line.seconds("start_s"), line.seconds("end_s")
    if end_s <= start_s:
        expected = f"later than start_s, {start_s:g} s"
        raise line.error("end_s", got=f"{end_s:g} s", expected=expected)
    stimulus = line.text("stimulus", f"{file}, line {line.number}")
    return LabelledInterval(line.number, start_s, end_s, line.text("label"), stimulus)


def _session(line: TableLine) -> int:
    text = line.text("session", "1")
    if not (text.isdecimal() and int(text) >= 1):
        raise line.error("session", got=repr(text), expected="a whole number from 1")
    return int(text)


def _clock(line: TableLine) -> Clock:
    text = line.text("clock", "lsl").lower()
    if text == "lsl":
        return "lsl"
    if text == "relative":
        return "relative"
    raise line.error("clock", got=repr(text), expected="'lsl' or 'relative'")


def _same(column: str, lines: Sequence[TableLine], value_of: Callable[[TableLine], _T]) -> _T:
    """The value that all lines of a recording agree on."""
    first = value_of(lines[0])
    for line in lines[1:]:
        if (value := value_of(line)) != first:
            raise line.error(
                column,
                got=f"{value!r}",
                expected=f"{first!r} as in line {lines[0].number}: one for each recording",
            )
    return first
