"""Lines of a laboratory's table of labels, as text by column."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hadua.adapters.datasets.text_file import read_lines
from hadua.models.errors import RecordingError

REQUIRED = ("file", "start_s", "end_s", "label")
OPTIONAL = ("clock", "subject", "session", "stimulus")

_WHAT = "table of labels"
_DELIMITERS = (";", "\t", ",")


def field_error(
    path: Path, number: int, column: str, *, got: str, expected: str, hint: str | None = None
) -> RecordingError:
    """The error about a field of a table, with file, line and column."""
    where = f"{_WHAT} {str(path)!r}, line {number}, column {column!r}"
    return RecordingError(where, got=got, expected=expected, hint=hint)


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of the table as text.

    Args:
        path: The table.
        number: From 1.
        fields: Text by column, stripped.
        decimal_comma: Whether a comma may be a decimal point.
    """

    path: Path
    number: int
    fields: Mapping[str, str]
    decimal_comma: bool = False

    def error(
        self, column: str, *, got: str, expected: str, hint: str | None = None
    ) -> RecordingError:
        """The error about one of its fields."""
        return field_error(self.path, self.number, column, got=got, expected=expected, hint=hint)

    def text(self, column: str, default: str | None = None) -> str:
        """A field, or the default if there is no such column or nothing in it."""
        text = self.fields.get(column, "")
        if text or default is not None:
            return text or (default or "")
        raise self.error(column, got="an empty field", expected="a value")

    def seconds(self, column: str) -> float:
        """A finite number."""
        text = self.text(column)
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(column, got=repr(text), expected="a number of seconds, as in 12.5")
        return value


def read_table_lines(path: Path) -> list[TableLine]:
    """Read every line of a table that is not empty.

    Raises:
        RecordingError: no table, not text, other columns, or a line of another width.
    """
    if not path.is_file():
        raise RecordingError(
            f"{_WHAT} {str(path)!r} is not there",
            expected=f"a table with the columns {', '.join(REQUIRED)}",
            hint=f"Put {path.name} beside the recordings: one line for each labelled interval.",
        )
    texts = read_lines(path, what=_WHAT)
    first = next((text for text in texts if text.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(texts, delimiter=delimiter, skipinitialspace=True)
    header: tuple[str, ...] | None = None
    lines = []
    for row in rows:
        fields = [field.strip() for field in row]
        if not any(fields):
            continue
        if header is None:
            header = _header(fields, path)
            continue
        if len(fields) != len(header):
            raise _width_error(path, rows.line_num, got=len(fields), expected=len(header))
        named = MappingProxyType(dict(zip(header, fields, strict=True)))
        lines.append(TableLine(path, rows.line_num, named, decimal_comma=delimiter != ","))
    if not lines:
        raise RecordingError(
            f"{_WHAT} {str(path)!r}",
            got="no labelled interval" if header else "an empty file",
            expected=f"a line with {', '.join(REQUIRED)}, then one line for each interval",
        )
    return lines


def _header(fields: Sequence[str], path: Path) -> tuple[str, ...]:
    header = tuple(field.lower() for field in fields)
    known = (*REQUIRED, *OPTIONAL)
    expected = f"{', '.join(REQUIRED)} and, if wanted, {', '.join(OPTIONAL)}"
    for column in header:
        if column not in known or header.count(column) > 1:
            got = f"the column {column!r}" + ("" if column not in known else " twice")
            raise RecordingError(f"{_WHAT} {str(path)!r}, line 1", got=got, expected=expected)
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise RecordingError(
            f"{_WHAT} {str(path)!r}, line 1",
            got=f"no column {', '.join(map(repr, missing))}",
            expected=expected,
        )
    return header


def _width_error(path: Path, number: int, *, got: int, expected: int) -> RecordingError:
    return RecordingError(
        f"{_WHAT} {str(path)!r}, line {number}",
        got=f"{got} fields",
        expected=f"{expected}, as many as the first line names",
        hint="With commas between the fields, numbers need a decimal point.",
    )
