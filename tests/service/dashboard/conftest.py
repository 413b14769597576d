"""A browser for each module, and a page that nothing may complain of or lead away from."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from support.browser import Witness, chromium

REFUSED = "Failed to load resource"
"""What a browser says of an answer that is no 200, which some tests ask for."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(10_000)
    witness = Witness(page := context.new_page())
    yield page
    assert [c for c in witness.complaints if not c.startswith(REFUSED)] == []
    assert {a.split("/")[2].split(":")[0] for a in witness.addresses} <= {"127.0.0.1"}
    context.close()
