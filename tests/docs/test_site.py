"""The site builds without a warning, asks nobody for anything, and is searched from a folder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browser import CHROMIUM, Witness, chromium

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_of_the_docs_is_in_the_site(site: Path) -> None:
    docs = ROOT / "docs"
    for page in docs.rglob("*.md"):
        assert (site / page.relative_to(docs).with_suffix(".html")).is_file()
    menu = (site / "index.html").read_text(encoding="utf-8")
    for page in docs.glob("*.md"):
        assert f'href="{page.stem}.html"' in menu, f"{page.name} is not in the menu"


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loads = re.findall(
            r"<(?:script|img|iframe)[^>]* src=\"?([^\" >]+)"
            r"|<link[^>]* rel=\"?stylesheet\"?[^>]* href=\"?([^\" >]+)",
            page.read_text(encoding="utf-8"),
        )
        addresses = [a or b for a, b in loads]
        assert addresses
        assert not [a for a in addresses if "//" in a], page.name


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}")
def test_it_is_searched_from_a_folder_without_a_server(site: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(site, tmp_path / "a folder")
    with chromium() as browser:
        page = browser.new_page()
        witness = Witness(page)
        page.goto((copy / "index.html").as_uri())
        page.locator(".md-search__input").click()
        page.locator(".md-search__input").press_sequentially("KnownPeers")
        expect(page.locator(".md-search-result__link").first).to_be_visible(timeout=30_000)
        page.locator(".md-search-result__link").first.click()
        expect(page.locator("article")).to_contain_text("KnownPeers")
        assert not [a for a in witness.addresses if a.startswith(("http:", "https:", "ws"))]
        assert witness.complaints == []
        page.close()
