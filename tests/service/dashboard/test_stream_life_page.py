"""What the live page says of streams that go, come back or come back changed, and of their quality.

The service is the real one, the person is simulated: its faults come by the clock.
"""

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import CHROMIUM, Feeder, pictured, served
from support.serving import serving

from hadua.service.wire import StatusFrame, StreamStatus

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
SOURCES = ("--eeg", "sim:faults=flat:FP1@0;line:OZ@0*80", "--gaze", "sim:faults=dropout@7+4")


def card(page: Page, name: str) -> Locator:
    return page.locator("#streams .stream", has_text=name)


def test_a_tracker_that_falls_silent_and_comes_back(page: Page) -> None:
    with serving(*SOURCES) as (_, url):
        page.goto(url)
        eye, eeg = card(page, "Eye tracking"), card(page, "EEG (brain)")
        expect(eye.locator("h3 .state")).to_have_text("Live", timeout=20_000)
        expect(eeg).to_contain_text("60 of 62 channels are good", timeout=20_000)
        expect(eeg).to_contain_text("Not used: FP1 (flat), OZ (mains hum)")

        expect(eye.locator("h3 .state")).to_have_text(
            "Late: samples have stopped coming", timeout=20_000
        )
        expect(eye.locator("dl")).to_contain_text("Newest sample")
        pictured(page, "live-stale")
        expect(eye.locator("h3 .state")).to_have_text("Back: samples arrive again", timeout=20_000)
        expect(eye.locator("dl")).to_contain_text("the last time for 4")
        expect(page.locator("#events")).to_contain_text("Eye tracking: Late")
        expect(page.locator("#events")).to_contain_text("Eye tracking: Back")
        expect(eye).to_contain_text("of the window)", timeout=20_000)
        pictured(page, "live-back")


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ({"state": "lost", "last_error": "its sender has closed the connection"},
         ("Lost: the device is gone", "its sender has closed the connection")),
        ({"state": "changed", "change": "500 Hz instead of 250"},
         ("Back, but changed: check the device", "It came back changed: 500 Hz instead of 250.")),
        ({"state": "live", "twins": 1},
         ("Live", "2 senders have its source_id: stop all but one.")),
    ],
)  # fmt: skip
def test_each_state_has_its_words(
    page: Page, stream: dict[str, object], words: tuple[str, str]
) -> None:
    feeder = Feeder()
    with served(feeder.app) as url:
        feeder.say(
            StatusFrame(
                session_id="demo", epoch=1, seq=feeder.next_seq(), state="degraded", reason="",
                streams={"eeg": StreamStatus(source="lsl:type=EEG", name="Amp", **stream)},  # type: ignore[arg-type]
                normalisation="source", chunks_dropped=0, predictions=0, abstained=0,
                latency=None, uptime_s=1.0,
            )
        )  # fmt: skip
        page.goto(url)

        expect(card(page, "EEG (brain)").locator("h3 .state")).to_have_text(words[0])
        expect(card(page, "EEG (brain)")).to_contain_text(words[1])
