"""Whatever has ended, gone or slept: a page whose answers are old says so, and how old they are."""

import re
import threading
import time

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import CHROMIUM, Feeder, pictured, served
from support.service import EEG, FakeSource, Parts, ramps
from support.threaded import threaded

from hadua.models.features import Modality

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
TEN_MINUTES_S = 600.0
OLD = re.compile(r"The last answer is 1\d min")
LATER = """ms => {
  const [page, wall] = [performance.now.bind(performance), Date.now];
  performance.now = () => page() + ms;
  Date.now = () => wall() + ms;
}"""


def answered(*, ago_s: float = 0.0, n: int = 3) -> Feeder:
    """A session that gave its last answer some time ago."""
    feeder, last = Feeder(), time.time() - ago_s
    for k in range(n):
        feeder.prediction("joy", time_unix=last - 0.5 * (n - 1 - k))
    return feeder


def expect_old(page: Page, kind: str) -> None:
    """It says so in words, without colours, and the numbers do not look like new ones."""
    expect(page.locator("#main")).to_have_attribute("data-stale", kind)
    expect(page.locator("#stale-text")).to_be_visible()
    expect(page.locator("#now")).to_have_css("border-style", "dashed")
    expect(page.locator("#label")).to_have_css("filter", "grayscale(1)")


def test_opened_after_the_last_answer_of_a_session_that_goes_on(page: Page) -> None:
    feeder = answered(ago_s=TEN_MINUTES_S)
    feeder.status(eye="lost", state="degraded", reason="eye: the stream is lost")
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#stale-text")).to_have_text(
            "No new answers: eye: the stream is lost. What you see is old. "
            "Look at the signals: a device may have stopped."
        )
        expect(page.locator("#stale-age")).to_have_text(OLD)
        expect_old(page, "no-answer")
        pictured(page, "stale-opened-late")


def test_opened_after_the_end_of_the_session(page: Page) -> None:
    feeder = answered(ago_s=TEN_MINUTES_S)
    feeder.status(state="failed", reason="the stream is lost")
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#stale-text")).to_have_text(
            "The session has ended: the stream is lost. What you see is its last answer."
        )
        expect(page.locator("#stale-age")).to_have_text(OLD)
        expect_old(page, "ended")


def test_an_ended_session_leads_to_the_one_that_runs_now(page: Page) -> None:
    feeder = answered()
    feeder.status(state="stopped", reason="asked to")
    with served(feeder.app) as url:
        page.goto(url)
        expect_old(page, "ended")
        expect(page.locator("#next-session")).to_be_hidden()
        feeder.others.append("next one")

        link = page.get_by_role("link", name="Session next one runs now: show it")
        expect(link).to_be_visible(timeout=10_000)
        link.click()
        expect(page.locator("#sessions")).to_have_value("next one")
        expect(page.locator("#label")).to_have_text("Waiting")
        assert page.evaluate("decodeURIComponent(location.hash)") == "#next one"


def test_the_service_is_gone(page: Page) -> None:
    with served(answered().app) as url:
        page.goto(url)
        expect(page.locator("#chart")).to_have_attribute("data-points", "3")
    expect(page.locator("#stale-text")).to_have_text(
        "Not connected to the service: trying again. What you see is old."
    )
    expect_old(page, "lost")
    expect(page.locator("#signals")).to_have_css("border-style", "dashed")


def test_the_service_goes_after_the_session_has_ended(page: Page) -> None:
    feeder = answered()
    feeder.status(state="stopped", reason="asked to")
    with served(feeder.app) as url:
        page.goto(url)
        expect_old(page, "ended")
    expect(page.locator("#connection")).to_have_text("Not connected", timeout=10_000)


def test_a_stream_is_lost(page: Page) -> None:
    feeder = answered()
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#chart")).to_have_attribute("data-points", "3")
        feeder.status(eye="lost", state="degraded", reason="eye: the stream is lost")
        expect(page.locator("#stale-text")).to_contain_text("eye: the stream is lost")
        expect_old(page, "no-answer")


def test_a_service_that_hangs_before_the_first_answer(page: Page) -> None:
    feeder = Feeder()
    feeder.status(state="waiting")
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#label")).to_have_text("Waiting")
        expect(page.locator("#streams")).to_contain_text("Live")
        page.evaluate(LATER, 15_000)
        expect(page.locator("#stale-text")).to_have_text(
            "No news from the service. What you see is old."
        )
        expect(page.locator("#streams")).not_to_contain_text("Live")


def test_the_computer_slept(page: Page) -> None:
    feeder = answered()
    feeder.status()
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#chart")).to_have_attribute("data-points", "3")
        known = len(feeder.queries)
        # The wall clock goes on in its sleep, the page's own clock and its timers do not.
        page.evaluate("(() => { const now = Date.now; Date.now = () => now() + 600_000; })()")

        expect(page.locator("#stale-age")).to_have_text(OLD)
        expect(page.locator("#events")).to_contain_text(
            re.compile(r"This computer slept for (9|10) min")
        )
        expect(page.locator("#now")).to_have_css("border-style", "dashed")
        expect(page.locator("#connection")).to_have_text("Connected, but silent")
        assert len(feeder.queries) > known  # a connection that slept is not to be trusted

        feeder.prediction("calm")
        expect(page.locator("#stale")).to_be_hidden()


def test_the_tab_slept_and_what_waited_for_it_in_the_browser_is_as_old_as_it_is(
    page: Page,
) -> None:
    feeder = answered()
    feeder.status()
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#chart")).to_have_attribute("data-points", "3")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
        feeder.prediction("fear")
        threading.Event().wait(3.5)  # nothing can be awaited: the page is to miss this
        devtools.send("Page.setWebLifecycleState", {"state": "active"})

        expect(page.locator("#stale-age")).to_have_text(
            re.compile(r"The last answer is ([3-9]|1\d) s old")
        )
        expect(page.locator("#now")).to_have_css("border-style", "dashed")


def test_every_other_page_says_when_the_service_is_gone(browser: Browser) -> None:
    context = browser.new_context()
    # One that asks again and again, and one that does not; `page.js` begins all of them.
    pages = {address: context.new_page() for address in ("sessions", "participants")}
    source = FakeSource([*ramps(EEG, 5), threading.Event()])
    with threaded(Parts(startup={Modality.EEG: source})) as service:
        for address, page in pages.items():
            page.goto(f"{service.url}/{address}")
            page.wait_for_selector("html[data-ready]")
            expect(page.locator("#gone")).to_be_hidden()
    for address, page in pages.items():
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it looks at once
        expect(page.locator("#gone-text"), address).to_have_text(
            "The service does not answer: trying again. What you see is old."
        )
        expect(page.locator("main section").first).to_have_css("border-style", "dashed")
    pictured(pages["sessions"], "stale-sessions")
    context.close()


def test_a_live_page_is_not_called_old(page: Page) -> None:
    feeder = answered()
    feeder.status()
    with served(feeder.app) as url:
        page.goto(url)
        for k in range(8):
            feeder.prediction("joy")
            expect(page.locator("#chart")).to_have_attribute("data-points", str(4 + k))
            expect(page.locator("#stale")).to_be_hidden()
