"""The page as an operator sees it, in a real browser, fed with real frames."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import NOTICE, Feeder, Witness, gap, served

from hadua.service.dashboard.page import PAGES

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True)
class Scene:
    feeder: Feeder
    page: Page
    witness: Witness
    url: str

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def points(self, n: int) -> None:
        """Wait until the chart has this many points."""
        expect(self.page.locator("#chart")).to_have_attribute("data-points", str(n))


Opener = Callable[..., Scene]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opener]:
    """Open the page on a feeder; at the end nothing may have left the machine or complained."""
    with _Visits(browser) as visits:
        yield visits.open


class _Visits:
    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._undo: list[Callable[[], object]] = []
        self.scenes: list[Scene] = []

    def __enter__(self) -> "_Visits":
        return self

    def __exit__(self, *error: object) -> None:
        for undo in reversed(self._undo):
            undo()
        for scene in self.scenes:
            host = scene.url.removeprefix("http://")
            foreign = [
                a for a in scene.witness.addresses if a.split("://")[1].split("/")[0] != host
            ]
            assert scene.witness.addresses
            assert foreign == []
            assert scene.witness.complaints == []

    def open(self, feeder: Feeder, *, width: int = 1280, scheme: str = "light") -> Scene:
        server = served(feeder.app)
        url = server.__enter__()
        self._undo.append(lambda: server.__exit__(None, None, None))
        context = self._browser.new_context(
            viewport={"width": width, "height": 720},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        self._undo.append(context.close)
        page = context.new_page()
        scene = Scene(feeder, page, Witness(page), url)
        self.scenes.append(scene)
        page.goto(url)
        expect(page.locator("#connection")).to_have_text("Connected")
        expect(page.locator("#session")).to_have_text("demo")
        return scene


def started(n: int = 3) -> Feeder:
    """A feeder that has already given `n` answers."""
    feeder = Feeder()
    now = time.time()
    for k in range(n):
        feeder.prediction("joy", 0.7, time_unix=now - 0.5 * (n - k))
    feeder.status()
    return feeder


def test_the_chart_moves_and_the_answer_changes(visit: Opener) -> None:
    scene = visit(started(3))
    scene.points(3)  # what was said before the page was opened is there
    expect(scene.page.locator("#label")).to_have_text("Joy")
    expect(scene.page.locator("#confidence")).to_have_text("70 % sure")
    before = scene.page.locator("#chart canvas").evaluate("c => c.toDataURL()")

    for _ in range(3):
        scene.feeder.prediction("fear", 0.8)

    scene.points(6)
    expect(scene.page.locator("#label")).to_have_text("Fear")
    expect(scene.page.locator("#bars li.top .value")).to_have_text("80 %")
    scene.page.wait_for_function(
        "before => document.querySelector('#chart canvas').toDataURL() !== before", arg=before
    )


def test_it_says_what_runs_how_long_things_take_and_that_the_scores_mean_nothing(
    visit: Opener,
) -> None:
    scene = visit(started(40))
    scene.points(40)
    expect(scene.page.locator("#notice")).to_have_text(
        f"Demonstration: these scores mean nothing. {NOTICE}"
    )
    expect(scene.page.locator("#count")).to_have_text("40")
    expect(scene.page.locator("#bundle")).to_have_text("demo 1")
    expect(scene.page.locator("#uptime")).to_have_text(re.compile(r"^(7[5-9]|8\d) s$"))
    expect(scene.page.locator("#truth")).to_be_hidden()  # nobody knows the truth
    expect(scene.page.locator("#truth-caption")).to_be_hidden()
    expect(scene.page.locator("#latency tr.total")).to_have_text("In total1.71.71.7")
    expect(scene.page.locator("#streams")).to_contain_text("Fits the model to 92 %.")
    expect(scene.page.locator("#streams")).to_contain_text("1000 Hz of 1000 Hz")
    expect(scene.page.locator("#streams")).to_contain_text("12 ms ago")


def test_quantiles_are_those_of_the_last_minute(visit: Opener) -> None:
    feeder, now = Feeder(), time.time()
    feeder.prediction("joy", latency_ms={"model": 1.0, "total": 900.0}, time_unix=now - 61.0)
    for k in range(100):
        total = float(k + 1)
        feeder.prediction(
            "joy", latency_ms={"model": 1.0, "total": total}, time_unix=now - 0.5 * (99 - k)
        )
    scene = visit(feeder)
    scene.points(101)
    expect(scene.page.locator("#latency tr.total")).to_have_text("In total1005099")


def test_an_abstention_shows_its_reason_and_claims_nothing(visit: Opener) -> None:
    scene = visit(started())
    reason = "eeg: the stream covers 6% of the model's input, 80% are needed."

    scene.feeder.prediction(
        None, reason=reason, modalities={"eeg": "unmapped", "eye": "not connected"}
    )

    expect(scene.page.locator("#label")).to_have_text("No answer")
    expect(scene.page.locator("#reason")).to_have_text(f"Why: E{reason[1:]}")
    expect(scene.page.locator("#bars")).not_to_contain_text("%")
    expect(scene.page.locator("#modalities")).to_contain_text("covers too little")
    expect(scene.page.locator("#modalities")).to_contain_text("Not connected")


def test_a_silent_service_makes_the_page_old_and_news_make_it_new(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    expect(scene.page.locator("#stale")).to_have_text(
        re.compile(
            r"^No news from the service\. What you see is old\. "
            r"For \d+ s\. The last answer is \d+ s old\.\s*$"
        )
    )
    expect(scene.page.locator("#label")).to_have_css("opacity", "0.86")
    expect(scene.page.locator("#label")).to_have_css("filter", "grayscale(1)")
    expect(scene.page.locator("#now")).to_have_css("border-style", "dashed")
    expect(scene.page.locator("#connection")).to_have_text("Connected, but silent")
    expect(scene.page.locator("#streams")).not_to_contain_text("Live")
    expect(scene.page.locator("#streams")).not_to_contain_text("ago")

    scene.feeder.prediction("calm")

    expect(scene.page.locator("#stale")).to_be_hidden()
    expect(scene.page.locator("#label")).to_have_css("opacity", "1")
    expect(scene.page.locator("#label")).to_have_css("filter", "none")
    expect(scene.page.locator("#now")).to_have_css("border-style", "solid")


def test_what_was_heard_before_is_not_counted_again(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    scene.feeder.send(scene.feeder.frames[0][1])
    scene.feeder.prediction("calm")
    expect(scene.page.locator("#label")).to_have_text("Calm")
    scene.points(4)


def test_a_stream_that_stops_is_shown_and_remembered(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    scene.feeder.status(eye="stale", state="degraded", reason="eye is stale")
    expect(scene.page.locator("#streams")).to_contain_text("Late: samples have stopped coming")
    expect(scene.page.locator("#events li").first).to_contain_text("Eye tracking: Late")


def test_what_happened_before_the_page_came_stands_at_its_own_time(visit: Opener) -> None:
    feeder = started()
    for eye, ago_s in (("live", 61.0), ("stale", 50.0), ("live", 40.0)):
        feeder.status(eye=eye, ago_s=ago_s)
    scene = visit(feeder)
    scene.points(3)

    told = scene.page.locator("#events li")
    expect(told).to_have_count(3)
    shown = [_seconds(time_) for time_ in told.locator("time").all_inner_texts()]
    texts = told.locator("span").all_inner_texts()
    assert [text.partition(":")[0] for text in texts] == ["Connected.", *["Eye tracking"] * 2]
    ages = [(shown[0] - s) % 86_400 for s in shown]
    assert ages[2] - ages[1] == pytest.approx(10, abs=1)
    assert 39 <= ages[1] < 100  # and as long as a busy browser took to connect


def _seconds(clock: str) -> int:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def test_after_a_lost_connection_it_asks_for_what_it_missed(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    known = scene.feeder.seq
    scene.feeder.hang_up()
    expect(scene.page.locator("#events")).to_contain_text("The connection to the service was lost.")
    scene.feeder.prediction("calm")

    scene.points(4)
    expect(scene.page.locator("#connection")).to_have_text("Connected")
    assert scene.feeder.queries[-1].endswith(f"/api/v1/sessions/demo/ws?after_seq={known}")
    expect(scene.page.locator("#chart")).to_have_attribute("data-gaps", "0")


@pytest.mark.parametrize("told", [True, False], ids=["gap frame", "jump of seq"])
def test_a_gap_is_shown_once(visit: Opener, told: bool) -> None:
    scene = visit(started())
    scene.points(3)
    frame = gap(scene.feeder, 5)
    if told:
        scene.feeder.say(frame)
    scene.feeder.prediction("calm")

    expect(scene.page.locator("#chart")).to_have_attribute("data-gaps", "1")
    expect(scene.page.locator("#events li").first).to_contain_text("5 messages did not reach")


STRANGE = (
    "not json",
    "null",
    "[]",
    '"text"',
    '{"type":"quality","v":1,"seq":0}',
    '{"type":"__proto__","session_id":"demo"}',
    '{"v":2}',
    '{"type":"prediction","session_id":"demo","epoch":1}',
    '{"type":"prediction","session_id":"another","epoch":1,"seq":9,"time_unix":1}',
)


def test_frames_it_does_not_know_do_no_harm(visit: Opener) -> None:
    scene = visit(started())
    for n, text in enumerate(STRANGE, start=4):
        scene.feeder.send(text)
        scene.feeder.prediction("calm")
        scene.points(n)
    expect(scene.page.locator("#label")).to_have_text("Calm")


def test_names_from_devices_are_text_and_not_markup(visit: Opener) -> None:
    scene = visit(started())
    scene.feeder.prediction(None, reason="<img src=x onerror=alert(1)>")
    expect(scene.page.locator("#reason")).to_have_text("Why: <img src=x onerror=alert(1)>")


def test_a_goodbye_and_the_end_of_a_session_are_said(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    scene.feeder.status(state="stopped", reason="asked to")
    expect(scene.page.locator("#stale-text")).to_have_text(
        "The session was stopped. What you see is its last answer."
    )
    expect(scene.page.locator("#streams")).to_contain_text("No longer read")
    scene.feeder.status(state="failed", reason="the stream is lost. Is it on?")
    expect(scene.page.locator("#stale-text")).to_have_text(
        "The session has ended: the stream is lost. Is it on? What you see is its last answer."
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_follows_the_scheme(visit: Opener, scheme: str, width: int) -> None:
    scene = visit(started(), width=width, scheme=scheme)
    scene.points(3)
    assert scene.page.evaluate("document.documentElement.scrollWidth") == width
    dark = "rgb(15, 18, 22)"
    background = scene.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == dark) is (scheme == "dark")


def test_everything_is_reached_with_the_keyboard(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    wanted = [
        "Skip to the current answer",
        "Colours: as the system",
        *PAGES.values(),
        "Last predictions as a table",
    ]
    reached = []
    for _ in wanted:
        scene.page.keyboard.press("Tab")
        reached.append(scene.page.evaluate("document.activeElement.textContent.trim()"))
    assert reached == wanted
    scene.page.keyboard.press("Enter")
    expect(scene.page.locator("#table tbody tr")).to_have_count(3)


def test_the_true_state_of_a_simulated_person_is_shown_beside_the_answer(visit: Opener) -> None:
    feeder, now = Feeder(), time.time()
    feeder.status()
    feeder.marker("state=calm", t_s=now - 60.0)
    for k in range(80):
        feeder.prediction("calm", time_unix=now - 60.0 + 0.5 * k)
    scene = visit(feeder)
    scene.points(80)
    truth, told = scene.page.locator("#truth"), scene.page.locator("#truth-verdict")
    expect(truth).to_have_text("Simulated person is now: Calm ✓ The answer agrees.")
    expect(scene.page.locator("#truth-caption")).to_be_visible()
    expect(scene.page.locator("#events")).not_to_contain_text("Simulated person")

    feeder.marker("state=joy", t_s=now - 20.0)
    feeder.prediction("calm", time_unix=now - 17.0)
    expect(told).to_have_text("… Changed 3 s ago: give it a moment.")
    feeder.prediction("calm", time_unix=now - 13.0)
    expect(truth).to_have_text("Simulated person is now: Joy ✗ The answer differs.")
    feeder.prediction("joy", time_unix=now - 12.5)
    expect(told).to_have_attribute("data-kind", "agrees")
    feeder.prediction(None, time_unix=now - 12.0)
    expect(told).to_be_empty()  # no answer is neither right nor wrong

    expect(scene.page.locator("#chart")).to_have_attribute("data-states", "2")
    expect(scene.page.locator("#events li").last).to_have_text(
        re.compile("Simulated person is now: joy$")  # at its own time: before the page was opened
    )
    scene.page.get_by_text("Last predictions as a table").click()
    last = [scene.page.locator("#table tr").nth(k).locator("th, td").last for k in (0, 4, 5)]
    for cell, text in zip(last, ("Simulated person", "Joy", "Calm"), strict=True):
        expect(cell).to_have_text(text)


def test_a_true_state_from_long_before_the_history_is_known(visit: Opener) -> None:
    feeder = Feeder()
    feeder.marker("state=fear", t_s=time.time() - 200.0)
    now = time.time()
    for k in range(500):
        feeder.prediction("fear", time_unix=now - 0.5 * (500 - k))
    scene = visit(feeder)  # it does not ask for all of that
    expect(scene.page.locator("#truth-state")).to_have_text("Fear")
    expect(scene.page.locator("#chart")).not_to_have_attribute("data-points", "0")
    assert not feeder.queries[-1].endswith("after_seq=0")
    feeder.marker("state=calm", t_s=now)
    expect(scene.page.locator("#truth-state")).to_have_text("Calm")
    feeder.status(state="stopped", reason="asked to")
    expect(scene.page.locator("#truth")).to_contain_text("Simulated person was: Calm")


def test_an_event_that_is_no_state_is_only_noted(visit: Opener) -> None:
    scene = visit(started())
    scene.points(3)
    scene.feeder.marker("picture 7 shown", t_s=time.time())
    expect(scene.page.locator("#events")).to_contain_text("Marker: picture 7 shown")
    expect(scene.page.locator("#truth")).to_be_hidden()


def test_the_missed_band_reaches_from_the_answer_before_to_the_one_after(visit: Opener) -> None:
    feeder, now = Feeder(), time.time()
    for k in range(20):
        feeder.prediction("joy", time_unix=now - 40.0 + 0.5 * k)
    scene = visit(feeder)
    scene.points(20)
    scene.feeder.say(gap(scene.feeder, 3))
    scene.feeder.prediction("joy", time_unix=now - 10.0)
    scene.points(21)
    band = scene.page.locator("#chart")
    expect(band).to_have_attribute("data-missed-s", "20.5")  # whatever the number of frames
    scene.feeder.say(gap(scene.feeder, 3))  # no answer was among them: there is no hole
    scene.feeder.prediction("joy", time_unix=now - 9.5)
    scene.points(22)
    expect(band).to_have_attribute("data-gaps", "2")
    expect(band).to_have_attribute("data-missed-s", "20.5")
