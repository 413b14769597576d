"""The pages beside the live one, on the real service: what an operator does with them."""

import re
import threading
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import CHROMIUM
from support.service import EEG, FakeSource, Parts, ramps, settings_for_tests
from support.threaded import threaded

from hadua.adapters.sources.stream_summary import StreamSummary
from hadua.service.access.roles import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
STREAMS = (
    StreamSummary("Booth EEG", "EEG", "e-1", "BOOTH-7", 64, 500.0, "fake:eeg"),
    StreamSummary("Booth gaze", "Gaze", "g-1", "BOOTH-7", 6, 600.0, "fake:gaze"),
    StreamSummary("Keys", "Markers", "k-1", "BOOTH-7", 1, 0.0, "fake:keys"),
)


def opened(page: Page, url: str, address: str) -> None:
    page.goto(f"{url}/{address}")
    expect(page.locator("html")).to_have_attribute("data-ready", "yes")


def saying_why(box: Locator, *, code: str) -> None:
    expect(box.locator(".problem")).to_have_attribute("data-code", code)
    expect(box.locator(".problem dt").last).to_have_text("What to try")


def consenting(page: Page, who: str) -> None:
    """Enter a participant and their consent, by the keyboard alone."""
    page.focus("#enter-id")
    page.keyboard.type(who)
    page.keyboard.press("Enter")
    expect(page.locator("#person-title")).to_have_text(who)
    page.focus("#consent-notice")
    page.keyboard.type("notice/1")
    page.keyboard.press("Tab")
    page.keyboard.type("anna")
    page.keyboard.press("Enter")
    expect(page.locator("#consents-table")).to_contain_text("anna")


def test_a_participant_consents_takes_part_withdraws_and_is_erased(page: Page) -> None:
    parts = Parts(
        sources={"fake:eeg": FakeSource([*ramps(EEG, 4), threading.Event()])},
        settings=settings_for_tests(require_consent=True),
        list_streams=lambda _: STREAMS,
    )
    with threaded(parts) as service:
        opened(page, service.url, "participants")
        consenting(page, "P-01")
        page.fill("#enter-id", "p-01")
        page.press("#enter-id", "Enter")
        saying_why(page.locator("#enter"), code="participant-exists")

        page.click("#start-theirs")
        expect(page.locator("#start-participant")).to_have_value("P-01")
        page.click("#search")
        expect(page.locator("#streams-table tbody tr")).to_have_count(3)
        expect(page.locator("#start-eeg")).to_have_value("fake:eeg")
        expect(page.locator("#start-gaze")).to_have_value("fake:gaze")
        page.click("#start-go")
        saying_why(page.locator("#start"), code="bad-usage")  # the test knows no such gaze
        page.select_option("#start-gaze", "")
        page.fill("#start-id", "morning")
        page.press("#start-id", "Enter")
        card = page.locator("#session-morning")
        expect(card).to_contain_text("Running")
        expect(page.locator("#history-table")).to_contain_text("Not over yet")

        card.get_by_role("link", name="P-01").click()
        page.click("#erase")
        expect(page.locator("#confirm-yes")).to_be_disabled()
        page.keyboard.type("P-01")
        page.keyboard.press("Enter")
        saying_why(page.locator("#person"), code="participant-busy")
        page.click("#withdraw")
        page.click("#confirm-yes")
        expect(page.locator("#person h3").first).to_contain_text("Withdrawn")
        expect(page.locator("#theirs-table")).to_contain_text("Stopped")  # without a reload
        with page.expect_download() as download:
            page.click("#export")
        assert download.value.suggested_filename == "P-01.zip"
        assert zipfile.is_zipfile(download.value.path())

        page.click("#erase")
        page.keyboard.type("P-01")
        page.click("#confirm-yes")
        expect(page.locator("#person-facts")).to_contain_text("Erased: 1 session")
        expect(page.locator("#people-state")).to_have_text("Nobody is entered yet.")
        assert service.service.storage.participants() == []

        opened(page, service.url, "log")
        expect(page.locator("#log-table tbody tr").first).to_contain_text("participant erased")
        assert "P-01" not in page.locator("#log-section").inner_text()
        page.go_back()
        expect(page.locator("#people")).to_be_visible()


def test_a_session_is_recorded_and_stopped(page: Page, new_folder: Path) -> None:
    parts = Parts(
        sources={"fake:eeg": FakeSource([*ramps(EEG, 4), threading.Event()])},
        settings=settings_for_tests(min_free_mb=0.0),
        data_folder=new_folder,
    )
    with threaded(parts) as service:
        opened(page, service.url, "sessions")
        page.select_option("#start-eeg", label="A simulated person: to rehearse")
        expect(page.locator("#start-eeg")).to_have_value("sim:")
        page.select_option("#start-eeg", label="Another SOURCE …")
        page.fill("#start-eeg-other", "fake:eeg")
        page.fill("#start-id", "noon")
        page.press("#start-id", "Enter")
        expect(page.locator("#session-noon")).to_contain_text("Running")

        opened(page, service.url, "recordings")
        page.click("#record-noon")
        recording = page.locator("#recording-noon")
        expect(recording).to_contain_text(".xdf")
        page.click("#end-noon")
        expect(recording).to_contain_text("File closed")
        files = page.locator("#files-table tbody tr")
        expect(files).to_have_count(1)  # without a reload
        expect(files.first).to_contain_text(str(new_folder))
        expect(files.first).to_contain_text("nobody")

        opened(page, service.url, "sessions")
        page.click("#stop-noon")
        expect(page.locator("#confirm-no")).to_be_focused()
        page.click("#confirm-yes")
        expect(page.locator("#session-noon")).to_contain_text("Stopped")
        expect(page.locator("#history-table")).to_contain_text("asked to")
    assert list(new_folder.rglob("*.xdf"))


