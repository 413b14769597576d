"""The docs' pictures show the pages as they are now: a changed page asks for new pictures."""

import hashlib
import re
from pathlib import Path

import pytest
from picture_sources import DOCS, IMAGES, drawn_by, kept, page_of, read_text

from hadua.service.dashboard.page import FOLDER, PAGES

KEPT = kept()
ADDRESSES = sorted({page_of(name) for name in KEPT})


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda a: a or "live")
def test_pictures_are_of_the_page_as_it_is(address: str) -> None:
    now = drawn_by(address)
    old = [name for name, m in KEPT.items() if page_of(name) == address and m.drawn_by != now]
    assert not old, f"{', '.join(old)}: the page has changed since; run `make screenshots`"


def test_every_picture_is_the_one_that_was_taken() -> None:
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in IMAGES.glob("*.png")}
    assert found == {name: made.picture for name, made in KEPT.items()}


def test_every_picture_is_shown_and_every_picture_that_is_shown_is_there() -> None:
    texts = (page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    shown = {name for text in texts for name in re.findall(r"\]\(images/([^)]+)\)", text)}
    assert shown == set(KEPT)


@pytest.mark.parametrize(
    ("changed", "pages"),
    [
        ("style.css", set(PAGES)),
        ("words.js", set(PAGES)),
        ("bands.js", {""}),
        ("pages/parts.js", set(PAGES) - {""}),
        ("pages/eyes.js", {"preflight"}),
        ("pages/fleet_words.js", {"fleet"}),
    ],
)
def test_a_changed_file_makes_the_pictures_of_its_pages_old(changed: str, pages: set[str]) -> None:
    def edited(path: Path) -> str:
        return read_text(path) + "\nmore" * (path == FOLDER / changed)

    assert {a for a in PAGES if drawn_by(a, read=edited) != drawn_by(a)} == pages


def test_a_comment_makes_no_picture_old() -> None:
    def edited(path: Path) -> str:
        return "// why\n\n" * (path.suffix == ".js") + read_text(path)

    assert drawn_by("fleet", read=edited) == drawn_by("fleet")
