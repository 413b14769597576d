"""Page Fleet and the live page's word on who answered, with a pool and booths over real sockets."""

import os
import signal
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect
from support.browser import CHROMIUM, Feeder, looked_at, served
from support.service import (
    FakeRuntime,
    Parts,
    fake_bundle,
    settings_for_tests,
)
from support.threaded import threaded

from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array
from hadua.service.access.roles import Role
from hadua.service.certify.processes import service as service_process
from hadua.service.cluster.booth import Booth, PoolAsked
from hadua.service.cluster.fleet import SILENT_S, Fleet, Heartbeat

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
WITHIN_MS = 30_000  # two looks of a booth, on a machine that has other things to do


def opened(page: Page, url: str, address: str = "fleet") -> None:
    page.goto(f"{url}/{address}")
    expect(page.locator("html")).to_have_attribute("data-ready", "yes")


def word(booth: str, *, sees: str = "answering", **outcomes: int) -> Heartbeat:
    return Heartbeat(
        booth=booth,
        version="0.1.0",
        bundle="fake@0",
        sessions=1,
        predictions=1234,
        pool=sees,
        outcomes=outcomes,
    )


def test_every_booth_is_shown_with_who_answered_it_and_one_that_is_gone_is_forgotten(
    page: Page,
) -> None:
    now = [0.0]
    fleet = Fleet(clock=lambda: now[0])
    with threaded(Parts(replicas=2)) as pool:
        pool.service.fleet = fleet
        opened(page, pool.url)
        expect(page.locator("#fleet-state")).to_contain_text("No booth has announced itself.")
        expect(page.locator("#fleet-table")).to_be_hidden()
        expect(page.locator("#own-section")).to_be_hidden()

        fleet.hear(word("booth-1", pool=1200, late=1))
        now[0] = SILENT_S
        fleet.hear(word("booth-2", pool=1500, late=3, away=1004))
        fleet.hear(word("booth-3", sees="refused", away=7))
        now[0] = 100.0
        fleet.hear(word("booth-2", pool=1500, late=3, away=1004))
        fleet.hear(word("booth-3", sees="refused", away=7))

        expect(page.locator("#fleet-state")).to_have_text(
            "2 of 3 booths are there. 2 replicas answer for them."
        )
        gone, there, refused = (page.locator(f"#booth-booth-{k}") for k in (1, 2, 3))
        expect(gone).to_contain_text("Silent")
        expect(gone).to_contain_text("1 min 40 s ago")
        expect(there).to_contain_text("There")
        expect(there).to_contain_text("1 007: 3 pool too late, 1 004 pool away")
        expect(refused).to_contain_text("was refused by this pool, or has another model")
        names = page.locator("#fleet-table tbody th")
        expect(names).to_have_text(["booth-1", "booth-3", "booth-2"])  # who needs somebody, first
        expect(page.get_by_role("button", name="Forget the booth")).to_have_count(1)
        looked_at(page, "fleet")

        button = page.get_by_role("button", name="Forget the booth booth-1")
        button.focus()
        now[0] = 102.0
        expect(gone).to_contain_text("1 min 42 s ago")
        expect(button).to_be_focused()  # a new look took nothing from under the keyboard
        page.keyboard.press("Enter")
        page.click("#confirm-yes")
        expect(gone).to_have_count(0)
        assert [b.booth for b in fleet.info(replicas=2).booths] == ["booth-2", "booth-3"]


def test_a_viewer_sees_booths_and_forgets_none(page: Page) -> None:
    now = [0.0]
    with threaded(Parts(settings=settings_for_tests(require_token=True))) as pool:
        pool.service.fleet = Fleet(clock=lambda: now[0])
        pool.service.fleet.hear(word("booth-1"))
        now[0] = SILENT_S + 0.1
        page.goto(f"{pool.url}/fleet")
        page.fill("#token", pool.service.storage.add_token("bert", Role.VIEWER))
        page.keyboard.press("Enter")

        expect(page.locator("#booth-booth-1")).to_contain_text("Silent")
        expect(page.get_by_role("button", name="Forget the booth")).to_have_count(0)