def test_a_refusal_stays_while_the_page_looks_again(page: Page) -> None:
    parts = Parts(
        sources={"fake:eeg": FakeSource([*ramps(EEG, 4), threading.Event()])},
        settings=settings_for_tests(min_free_mb=1e12),
    )
    with threaded(parts) as service:
        opened(page, service.url, "recordings")
        page.evaluate(
            "fetch('api/v1/sessions', {method: 'POST', body: JSON.stringify({eeg: 'fake:eeg', "
            "id: 'full'}), headers: {'Content-Type': 'application/json'}})"
        )
        page.click("#record-full")
        saying_why(page.locator("#recordings-section"), code="disk-full")
        for _ in range(2):
            with page.expect_response("**/api/v1/sessions?limit=1000"):
                pass
        saying_why(page.locator("#recordings-section"), code="disk-full")


def test_a_token_is_made_shown_once_and_taken_back(page: Page) -> None:
    with threaded(Parts(settings=settings_for_tests(require_token=True))) as service:
        storage = service.service.storage
        page.goto(f"{service.url}/tokens")
        page.fill("#token", storage.add_token("anna", Role.ADMIN))
        page.keyboard.press("Enter")
        expect(page.locator("#tokens-table tbody tr")).to_have_count(1)
        page.focus("#make-name")
        page.keyboard.type("booth-7")
        page.select_option("#make-role", "operator")
        page.press("#make-name", "Enter")
        expect(page.locator("#made-token")).to_be_focused()
        token = page.locator("#made-token").inner_text()
        headers = {"Authorization": f"Bearer {token}"}
        whoami = f"{service.url}/api/v1/whoami"
        assert httpx.get(whoami, headers=headers).json()["role"] == "operator"
        expect(page.locator("#token-booth-7")).to_contain_text("operator: runs sessions")
        page.fill("#make-name", "booth-7")
        page.press("#make-name", "Enter")
        saying_why(page.locator("#make"), code="token-exists")
        page.reload()
        expect(page.locator("#tokens-table tbody tr")).to_have_count(2)
        assert token not in page.content()

        page.click("#revoke-booth-7")
        page.click("#confirm-yes")
        expect(page.locator("#token-booth-7")).to_have_count(0)
        assert httpx.get(whoami, headers=headers).status_code == 401
        page.click("#revoke-anna")
        expect(page.locator("#confirm-yes")).to_be_disabled()  # one's own asks for the name
        page.click("#confirm-no")


def test_settings_are_shown_and_what_is_secret_is_not(page: Page) -> None:
    settings = settings_for_tests(database="postgresql://hadua:sesame@db/x", stale_s=1.5)
    with threaded(Parts(settings=settings)) as service:
        opened(page, service.url, "settings")
        expect(page.locator("#setting-stale_s")).to_contain_text("1.5")
        expect(page.locator("#setting-database")).to_contain_text("Set; not shown")
        page.check("#settings-changed")
        expect(page.locator("#setting-bridge_s")).to_have_count(0)
        assert "sesame" not in page.content()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_sees_why(role: Role, page: Page) -> None:
    parts = Parts(settings=settings_for_tests(require_token=True))
    with threaded(parts) as service:
        storage = service.service.storage
        storage.enter("P-02")
        page.goto(f"{service.url}/participants#P-02")
        page.fill("#token", storage.add_token("bert", role))
        page.keyboard.press("Enter")
        expect(page.locator("#who")).to_have_text(f"bert · {role}")
        person = page.locator("#person")
        expect(person).to_contain_text(f"needs the role admin; you are bert, with the role {role}")
        expect(page.locator("#erase")).to_have_count(0)
        may_enter = role is Role.OPERATOR
        expect(page.locator("#enter")).to_have_count(int(may_enter))
        expect(page.locator("#consent")).to_have_count(int(may_enter))
        for address in ("settings", "log", "tokens"):
            opened(page, service.url, address)
            expect(page.locator(".why-not")).to_contain_text("needs the role admin")
        opened(page, service.url, "sessions")
        expect(page.locator("#start")).to_have_count(int(may_enter))
        opened(page, service.url, "recordings")
        expect(page.locator("#files-section .why-not")).to_have_count(int(not may_enter))


def test_a_service_that_is_gone_is_said_to_be(page: Page) -> None:
    with threaded(Parts()) as service:
        opened(page, service.url, "participants")
    page.fill("#enter-id", "P-03")
    page.press("#enter-id", "Enter")
    expect(page.locator("#enter .problem")).to_have_text(re.compile("did not answer"))
