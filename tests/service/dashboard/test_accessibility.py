"""Every page under axe, light and dark, wide and narrow; and none asks another machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from support.browser import CHROMIUM, Witness, chromium, looked_at
from support.service import EEG, FakeSource, Parts, ramps
from support.threaded import threaded

from hadua.models.features import Modality
from hadua.service.dashboard.page import PAGES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]


@contextmanager
def something_on_every_page() -> Iterator[str]:
    """A session that runs, one participant who consents and one who does not; the address."""
    source = FakeSource([*ramps(EEG, 5), threading.Event()])
    with threaded(Parts(startup={Modality.EEG: source})) as service:
        storage = service.service.storage
        for participant in ("P-01", "P-02"):
            storage.enter(participant)
        storage.consent("P-01", notice="notice/1", recorded_by="anna")
        yield service.url


def test_no_page_has_a_serious_finding_scrolls_sideways_or_asks_another_machine() -> None:
    with something_on_every_page() as url, chromium() as browser:
        page = browser.new_page()
        witness = Witness(page)
        for address in (*PAGES, "participants#P-01", "participants#P-02"):
            page.goto("about:blank")
            page.goto(f"{url}/{address}")
            shown = page.locator("#chart[data-points='5'], html[data-ready]")
            expect(shown).to_have_count(1)
            looked_at(page, address or "live")
        asked = {a.split("/")[2] for a in witness.addresses if a.startswith(("http", "ws"))}
        assert asked == {url.removeprefix("http://")}
        assert witness.complaints == []


def test_numbers_that_are_old_can_still_be_read() -> None:
    with something_on_every_page() as url, chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#main[data-stale='silent'], #main[data-stale='no-answer']")
        looked_at(page, "stale")
