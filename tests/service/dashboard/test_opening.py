"""A page that is opened while answers come has all of them, those before it and those meanwhile."""

import threading
import time

import httpx
import pytest
from playwright.sync_api import Route, expect
from support.browser import CHROMIUM, chromium
from support.service import EEG, FakeSource, Parts, ramps
from support.serving import only_session
from support.threaded import threaded

from hadua.models.features import Modality

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]


def until_answered(url: str, n: int) -> None:
    """Wait until a service's one session has given so many answers."""
    path = f"{url}/api/v1/sessions/{only_session(url)}/predictions"
    until_s = time.monotonic() + 20.0
    while len(httpx.get(path).json()["predictions"]) < n:
        assert time.monotonic() < until_s, n
        time.sleep(0.02)


def test_answers_that_come_while_the_page_asks_about_the_session_are_not_all_it_has() -> None:
    more = threading.Event()
    chunks = ramps(EEG, 5)
    source = FakeSource([*chunks[:3], more, *chunks[3:], threading.Event()])
    with threaded(Parts(startup={Modality.EEG: source})) as service, chromium() as browser:
        until_answered(service.url, 3)

        def answer_late(route: Route) -> None:
            more.set()
            until_answered(service.url, 5)
            route.continue_()

        page = browser.new_page()
        page.route(f"**/api/v1/sessions/{only_session(service.url)}", answer_late)
        page.goto(service.url)
        expect(page.locator("#chart[data-points='5']")).to_have_count(1, timeout=20_000)
