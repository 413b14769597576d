"""The channel order that a data set ships, compared with the one that its features are read in.

SEED's data sets come with a table of one electrode per row, `Channel Order.xlsx`, and electrode
positions in EEGLAB's `channel_62_pos.locs` (number, angle, radius, name). Where one is found, it
must name the same electrodes in the same order.
"""

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from hadua.adapters.datasets.feature_files import FileLog, Place
from hadua.adapters.devices.montage import SEED_62, canonical

_WORKBOOKS = re.compile(r"channel[ _-]order\.xlsx", re.IGNORECASE)
_POSITIONS = re.compile(r"channel_62_pos\.locs", re.IGNORECASE)
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def order_files(*folders: Path) -> tuple[Path, ...]:
    """The files with a channel order directly in these folders, each once, in order."""
    found = {
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if _WORKBOOKS.fullmatch(path.name) or _POSITIONS.fullmatch(path.name)
    }
    return tuple(sorted(found))


def check_orders(paths: Sequence[Path], log: FileLog) -> str:
    """Check and log each of these files, and say in a line what was checked.

    Raises:
        RecordingError: one of them cannot be read, or names others or another order.
    """
    for path in paths:
        log.add(path)
        check_order(path)
    if not paths:
        return "channel order: as documented, no file with it was found"
    return f"channel order: as in {', '.join(repr(path.name) for path in paths)}"


def check_order(path: Path) -> None:
    """Compare a channel order with SEED's.

    Raises:
        RecordingError: it cannot be read, or names others or another order.
    """
    names = read_locs(path) if _POSITIONS.fullmatch(path.name) else read_first_column(path)
    got = tuple(canonical(name) for name in names if name.strip())
    if got == SEED_62:
        return
    if len(got) != len(SEED_62):
        raise Place(path).error(
            "wrong number of channels", got=f"{len(got)}", expected=f"{len(SEED_62)}"
        )
    k = next(k for k, (a, b) in enumerate(zip(got, SEED_62, strict=True)) if a != b)
    raise Place(path).error(
        f"channel {k + 1} is another",
        got=f"{got[k]!r}",
        expected=f"{SEED_62[k]!r}",
        hint="The features would be taken for those of other electrodes.",
    )


def read_locs(path: Path) -> tuple[str, ...]:
    """Electrode names of an EEGLAB position file, in order."""
    rows = [line.split() for line in path.read_text("utf-8", errors="replace").splitlines()]
    return tuple(row[3] for row in rows if len(row) >= 4)


def read_first_column(path: Path) -> tuple[str, ...]:
    """The text in the first column of the first sheet of a workbook, in order.

    Raises:
        RecordingError: not a workbook.
    """
    try:
        with zipfile.ZipFile(path) as book:
            sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
            shared = (
                ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
                if "xl/sharedStrings.xml" in book.namelist()
                else ElementTree.Element("none")
            )
            strings = [_text(item) for item in shared.iter(f"{_SHEET}si")]
            cells = [c for c in sheet.iter(f"{_SHEET}c") if _in_first_column(c)]
            return tuple(_cell(cell, strings) for cell in cells)
    except (
        zipfile.BadZipFile,
        zlib.error,
        ElementTree.ParseError,
        EOFError,
        OSError,
        KeyError,
        IndexError,
        RuntimeError,
        ValueError,
    ) as error:
        raise Place(path).error("not a workbook with a channel order", got=str(error)) from error


def _in_first_column(cell: ElementTree.Element) -> bool:
    return re.fullmatch(r"A\d+", cell.get("r", "")) is not None


def _cell(cell: ElementTree.Element, strings: list[str]) -> str:
    if cell.get("t") == "s":
        return strings[int(cell.findtext(f"{_SHEET}v", ""))]
    if cell.get("t") == "inlineStr":
        return _text(cell)
    return cell.findtext(f"{_SHEET}v", "")


def _text(element: ElementTree.Element) -> str:
    return "".join(t.text or "" for t in element.iter(f"{_SHEET}t"))
