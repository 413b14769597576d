"""Take the handbook's pictures: the real demo, looked at with Debian's Chromium.

    make screenshots

Waits until the demo has something to show, so it takes about a minute.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from hadua.service.dashboard.page import PAGES

IMAGES = Path(__file__).resolve().parent / "images"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH_PX, HEIGHT_PX = 1180, 900
COLOURS = 160  # flat areas and letters: half the size, and nothing to be seen
NOT_SHOWN = {"", "settings"}  # the live page has pictures of its own; settings name folders
SETTLE_S = 3.0
SHOW_S = 45.0  # until the chart has something to show
COLLECT_S = 20.0  # of a calibration, until there is something of it
PERSON = {"HADUA_PARTICIPANT": "P01", "HADUA_REQUIRE_CONSENT": "false"}
# Parts of the page, by the id of their section; the page's own order is of no matter.
PARTS = ("now", "history", "signals", "bands", "delays", "log")


def main() -> None:
    """Take all of them anew."""
    IMAGES.mkdir(exist_ok=True)
    with demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = opened(browser, url, scheme="light")
        page.wait_for_timeout(SHOW_S * 1000.0)
        page.screenshot(path=IMAGES / "demo.png")
        for part in PARTS:
            section = page.locator(f"#{part}")
            if section.is_visible():
                section.screenshot(path=IMAGES / f"{part}.png")
        calibrating(page, url)
        for name in PAGES.keys() - NOT_SHOWN:
            page.goto(f"{url}/{name}")
            page.wait_for_timeout(SETTLE_S * 1000.0)
            page.locator("main").screenshot(path=IMAGES / f"page-{name}.png")
        dark = opened(browser, url, scheme="dark")
        dark.wait_for_timeout(SETTLE_S * 1000.0)
        dark.screenshot(path=IMAGES / "dark.png")
        browser.close()
    for image in sorted(IMAGES.glob("*.png")):
        with Image.open(image) as picture:
            few = picture.convert("RGB").quantize(COLOURS, kmeans=1)
        few.save(image, optimize=True)
        sys.stdout.write(f"{image.name}: {image.stat().st_size / 1024:.0f} KiB\n")


def calibrating(page: Page, url: str) -> None:
    """Begin a calibration of the demo's person."""
    page.goto(f"{url}/calibration")
    page.fill("#plan-rest", "0")
    page.click("#plan button[type='submit']")
    page.wait_for_timeout(COLLECT_S * 1000.0)


def opened(browser: Browser, url: str, *, scheme: str) -> Page:
    """The page, with its first answers."""
    page = browser.new_page(
        viewport={"width": WIDTH_PX, "height": HEIGHT_PX},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(url)
    page.locator("#bars li").first.wait_for()
    return page


@contextmanager
def demo() -> Iterator[str]:
    """The demo at a free port; its address."""
    command = [sys.executable, "-m", "hadua.service.cli.serve", "--demo", "--port", "0"]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | PERSON
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                if address := next((w for w in line.split() if w.startswith("http://")), None):
                    yield address.rstrip(".,")
                    break
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
