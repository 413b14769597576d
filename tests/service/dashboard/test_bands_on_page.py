"""Band power on the live page: numbers with units, bars without colours, and never an old one."""

import re
import time

import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, Feeder, pictured, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
TO = "\N{EN DASH}"


def texts(page: Page, selector: str) -> list[str]:
    return [re.sub(r"\s+", " ", text) for text in page.locator(selector).all_inner_texts()]


def width_px(page: Page, row: int, column: int) -> float:
    cell = page.locator("#bands-table tbody tr").nth(row).locator("td").nth(column)
    box = cell.locator(".decades > span").bounding_box()
    return 0.0 if box is None else box["width"]


def test_each_band_and_region_has_a_number_a_bar_and_the_last_two_minutes(page: Page) -> None:
    feeder = Feeder()
    for alpha_uv2 in (12.0, 40.0, 10.0):
        feeder.prediction("joy")
        feeder.quality(alpha_uv2)
    with served(feeder.app) as url:
        page.goto(url)
        table = page.locator("#bands-table")
        expect(table.locator("tbody tr")).to_have_count(2)
        assert texts(page, "#bands-table thead th") == [
            *("Band", "Whole head 20 channels", "Frontal 14 channels", "Occipital 6 channels"),
            *("Parietal 0 channels", "Two minutes whole head"),
        ]
        assert texts(page, "#bands-table tbody th") == [f"Delta 1{TO}4 Hz", f"Alpha 8{TO}14 Hz"]
        assert texts(page, "#bands-table tbody tr:nth-child(2) .uv2") == ["10", "5.0", "30", TO]
        expect(table.get_by_role("img", name=re.compile("^Alpha"))).to_have_attribute(
            "aria-label", "Alpha, whole head, last two minutes: between 10 and 40 µV²"
        )
        # Four decades: 30 µV² lies 2.48 of them above the least, 5 µV² 1.70.
        back, front = width_px(page, 1, 2), width_px(page, 1, 1)
        assert back / front == pytest.approx(2.477 / 1.699, rel=0.05)
        pictured(page, "bands")

        node = page.locator("#bands-table tbody tr").first.element_handle()
        feeder.prediction("joy")
        feeder.quality(99.6)
        expect(table.locator("tbody tr").nth(1).locator(".uv2").first).to_have_text("100")
        assert node.evaluate("row => row.isConnected")  # numbers change in their place


def test_it_says_its_unit_and_that_it_is_no_emotion(page: Page) -> None:
    feeder = Feeder()
    feeder.prediction("joy")
    feeder.quality()
    with served(feeder.app) as url:
        page.goto(url)
        section = page.get_by_role("region", name="Band power of the EEG, in µV²")
        expect(section).to_contain_text("It tells of the signal, not of an emotion")
        page.get_by_role("region", name="Band power", exact=True).focus()  # scrolled by keyboard


def test_old_band_power_is_not_shown_beside_new_answers(page: Page) -> None:
    feeder, now = Feeder(), time.time()
    feeder.prediction("joy", time_unix=now)
    feeder.quality()
    with served(feeder.app) as url:
        page.goto(url)
        expect(page.locator("#bands-table")).to_be_visible()

        feeder.prediction("joy", time_unix=now + 5.0)  # in five seconds nothing was said of it
        expect(page.locator("#bands-table")).to_be_hidden()
        expect(page.locator("#bands-none")).to_have_text(
            "No EEG was measured in the newest window."
        )
        feeder.quality(bands=False)
        feeder.prediction(None, modalities={"eeg": "unmapped", "eye": "used"})
        expect(page.locator("#bands-none")).to_have_text(
            "The device covers too little of what the model needs."
        )
