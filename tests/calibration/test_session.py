"""A calibration session: what each event makes of it, whatever comes when."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import make_bundle
from support.calibrations import PLAN, a_session, windows_at

from hadua.calibration.plan import Plan
from hadua.calibration.progress import progress
from hadua.calibration.report import Report
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import Refusal, State
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import CalibrationError, HaduaError, InvalidInputError
from hadua.models.features import Modality


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(make_bundle(tmp_path_factory.mktemp("session"), eeg_channels=2))


def fed(
    session: CalibrationSession, bundle: Bundle, first: int, n: int, **how: float | Modality | None
) -> CalibrationSession:
    for k in range(first, first + n):
        session = session.take(*windows_at(k, bundle, **how), bundle).session  # type: ignore[arg-type]
    return session


def test_a_rest_then_windows_then_the_fit_and_a_decision(bundle: Bundle) -> None:
    session = a_session(bundle).start()
    assert session.state is State.BASELINE
    session = fed(session, bundle, 0, 4)  # 2 s of rest at a hop of 0.5 s
    assert (session.state, session.rested, session.collected) == (State.COLLECTING, 4, 0)
    session = fed(session, bundle, 4, 129)
    assert (session.state, session.collected) == (State.COLLECTING, 129)
    session = fed(session, bundle, 133, 1)
    assert (session.state, session.collected) == (State.FITTING, 130)
    assert session.measured == {Modality.EEG: 130, Modality.EYE: 130}
    session = session.fitted(3, Report(130))
    assert (session.state, session.version) == (State.READY, 3)
    assert session.accept().state is State.ACCEPTED
    rejected = session.reject("the person had fallen asleep")
    assert (rejected.state, rejected.reason) == (State.REJECTED, "the person had fallen asleep")


def test_without_a_rest_it_collects_at_once(bundle: Bundle) -> None:
    plan = replace(PLAN, baseline_s=0.0)
    assert a_session(bundle, plan).start().state is State.COLLECTING


@pytest.mark.parametrize(
    ("how", "refusal"),
    [
        ({"quality": 0.4}, Refusal.POOR_QUALITY),
        ({"missing": 0.9}, Refusal.FEW_FEATURES),
        ({"missing": 1.0}, Refusal.NOTHING_MEASURED),
    ],
)
def test_windows_that_do_not_count_are_counted_by_reason(
    bundle: Bundle, how: dict[str, float], refusal: Refusal
) -> None:
    session = fed(a_session(bundle).start(), bundle, 0, 7, **how)
    assert (session.rested, session.refused) == (0, {refusal: 7})


def test_a_window_of_another_definition_does_not_count(bundle: Bundle, tmp_path: Path) -> None:
    other = load_bundle(make_bundle(tmp_path, eeg_channels=1, eye=False))
    session = a_session(bundle).start()
    taken = session.take(*windows_at(0, other), bundle)
    assert taken.session.refused == {Refusal.OTHER_FEATURES: 1}
    assert not taken.kept


def test_time_does_not_go_back(bundle: Bundle) -> None:
    session = fed(a_session(bundle).start(), bundle, 5, 1)
    for k in (5, 4):
        session = session.take(*windows_at(k, bundle), bundle).session
    assert (session.rested, session.refused) == (1, {Refusal.OUT_OF_ORDER: 2})


def test_one_modality_is_enough_for_a_window_but_not_for_the_plan(bundle: Bundle) -> None:
    session = fed(a_session(bundle).start(), bundle, 0, 4)
    session = fed(session, bundle, 4, 150, without=Modality.EYE)
    assert (session.state, session.collected) == (State.COLLECTING, 150)
    assert session.lacking == {Modality.EYE: 60}
    assert not session.may_end
    with pytest.raises(CalibrationError, match="150 windows, 60 more with eye needed"):
        session.end_collecting()
    assert fed(session, bundle, 154, 60).state is State.FITTING


def test_it_may_be_ended_early_with_enough(bundle: Bundle) -> None:
    session = fed(a_session(bundle).start(), bundle, 0, 4 + 119)
    with pytest.raises(CalibrationError, match="got 119 windows, expected 120 or more"):
        session.end_collecting()
    assert fed(session, bundle, 123, 1).end_collecting().state is State.FITTING


def test_it_gives_up_and_says_what_was_wrong(bundle: Bundle) -> None:
    plan = replace(PLAN, most_s=30.0)
    session = fed(a_session(bundle, plan).start(), bundle, 0, 14)
    session = fed(session, bundle, 14, 47, quality=0.1)
    assert session.state is State.FAILED
    assert session.reason == (
        "10 of 130 windows, 90 short of eeg, 50 short of eye in 30 s; "
        "most others: poor quality (47)"
    )
    with pytest.raises(CalibrationError, match="state 'failed'"):
        session.take(*windows_at(99, bundle), bundle)


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        (lambda s: s.start().start(), "got state 'baseline', expected idle"),
        (lambda s: s.accept(), "cannot accept now: got state 'idle', expected ready"),
        (lambda s: s.reject(""), "cannot reject now"),
        (lambda s: s.end_collecting(), "cannot end collecting now"),
        (lambda s: s.fitted(1, Report(1)), "cannot take a profile now"),
        (lambda s: s.cancel().cancel(), "expected a session that is not over"),
    ],
)
def test_what_cannot_be_now_is_said(bundle: Bundle, do: object, expected: str) -> None:
    assert callable(do)
    with pytest.raises(CalibrationError, match=expected):
        do(a_session(bundle))


def test_a_plan_that_cannot_be(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="plan of a calibration"):
        Plan(windows=10)
    with pytest.raises(InvalidInputError, match="plan of a calibration"):
        Plan(baseline_s=float("nan"))
    eeg_only = load_bundle(make_bundle(tmp_path, eye=False))
    with pytest.raises(CalibrationError, match=r"got windows of eye asked for, expected .* of eeg"):
        a_session(eeg_only)
    with pytest.raises(InvalidInputError, match="participant"):
        CalibrationSession.of(bundle, id="c", participant="../x", plan=PLAN)
    own = Plan.for_bundle(bundle, connected=[Modality.EEG])
    assert (own.windows, own.least) == (600, {Modality.EEG: 300})


def done(session: CalibrationSession, what: str) -> CalibrationSession:
    if what == "end":
        return session.end_collecting()
    if what == "fit":
        return session.fitted(1, Report(1))
    if what == "accept":
        return session.accept()
    return session.reject("no") if what == "reject" else session.cancel()


NO_EYES = {0: Modality.EYE}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "end", "fit", "accept", "reject", "cancel"]),
            st.sampled_from([0.0, 0.3, 1.0]),
            st.integers(-2, 60),
        ),
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_it_is_a_state_or_a_message(
    bundle: Bundle, events: list[tuple[str, float, int]]
) -> None:
    session, k, seen = a_session(bundle).start(), 0, 0
    for what, quality, n in events:
        was = session.state
        try:
            if what == "take":
                for _ in range(max(n, 1)):
                    k += 1 if n > 0 else n
                    session = session.take(*windows_at(k, bundle, quality=quality), bundle).session
                    seen += 1
            else:
                session = done(session, what)
        except HaduaError:
            assert was is session.state or what == "take"
        assert seen == session.rested + session.collected + sum(session.refused.values())
        assert 0.0 <= progress(session).share <= 1.0
        if was.is_over:
            assert session.state is was


def test_the_time_left_follows_the_rate(bundle: Bundle) -> None:
    session = a_session(bundle).start()
    assert progress(session).eta_s == 2.0
    session = fed(session, bundle, 0, 4)
    assert progress(session).eta_s == 130 * 0.5
    for k in range(4, 24):  # every other window is too poor, and half of the rest has no eyes
        session = fed(session, bundle, k, 1, quality=1.0 - k % 2, without=NO_EYES.get(k % 4))
    now = progress(session)
    assert session.collected == 10
    assert now.lacking == {Modality.EEG: 90, Modality.EYE: 55}
    # 10 windows in 10 s, a half of them with eyes
    assert now.eta_s == pytest.approx(max(120 * 1.0, 55 * 1.0 / 0.5))
    assert now.share == pytest.approx(10 / 130)
    assert now.words == "collecting: 10 of 130 windows, 90 more with eeg, 55 more with eye"
    blind = fed(fed(a_session(bundle).start(), bundle, 0, 4), bundle, 4, 10, without=Modality.EYE)
    assert progress(blind).eta_s is None
