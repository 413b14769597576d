"""Every row of the threat model names tests, and they are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[list[str]]:
    """The rows of the tables that tell what stands in the way."""
    part = TEXT.partition("## What stands in the way")[2].partition("## What is out of scope")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[-1] != "shown by"]


def test_every_row_names_a_test() -> None:
    assert len(rows()) > 20
    assert not [row[0] for row in rows() if not NAMED.search(row[-1])]


def test_every_test_that_is_named_is_there() -> None:
    for path, name in NAMED.findall(TEXT):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        there = {f.name for f in tree.body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in there, f"{path}::{name}"
