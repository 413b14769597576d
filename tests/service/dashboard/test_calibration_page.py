"""The calibration page on the real service, from the plan to going back, light and dark."""

import re
import threading

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import CHROMIUM, Witness, chromium, looked_at
from support.learning import Script, learning_parts, windows_chunks
from support.threaded import threaded
from support.toy_calibration import PERSON

from hadua.service.access.roles import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
FITTING_MS = 120_000  # the process that fits imports torch at a low priority


def opened(browser: Browser, url: str) -> Page:
    page = browser.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{url}/calibration")
    expect(page.locator("html")).to_have_attribute("data-ready", "yes")
    return page


def test_from_a_plan_to_a_profile_that_answers_and_back() -> None:
    begin, more, after = (threading.Event() for _ in range(3))
    script: Script = [begin, *windows_chunks(0, 60), more, *windows_chunks(60, 320), after]
    with threaded(learning_parts([*script, threading.Event()])) as service, chromium() as browser:
        page = opened(browser, service.url)
        witness = Witness(page)
        expect(page.locator("#who-state")).to_contain_text("Start one on the page Sessions")
        expect(page.get_by_role("link", name="Start a session")).to_be_visible()
        expect(page.locator("#calibrate-session")).to_be_hidden()  # nothing to choose from
        body = {"id": "s-1", "eeg": "toy", "participant": PERSON}
        assert httpx.post(f"{service.url}/api/v1/sessions", json=body).status_code == 201
        expect(page.locator("#who-state")).to_contain_text(PERSON)
        expect(page.locator("#plan")).to_be_visible()
        page.fill("#plan-minutes", "2")
        page.fill("#plan-rest", "5")
        expect(page.locator("#plan-told")).to_contain_text("half of them with EEG and")
        page.press("#plan-rest", "Enter")
        expect(page.locator("#calibration-state")).to_contain_text("Rest")
        begin.set()
        expect(page.locator("#calibration-state")).to_contain_text("Collecting")
        expect(page.locator("#calibration-progress")).to_contain_text("55 of")
        for seen in ("Usable signal", "takes the windows for", "low"):
            expect(page.locator("#calibration-progress")).to_contain_text(seen)
        expect(page.locator("#calibration-cancel")).to_be_visible()
        expect(fact(page, "calibration-progress", "Labels told")).to_have_text("none")
        tell(service.url, "high", from_s=0.0, until_s=1.0)
        expect(fact(page, "calibration-progress", "Labels told")).to_have_text(
            "1, what it learns will follow them"
        )
        expect(fact(page, "adaptation-told", "Labels told")).to_have_text("1, for when it is on")
        looked_at(page, "calibration-collecting")
        page.focus("#calibration-cancel")
        with page.expect_response("**/calibration"):
            pass
        expect(page.locator("#calibration-cancel")).to_be_focused()  # a look takes no focus away

        more.set()
        accept = page.locator("#calibration-accept")
        expect(accept).to_be_visible(timeout=FITTING_MS)
        expect(page.locator("#calibration-report")).to_contain_text("risk")
        expect(page.locator("#calibration-report")).to_contain_text("Answers that changed")
        expect(fact(page, "calibration-progress", "Labels told")).to_have_text(
            "1, learnt with its windows"
        )
        looked_at(page, "calibration-ready")
        accept.click()
        page.click("#confirm-yes")  # its risk is high
        expect(page.locator("#profile-1")).to_contain_text("Answers now")
        after.set()

        page.click("#serve-0")
        page.click("#confirm-yes")
        expect(page.locator("#profile-0")).to_contain_text("Answers now")
        expect(page.locator("#events-table")).to_contain_text("chosen on the page")
        page.click("#adaptation-on")
        page.click("#adaptation-off")  # it is starting, or on
        expect(page.locator("#adaptation-state")).to_contain_text("Off")
        looked_at(page, "calibration-went-back")
        assert witness.complaints == []
        assert {a.split("/")[2] for a in witness.addresses} == {service.url.split("/")[2]}


def test_following_says_what_it_was_told_and_what_came_of_learning_anew() -> None:
    first, rest = threading.Event(), threading.Event()
    script: Script = [first, *windows_chunks(0, 30), rest, *windows_chunks(30, 190)]
    with threaded(learning_parts([*script, threading.Event()])) as service, chromium() as browser:
        body = {"id": "s-1", "eeg": "toy", "participant": PERSON}
        assert httpx.post(f"{service.url}/api/v1/sessions", json=body).status_code == 201
        page = opened(browser, service.url)
        witness = Witness(page)
        page.click("#adaptation-on")
        expect(page.locator("#adaptation-state")).to_have_text("On", timeout=FITTING_MS)
        expect(fact(page, "adaptation-told", "Learnt anew")).to_have_text("not yet")
        tell(service.url, "high", from_s=100.0, until_s=130.0)
        told = fact(page, "adaptation-told", "Labels told")
        expect(told).to_have_text("1, 0 of them known to what learns")  # with the next window
        expect(fact(page, "adaptation-told", "Latest label")).to_have_text("high, for 30 s")
        first.set()
        expect(told).to_have_text("1, all known to what learns", timeout=FITTING_MS)
        rest.set()
        latest = fact(page, "adaptation-told", "What came of it last")
        expect(latest).not_to_have_text("none", timeout=FITTING_MS)
        now = httpx.get(f"{service.url}/api/v1/sessions/s-1/adaptation").json()["adaptation"]
        expect(latest).to_have_text(now["relearning"])
        times = "1 time" if now["relearnt"] else "not yet"
        expect(fact(page, "adaptation-told", "Learnt anew")).to_have_text(times)
        looked_at(page, "calibration-following")
        assert witness.complaints == []


def fact(page: Page, part: str, title: str) -> Locator:
    """What is said beside a title in a part of the page."""
    return page.locator(f"#{part} dt", has_text=re.compile(f"^{title}$")).locator("+ dd")


def tell(url: str, label: str, *, from_s: float, until_s: float) -> None:
    """Say what was felt, as an experimenter's program would."""
    body = {"label": label, "from_s": from_s, "until_s": until_s}
    assert httpx.post(f"{url}/api/v1/sessions/s-1/labels", json=body).status_code == 201


def test_who_may_only_see_sees_why() -> None:
    parts = learning_parts([threading.Event()], require_token=True)
    with threaded(parts) as service, chromium() as browser:
        storage = service.service.storage
        viewer = storage.add_token("bert", Role.VIEWER)
        admin = {"Authorization": f"Bearer {storage.add_token('anna', Role.ADMIN)}"}
        body = {"id": "s-1", "eeg": "toy", "participant": PERSON}
        httpx.post(f"{service.url}/api/v1/sessions", json=body, headers=admin)
        page = browser.new_page()
        page.goto(f"{service.url}/calibration")
        page.fill("#token", viewer)
        page.keyboard.press("Enter")
        why = page.locator("#calibration-section .why-not")
        expect(why).to_contain_text("To calibrate needs the role operator")
        expect(page.locator("#plan")).to_have_count(0)
