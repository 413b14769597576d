"""Files with a channel order as the SEED data sets ship them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def write_workbook(path: Path, names: Sequence[str], *, shared: bool = True) -> Path:
    """A workbook with the names in column A and their numbers in column B, nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, name in enumerate(names):
        text = (
            f'<c r="A{k + 1}" t="s"><v>{k}</v></c>'
            if shared
            else f'<c r="A{k + 1}" t="inlineStr"><is><t>{name}</t></is></c>'
        )
        rows.append(f'<row r="{k + 1}">{text}<c r="B{k + 1}"><v>{k + 1}</v></c></row>')
    sheet = f'<worksheet xmlns="{_NAMESPACE}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
    strings = "".join(f"<si><t>{name}</t></si>" for name in names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", sheet)
        if shared:
            book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_NAMESPACE}">{strings}</sst>')
    return path


def write_locs(path: Path, names: Sequence[str]) -> Path:
    """Number, angle, radius and name, between tabs and spaces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{k}\t     -18\t 0.51111\t     {name}" for k, name in enumerate(names, start=1)]
    path.write_text("\n".join(lines) + "\n")
    return path
