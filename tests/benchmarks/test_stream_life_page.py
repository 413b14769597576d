"""The live page tells of real senders that are killed, come back changed, or get a twin."""

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from five_senders import Fault, Sender, service
from playwright.sync_api import Locator, Page, expect
from support.browser import CHROMIUM, chromium, pictured

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
FAULTS: tuple[Fault, ...] = ("killed", "relabelled", "doubled")
PATIENCE_MS = 20_000
KNOWN_WITHIN_MS = 3_000  # two seconds, and one for a machine that has other things to do


def card(page: Page) -> Locator:
    return page.locator("#streams .stream", has_text="EEG (brain)")


def state(page: Page) -> Locator:
    return card(page).locator("h3 .state")


def test_everybody_who_looks_at_the_page_knows_it_within_seconds(tmp_path: Path) -> None:
    senders = {fault: Sender(fault, f"{fault}-{uuid.uuid4().hex[:8]}") for fault in FAULTS}
    with ExitStack() as stack:
        for sender in senders.values():
            stack.callback(sender.end)
            sender.start()
        serving = stack.enter_context(service(tmp_path))
        for fault, sender in senders.items():
            body = {"id": fault, "eeg": f"lsl:source_id={sender.source_id}"}
            httpx.post(f"{serving.url}/api/v1/sessions", json=body).raise_for_status()
        browser = stack.enter_context(chromium())
        pages = {fault: browser.new_page() for fault in FAULTS}
        for fault, page in pages.items():
            page.goto(f"{serving.url}/#{fault}")
            expect(state(page)).to_have_text("Live", timeout=PATIENCE_MS)
            expect(card(page)).to_contain_text("62 of 62 channels are good", timeout=PATIENCE_MS)

        harmed(
            {senders[f].harm: (pages[f], "Lost: the device is gone") for f in FAULTS[:2]}
            | {senders["doubled"].harm: (pages["doubled"], "2 senders have its source_id")}
        )
        pictured(pages["killed"], "page-killed")
        pictured(pages["doubled"], "page-doubled")
        for sender in senders.values():
            sender.heal()
        expect(state(pages["killed"])).to_have_text(
            "Back: samples arrive again", timeout=PATIENCE_MS
        )
        expect(card(pages["killed"])).to_contain_text("the last time for")
        expect(state(pages["relabelled"])).to_have_text(
            "Back, but changed: check the device", timeout=PATIENCE_MS
        )
        expect(card(pages["relabelled"])).to_contain_text("It came back changed: other channels")
        pictured(pages["relabelled"], "page-relabelled")
        expect(card(pages["doubled"])).not_to_contain_text("2 senders", timeout=PATIENCE_MS)
        for page in pages.values():
            expect(page.locator("#modalities")).to_contain_text("Used", timeout=PATIENCE_MS)


def harmed(harms: dict[Callable[[], float], tuple[Page, str]]) -> None:
    """Do each harm and see that the page says so in time."""
    for harm, (page, words) in harms.items():
        harm()
        expect(card(page)).to_contain_text(words, timeout=KNOWN_WITHIN_MS)
