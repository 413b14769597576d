"""What `make demo` shows: the real command, a real browser, a page that moves."""

import re

import pytest
from playwright.sync_api import expect
from support.browser import CHROMIUM, Witness, chromium
from support.serving import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]


def test_the_demo_moves_and_says_what_it_is() -> None:
    with serving("--demo") as (_, url), chromium() as browser:
        page = browser.new_page()
        witness = Witness(page)
        page.goto(url)
        chart = page.locator("#chart")

        for points in range(2, 9, 2):  # half a second apart: four seconds of moving
            expect(chart).to_have_attribute("data-points", re.compile(rf"^([{points}-9]|\d\d)$"))
        expect(page.locator("#notice")).to_contain_text("simulated people only")
        expect(page.locator("#label")).to_have_text(re.compile("Negative|Neutral|Positive"))
        expect(page.locator("#devices")).to_contain_text("62 of the model's 62 EEG channels")
        expect(page.locator("body")).to_contain_text("Simulated person is now")
        host = url.removeprefix("http://")
        assert {a.split("/")[2] for a in witness.addresses} == {host}
        assert witness.complaints == []
        page.close()
