"""Whether ten open pages move the predictions: real pages in Chromium, in turns with none.

    python benchmarks/open_pages.py [--seconds 240] [--pages 10]

The demo serves, two clients of their own processes note how long each prediction took from the
arrival of its window's last sample. Every page is in a window of its own and draws: in one window
a browser would let all but one rest. Chromium runs on the same machine and takes its share of it,
which is said beside the figures; it is opened before a turn is measured, and closed after it.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from clients import Heard, hear, listeners
from playwright.sync_api import Page, sync_playwright
from table import Row, machine, markdown

from hadua.service.bench.demo import demo

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATH = "/api/v1/sessions/demo/ws"
TURNS = 4
SETTLE_S = 5.0
N_CLIENTS = 2


def rows(*, seconds: float = 240.0, n_pages: int = 10) -> list[Row]:
    """None and ten, in turns of equal length."""
    alone, beside = Heard(), Heard()
    of_pages: list[float] = []
    of_service: list[float] = []
    turn_s = seconds / (2 * TURNS)
    with demo() as served:
        address = served.url.removeprefix("http://")
        service = psutil.Process(served.pid)
        time.sleep(SETTLE_S)
        with listeners(address, N_CLIENTS, path=PATH) as children:
            for _ in range(TURNS):
                hear(children, turn_s, alone)
                with _pages(served.url, n_pages) as browser:
                    before = _cpu_s(service), _cpu_s(*browser)
                    hear(children, turn_s, beside)
                    after = _cpu_s(service), _cpu_s(*browser)
                of_service.append(100.0 * (after[0] - before[0]) / turn_s)
                of_pages.append(100.0 * (after[1] - before[1]) / turn_s)
    one, ten = alone.quantiles(), beside.quantiles()
    load = f"load average {os.getloadavg()[0]:.1f}"
    setting = f"n = {len(alone.ways_ms)}; {alone.lost} frames lost; {TURNS} turns of {turn_s:g} s"
    return [
        Row("sample to client, no page open", *one, "ms", setting=f"{setting}; {load}"),
        Row(f"sample to client, {n_pages} live pages open", *ten, "ms", "no page open",
            ten[0] / one[0],
            f"p99 {ten[1] / one[1]:.2f} times; n = {len(beside.ways_ms)}; {beside.lost} frames "
            f"lost; Chromium took {_mean(of_pages):.0f} % of a core, the service "
            f"{_mean(of_service):.0f} %"),
    ]  # fmt: skip


@contextmanager
def _pages(url: str, n: int) -> Iterator[list[psutil.Process]]:
    """Live pages that draw; gives the browser's processes. None may have fallen behind."""
    me = psutil.Process()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pages = [browser.new_context().new_page() for _ in range(n)]
        for page in pages:
            page.goto(url)
        for page in pages:
            page.wait_for_function("document.getElementById('chart').dataset.points > 1")
        time.sleep(SETTLE_S)
        seen = [_points(page) for page in pages]
        yield [p for p in me.children(recursive=True) if "chrom" in p.name()]
        behind = [k for k, page in enumerate(pages) if not _is_live(page, seen[k])]
        browser.close()
    if behind:
        raise SystemExit(f"pages {behind} were not live to the end")


def _points(page: Page) -> int:
    return int(page.locator("#chart").get_attribute("data-points") or 0)


def _is_live(page: Page, before: int) -> bool:
    """It has gone on drawing, or its two minutes are full, and it does not call itself old."""
    moved = _points(page) > before or before > 200
    return moved and page.locator("#stale").is_hidden()


def _cpu_s(*processes: psutil.Process) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in processes if p.is_running())


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--pages", type=int, default=10)
    arguments = parser.parse_args()
    measured = rows(seconds=arguments.seconds, n_pages=arguments.pages)
    sys.stdout.write(markdown(measured, machine()))


if __name__ == "__main__":
    main()
