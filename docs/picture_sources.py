"""What draws each of the docs' pictures, as a digest: it tells when a picture is out of date.

Covered are the page's HTML with its navigation, its styles, every script that it reaches by
imports, the demo bundle, the program that takes the picture, and, of pages that mostly repeat what
the service says, the modules that say it. Not covered is what a simulated person does.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.service.dashboard.page import FOLDER, LIVE, PAGES, rendered

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
KEPT = IMAGES / "made_of.json"
PROGRAM = DOCS / "make_screenshots.py"
SERVICE = FOLDER.parent
SAYING = {"preflight": ("preflight*.py", "doctor/*.py")}
"""Modules whose sentences fill a page."""
_ASKED = re.compile(r'(?:src|href)="dashboard/([^"]+\.(?:css|js))"')
_IMPORTED = re.compile(r'(?:from |import\()"(\.[^"]+)"')
_CHARTS = "./charts/index.js"  # the library's, with its version in constraints.txt
_COMMENT = {".js": "//", ".py": "#"}

Read = Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Made:
    """A picture, and what it was made of, as SHA-256."""

    picture: str
    drawn_by: str


def read_text(path: Path) -> str:
    """A file, whatever its ends of line are."""
    return path.read_text(encoding="utf-8")


def page_of(picture: str) -> str:
    """Address of the page that a picture shows: `page-log.png` is `log`, others the live one."""
    stem = picture.removesuffix(".png")
    return stem.removeprefix("page-") if stem.startswith("page-") else LIVE


def drawn_by(address: str, *, read: Read = read_text) -> str:
    """Digest of everything that draws a page; comments and empty lines do not count.

    Args:
        address: A key of `PAGES`.
        read: Gives a file's text.
    """
    text = rendered(address)
    found = hashlib.sha256(f"{text}\n{load_bundle(demo_bundle_path()).id}\n".encode())
    saying = (p for pattern in SAYING.get(address, ()) for p in SERVICE.glob(pattern))
    for path in (*sorted(_files(text, read)), PROGRAM, *sorted(saying)):
        found.update(f"{path.name}\n{_told(path, read)}\n".encode())
    return found.hexdigest()


def _files(text: str, read: Read) -> set[Path]:
    """Styles and scripts that a page asks for, and what those import."""
    found: set[Path] = set()
    left = [FOLDER / name for name in _ASKED.findall(text)]
    while left:
        path = left.pop().resolve()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".js":
            left += [
                path.parent / name
                for name in _IMPORTED.findall(read(path))
                if "/charts/" not in name
            ]
    return found


def _told(path: Path, read: Read) -> str:
    comment = _COMMENT.get(path.suffix, "\n")
    lines = (line.strip() for line in read(path).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(comment))


def drawn_by_now() -> dict[str, str]:
    """What draws each page now."""
    return {address: drawn_by(address) for address in PAGES}


def keep(drawn: Mapping[str, str]) -> None:
    """Write down what the pictures are made of that lie there, beside them."""
    told = {
        path.name: {
            "picture": hashlib.sha256(path.read_bytes()).hexdigest(),
            "drawn_by": drawn[page_of(path.name)],
        }
        for path in sorted(IMAGES.glob("*.png"))
    }
    KEPT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def kept() -> dict[str, Made]:
    """What was written down when the pictures were taken."""
    told = json.loads(KEPT.read_text(encoding="utf-8"))
    return {name: Made(**each) for name, each in told.items()}