class OtherModel(FakeRuntime):
    """What answers otherwise than the pool does."""

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        return super().logits(eeg, eye, present) + 1.0


def test_a_booth_says_how_its_pool_is_and_the_pool_that_the_booth_is_there(page: Page) -> None:
    with ExitStack() as booths:
        with threaded(Parts()) as pool:
            asked = PoolAsked(pool.url, 2.0, None, "booth-1")
            booth = Booth(fake_bundle(), asked, load=FakeRuntime)
            service = booths.enter_context(threaded(Parts(booth=booth)))
            opened(page, service.url)
            own = page.locator("#own-section")
            expect(own.locator("h3")).to_have_text(f"{pool.url}Answers")
            expect(own).to_contain_text("answered by the pool: 0; by this booth's own model: 0.")
            expect(page.locator("#own-reason")).to_be_hidden()
            expect(page.locator("#fleet-section")).to_be_hidden()  # it is no pool itself
            looked_at(page, "fleet-of-a-booth")

            opened(page, pool.url)
            expect(page.locator("#booth-booth-1")).to_contain_text("There")
            expect(page.locator("#own-section")).to_be_hidden()
            opened(page, service.url)
        expect(own.locator("h3")).to_contain_text("Does not answer", timeout=WITHIN_MS)
        expect(page.locator("#own-reason")).to_contain_text(
            "Predictions go on with this booth's own model."
        )
        looked_at(page, "fleet-of-a-booth-alone")


def test_a_booth_with_another_model_is_said_to_be_refused_on_both_sides(page: Page) -> None:
    with threaded(Parts()) as pool:
        asked = PoolAsked(pool.url, 2.0, None, "booth-1")
        booth = Booth(fake_bundle(), asked, load=OtherModel)
        with threaded(Parts(booth=booth)) as service:
            opened(page, service.url)
            expect(page.locator("#own-pool")).to_contain_text("Refuses, or has another model")
            expect(page.locator("#own-reason")).to_contain_text("the same bundle in both places")
            opened(page, pool.url)
            expect(page.locator("#booth-booth-1")).to_contain_text("another model")


def test_the_live_page_says_who_answered_once_a_pool_was_to_be_asked(page: Page) -> None:
    feeder = Feeder()
    computed = page.locator("#computed")
    with served(feeder.app) as url:
        feeder.prediction("joy")
        page.goto(url)
        expect(page.locator("#label")).to_have_text("Joy", timeout=WITHIN_MS)
        expect(computed).to_be_hidden()

        feeder.prediction("joy", computed="pool http://pool.lab.example:8000, replica 2")
        expect(computed).to_have_text("By the pool http://pool.lab.example:8000, replica 2")
        looked_at(page, "live-pool")

        feeder.prediction("joy", computed="here: pool late")
        expect(computed).to_have_text("Here: the pool was too late")
        feeder.prediction(None, reason="eeg: nothing to be seen")
        expect(page.locator("#label")).to_have_text("No answer")
        expect(computed).to_have_text("Here: the pool was too late")  # nobody was asked
        feeder.prediction("joy", computed="here")  # as with a profile of the person's own
        expect(computed).to_have_text("Here")


def test_an_operator_sees_the_pool_go_while_answers_go_on(page: Page) -> None:
    with ExitStack() as stack:
        pool, pid = stack.enter_context(service_process(1, ()))
        own = {"HADUA_BOOTH": "booth-1", "HADUA_CLUSTER_BUDGET_MS": "500"}
        url, _ = stack.enter_context(
            service_process(1, ("--demo", "--cluster", pool), settings=own)
        )
        page.goto(url)
        computed = page.locator("#computed")
        expect(computed).to_have_text(f"By the pool {pool}", timeout=WITHIN_MS)

        os.kill(pid, signal.SIGKILL)

        expect(computed).to_have_text("Here: the pool is away", timeout=WITHIN_MS)
        seen = page.locator("#chart").get_attribute("data-points")
        page.wait_for_function(
            "n => document.querySelector('#chart').dataset.points !== n", arg=seen
        )
        expect(page.locator("#stale")).to_be_hidden()
