"""Whether ten open pages move the predictions: real pages in Chromium, in turns with none.

    python benchmarks/open_pages.py [--seconds 360] [--pages 10]

The demo serves, two clients of their own processes note how long each prediction took from the
arrival of its window's last sample. Every page is in a window of its own and draws: in one window
a browser would let all but one rest. Chromium runs on the same machine and takes its share of it,
which is said beside the figures; it is opened before a turn is measured, and closed after it.

Two things may move a prediction: what the service does for ten pages, and that they draw on its two
cores. In half of these turns (Linux) the browser yields to everybody, so that mostly the first is
left, as with pages on other computers.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import psutil
from clients import Heard, hear, listeners
from playwright.sync_api import Page, sync_playwright
from table import Row, machine, markdown

from hadua.service.bench.started import demo

AUTOGROUP = Path("/proc/self/autogroup")
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATH = "/api/v1/sessions/demo/ws"
TURNS = 4
SETTLE_S = 5.0
N_CLIENTS = 2


@dataclass
class Beside:
    """Turns beside open pages.

    Args:
        how: The pages share the machine, in words.
        yields: Whether the browser lets everybody else go first.
    """

    how: str
    yields: bool
    heard: Heard = field(default_factory=Heard)
    of_pages: list[float] = field(default_factory=list)
    of_service: list[float] = field(default_factory=list)

    def row(self, n_pages: int, alone: tuple[float, float]) -> Row:
        p50, p99 = self.heard.quantiles()
        return Row(
            f"sample to client, {n_pages} live pages open, {self.how}", p50, p99, "ms",
            "no page open", p50 / alone[0],
            f"p99 {p99 / alone[1]:.2f} times; n = {len(self.heard.ways_ms)}; {self.heard.lost} "
            f"frames lost; Chromium took {mean(self.of_pages):.0f} % of a core, the service "
            f"{mean(self.of_service):.0f} %",
        )  # fmt: skip


def rows(*, seconds: float = 360.0, n_pages: int = 10) -> list[Row]:
    """None and ten, in turns of equal length."""
    alone, of_service = Heard(), list[float]()
    besides = [Beside("drawing on the same cores", yields=False)]
    if AUTOGROUP.is_file():
        besides.append(Beside("which yield the cores", yields=True))
    turn_s = seconds / ((1 + len(besides)) * TURNS)
    with demo() as served:
        address = served.url.removeprefix("http://")
        service = psutil.Process(served.pid)
        time.sleep(SETTLE_S)
        with listeners(address, N_CLIENTS, path=PATH) as children:
            for _ in range(TURNS):
                before_s = _cpu_s(service)
                hear(children, turn_s, alone)
                of_service.append(100.0 * (_cpu_s(service) - before_s) / turn_s)
                for turn in besides:
                    with _pages(served.url, n_pages, yields=turn.yields) as browser:
                        before = _cpu_s(service), _cpu_s(*browser)
                        hear(children, turn_s, turn.heard)
                        after = _cpu_s(service), _cpu_s(*browser)
                    turn.of_service.append(100.0 * (after[0] - before[0]) / turn_s)
                    turn.of_pages.append(100.0 * (after[1] - before[1]) / turn_s)
    one = alone.quantiles()
    setting = (
        f"n = {len(alone.ways_ms)}; {alone.lost} frames lost; {TURNS} turns of {turn_s:g} s; "
        f"the service took {mean(of_service):.0f} % of a core; load {os.getloadavg()[0]:.1f}"
    )
    first = Row("sample to client, no page open", *one, "ms", setting=setting)
    return [first, *(turn.row(n_pages, one) for turn in besides)]


@contextmanager
def _pages(url: str, n: int, *, yields: bool) -> Iterator[list[psutil.Process]]:
    """Live pages that draw; gives the browser's processes. None may have fallen behind."""
    me = psutil.Process()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pages = [browser.new_context().new_page() for _ in range(n)]
        for page in pages:
            page.goto(url)
        for page in pages:
            page.wait_for_function("document.getElementById('chart').dataset.points > 1")
        processes = [p for p in me.children(recursive=True) if "chrom" in p.name()]
        if yields:
            _yield_the_cores(processes)
        time.sleep(SETTLE_S)
        seen = [_points(page) for page in pages]
        yield processes
        behind = [k for k, page in enumerate(pages) if not _is_live(page, seen[k])]
        browser.close()
    if behind:
        raise SystemExit(f"pages {behind} were not live to the end")


def _yield_the_cores(processes: list[psutil.Process]) -> None:
    """Only what nobody else wants; a browser is a session of its own, and so a group of its own."""
    for process in processes:
        process.nice(19)
        (Path("/proc") / str(process.pid) / "autogroup").write_text("19")


def _points(page: Page) -> int:
    return int(page.locator("#chart").get_attribute("data-points") or 0)


def _is_live(page: Page, before: int) -> bool:
    """It has gone on drawing, or its two minutes are full, and it does not call itself old."""
    moved = _points(page) > before or before > 200
    return moved and page.locator("#stale").is_hidden()


def _cpu_s(*processes: psutil.Process) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in processes if p.is_running())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=360.0)
    parser.add_argument("--pages", type=int, default=10)
    arguments = parser.parse_args()
    measured = rows(seconds=arguments.seconds, n_pages=arguments.pages)
    sys.stdout.write(markdown(measured, machine()))


if __name__ == "__main__":
    main()
