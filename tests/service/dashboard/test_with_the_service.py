"""The page on the real service: the contract, and not only our idea of it."""

import re
import threading
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect
from support.browser import ARGUMENTS, CHROMIUM
from support.service import (
    EEG,
    FakeSource,
    Parts,
    async_test,
    ramps,
    running,
    settings_for_tests,
)

from hadua.models.features import Modality
from hadua.service.access.roles import Role
from hadua.service.dashboard import page as page_module

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]


@async_test
async def test_history_live_frames_mapping_and_goodbye() -> None:
    more, end = threading.Event(), threading.Event()
    source = FakeSource([*ramps(EEG, 5), more, *ramps(EEG, 7)[5:], end])
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        async with running(Parts(startup={Modality.EEG: source})) as service:
            page = await browser.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(service.url)
            chart = page.locator("#chart")
            await expect(chart).to_have_attribute("data-points", "5")
            await expect(page.locator("#notice")).to_contain_text("these scores mean nothing")
            await expect(page.locator("#label")).to_have_text("Calm")
            await expect(page.locator("#streams")).to_contain_text("fake EEG")
            await expect(page.locator("#streams")).to_contain_text("Fits the model to 100 %.")

            more.set()

            await expect(chart).to_have_attribute("data-points", "7")
            await expect(chart).to_have_attribute("data-gaps", "0")
            end.set()
            await expect(page.locator("#stale")).to_contain_text("The session has ended")
        await expect(page.locator("#connection")).to_have_text("Not connected")
        await expect(page.locator("#events")).to_contain_text("The service said goodbye")
        await browser.close()
    assert complaints == []


@async_test
async def test_an_operator_confirms_a_device_and_the_session_that_waited_begins() -> None:
    gate = threading.Event()
    source = FakeSource([*ramps(EEG, 5), gate])
    settings = settings_for_tests(require_confirmed_mapping=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        async with running(Parts(startup={Modality.EEG: source}, settings=settings)) as service:
            page = await browser.new_page()
            await page.goto(service.url)
            device = page.locator("#device-eeg")
            await expect(device).to_contain_text("Not confirmed yet")
            await expect(page.locator("#reason")).to_contain_text("is to be confirmed")

            await device.get_by_role("button").click()

            await expect(device).to_contain_text("Confirmed")
            await expect(device.get_by_role("button")).to_have_count(0)
            (session,) = service.service.sessions.all()
            await session.running.wait()
            (kept,) = service.service.sessions.mappings.all()
            assert kept.stream == "fake EEG"
            gate.set()
        await browser.close()


@async_test
async def test_a_service_that_asks_for_tokens_is_used_with_one_that_stays_out_of_addresses(
    tmp_path: Path,
) -> None:
    end = threading.Event()
    source = FakeSource([*ramps(EEG, 5), end])
    settings = settings_for_tests(require_token=True)
    addresses: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        async with running(Parts(startup={Modality.EEG: source}, settings=settings)) as service:
            token = service.service.storage.add_token("anna", Role.VIEWER)
            page = await browser.new_page()
            page.on("request", lambda request: addresses.append(request.url))
            page.on("websocket", lambda socket: addresses.append(socket.url))
            await page.goto(service.url)
            await expect(page.locator("#sign-in")).to_be_visible()
            await page.screenshot(path=str(tmp_path / "sign-in.png"))
            await page.fill("#token", "nonsense")
            await page.keyboard.press("Enter")
            await expect(page.locator("#sign-in-refused")).to_be_visible()
            await page.fill("#token", token)
            await page.keyboard.press("Enter")
            await expect(page.locator("#chart")).to_have_attribute("data-points", "5")
            await expect(page.locator("#sign-in")).to_be_hidden()
            end.set()
        await browser.close()
    assert any("ticket=" in address for address in addresses)
    assert not any(token in address for address in addresses)


def test_every_request_of_the_page_can_carry_a_token() -> None:
    modules = [p for p in page_module.FOLDER.rglob("*.js") if p.name != "access.js"]

    assert modules
    for module in modules:
        assert not re.search(r"\bfetch\(", module.read_text(encoding="utf-8")), module.name
