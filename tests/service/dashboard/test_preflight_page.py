"""The pre-flight page on a real service with a simulated person: bad electrodes, an eye lost."""

import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, looked_at
from support.service import Parts, settings_for_tests
from support.serving import serving
from support.threaded import threaded

from hadua.service.access.roles import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
SOURCES = (
    *("--eeg", "sim:faults=flat:FP1@0;noisy:T7@0;line:OZ@0*80"),
    *("--gaze", "sim:faults=eye-lost:left@0;off-screen@3"),
)


def test_streams_head_and_eyes_are_shown_in_shapes_and_words(page: Page) -> None:
    with serving(*SOURCES) as (_, url):
        page.goto(url)  # the session has some seconds of signal then
        page.wait_for_selector("#streams .stream .state:has-text('of the window')", timeout=30_000)
        page.goto(f"{url}/preflight")
        expect(page.locator("html")).to_have_attribute("data-ready", "yes", timeout=30_000)

        expect(page.locator("#verdict")).to_contain_text("A session would run, with")
        expect(page.locator("#preflight-streams article")).to_have_count(2)
        expect(page.locator("#preflight-streams")).to_contain_text("1000 Hz")
        head = page.locator("svg.head")
        expect(head.locator(".electrode")).to_have_count(62)
        bad = head.locator(".electrode.bad")
        assert sorted(e.get_attribute("data-name") or "" for e in bad.all()) == ["FP1", "OZ", "T7"]
        assert "3 bad (FP1, T7, OZ)" in (head.get_attribute("aria-label") or "")
        expect(page.locator("#head-words")).to_contain_text("FP1 (flat)")
        expect(page.locator("svg.eyes .beside").first).to_be_attached()
        expect(page.locator("#eyes-words")).to_contain_text("Left eye: lost")
        expect(page.locator("#eyes-words")).to_contain_text("not measured in 100 %")
        looked_at(page, "preflight-bad")

        page.focus("#look-participant")
        page.keyboard.type("P-77")
        page.keyboard.press("Enter")
        expect(page.locator("#findings")).to_contain_text("participant P-77", timeout=30_000)
        expect(page.locator("#verdict")).to_contain_text("1 problem first")


def test_a_viewer_is_told_which_role_it_takes(page: Page) -> None:
    with threaded(Parts(settings=settings_for_tests(require_token=True))) as service:
        token = service.service.storage.add_token("bert", Role.VIEWER)
        page.goto(f"{service.url}/participants")
        page.fill("#token", token)
        page.keyboard.press("Enter")
        expect(page.locator("#who")).to_have_text("bert · viewer")
        page.goto(f"{service.url}/preflight")

        expect(page.locator(".why-not")).to_contain_text("needs the role operator")
        expect(page.locator("#look")).to_have_count(0)
        expect(page.locator("#looked")).to_be_hidden()


def test_without_a_stream_it_says_what_to_do(page: Page) -> None:
    with threaded(Parts()) as service:
        page.goto(f"{service.url}/preflight")

        expect(page.locator("#streams-none")).to_contain_text("Start the devices' programs")
        expect(page.locator("#head-section")).to_be_hidden()
        expect(page.locator("#eyes-section")).to_be_hidden()
