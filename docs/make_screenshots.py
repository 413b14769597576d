"""Take the handbook's pictures: the real demo, looked at with Debian's Chromium.

    make screenshots

Waits until the demo has something to show, so it takes about two minutes. What the pictures are
made of is kept beside them (`picture_sources.py`), and a test says when to take them anew.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from picture_sources import IMAGES, drawn_by_now, keep
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH_PX, HEIGHT_PX = 1180, 900
MARGIN_PX = 12
ABOVE_PX = 4  # the row of links ends there
COLOURS = 160  # flat areas and letters: half the size, and nothing to be seen
SETTLE_S = 3.0
PATIENCE_S = 120.0  # with a machine that has other things to do
SHOW_S = 45.0  # until the chart has something to show
COLLECT_S = 20.0  # of a calibration, until there is something of it
SILENT_S = 8.0  # until a booth that was ended is said to be
PERSON = "P01"
# Parts of the live page, by the id of their section.
PARTS = ("now", "history", "signals", "bands", "delays", "log")
# Pages, and what is looked at there.
PAGES = {
    "preflight": "",
    "participants": f"#{PERSON}",
    "sessions": "",
    "calibration": "",
    "recordings": "",
}


def main() -> None:
    """Take all of them anew; the old ones go once the last of the new is there."""
    of_now = drawn_by_now()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="hadua-") as folder:
        taken = Path(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        of_the_demo(browser, taken)
        of_a_fleet(browser, taken)
        browser.close()
        if drawn_by_now() != of_now:
            raise SystemExit("the pages were changed meanwhile: take the pictures again")
        for old in IMAGES.glob("*.png"):
            old.unlink()
        for image in taken.glob("*.png"):
            with Image.open(image) as picture:
                few = picture.convert("RGB").quantize(COLOURS, kmeans=1)
            few.save(IMAGES / image.name, optimize=True)
    keep(of_now)


def of_the_demo(browser: Browser, folder: Path) -> None:
    """The live page, whole and in parts, and the pages of one person's session."""
    kept = ("--data-dir", str(folder / "lab"))
    consent = ("participants", "consent", PERSON, "--notice", "notice/1", "--by", "anna")
    hadua = Path(sys.executable).with_name("hadua")
    subprocess.run([hadua, *consent, *kept], check=True, stdout=subprocess.DEVNULL)
    with service(("--demo", "--participant", PERSON, *kept)) as url:
        page = opened(browser, url, scheme="light")
        page.wait_for_timeout(SHOW_S * 1000.0)
        page.screenshot(path=folder / "demo.png")
        for part in PARTS:
            clipped(page, f"#{part}", folder / f"{part}.png")
        httpx.post(f"{url}/api/v1/sessions/demo/recording").raise_for_status()
        calibrating(page, url)
        for name, anchor in PAGES.items():
            pictured(page, f"{url}/{name}{anchor}", folder / f"page-{name}.png")
        opened(browser, url, scheme="dark").screenshot(path=folder / "dark.png")


def of_a_fleet(browser: Browser, folder: Path) -> None:
    """Three booths and their pool; one of them has been switched off."""
    with ExitStack() as stack:
        pool = stack.enter_context(service(()))
        for k in (1, 2):
            stack.enter_context(booth(pool, k))
        with booth(pool, 3):
            page = new_page(browser, scheme="light")
            page.goto(f"{pool}/fleet")
            page.locator("#booth-booth-3").wait_for()
            page.wait_for_timeout(2.0 * SETTLE_S * 1000.0)
        page.wait_for_timeout(SILENT_S * 1000.0)
        pictured(page, f"{pool}/fleet", folder / "page-fleet.png")


def calibrating(page: Page, url: str) -> None:
    """Begin a calibration of the demo's person."""
    page.goto(f"{url}/calibration")
    page.fill("#plan-rest", "0")
    page.click("#plan button[type='submit']")
    page.wait_for_timeout(COLLECT_S * 1000.0)


def pictured(page: Page, address: str, path: Path) -> None:
    """What a page shows below its links, with a little room around."""
    page.goto("about:blank")
    page.goto(address)
    page.locator("html[data-ready]").wait_for(state="attached")
    page.wait_for_timeout(SETTLE_S * 1000.0)
    clipped(page, "main", path, beside_px=MARGIN_PX, above_px=ABOVE_PX)


def clipped(page: Page, part: str, path: Path, *, beside_px: int = 0, above_px: int = 0) -> None:
    """A part of the page as it is; not when it holds still, which a live page hardly does."""
    box = page.locator(part).bounding_box()
    if box is None:
        raise SystemExit(f"{path.name}: {part} is not to be seen")
    clip = FloatRect(
        x=box["x"] - beside_px,
        y=box["y"] - above_px,
        width=box["width"] + 2 * beside_px,
        height=box["height"] + above_px + beside_px,
    )
    page.screenshot(path=path, clip=clip, full_page=True)


def new_page(browser: Browser, *, scheme: str) -> Page:
    """An empty page in these colours."""
    page = browser.new_page(
        viewport={"width": WIDTH_PX, "height": HEIGHT_PX},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.set_default_timeout(PATIENCE_S * 1000.0)
    return page


def opened(browser: Browser, url: str, *, scheme: str) -> Page:
    """The live page, with its first answers."""
    page = new_page(browser, scheme=scheme)
    page.goto(url)
    page.locator("#bars li").first.wait_for()
    page.wait_for_timeout(SETTLE_S * 1000.0)
    return page


@contextmanager
def booth(pool: str, number: int) -> Iterator[None]:
    """A demo whose predictions that pool computes."""
    own = {"HADUA_BOOTH": f"booth-{number}", "HADUA_CLUSTER_BUDGET_MS": "500"}
    with service(("--demo", "--cluster", pool), settings=own):
        yield


@contextmanager
def service(flags: Sequence[str], *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """A service at a free port, that keeps what it keeps in a folder of its own; its address."""
    command = [sys.executable, "-m", "hadua.service.cli.serve", "--port", "0", *flags]
    with (
        tempfile.TemporaryFile("w+") as log,
        tempfile.TemporaryDirectory(prefix="hadua-") as folder,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
            env=os.environ | dict(settings or {}),
        ) as process,
    ):  # fmt: skip
        try:
            for line in process.stdout or ():
                if address := next((w for w in line.split() if w.startswith("http://")), None):
                    yield address.rstrip(".,")
                    break
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
