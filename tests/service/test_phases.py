"""Sessions end their windows in turns, each at a phase that its recording knows."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bundles import make_bundle
from support.keeping import Forgetful
from support.pipelines import CHANNELS, recorded
from support.service import FakeSource, settings_for_tests

from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.adapters.sources.clock import lsl_now_s
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.features import FeatureSpec, FeatureWindow, Modality
from hadua.models.runtime import load_runtime
from hadua.service.engine import EngineFactory
from hadua.service.hub import Hub
from hadua.service.lane import extractor_of
from hadua.service.meant import engine_factory
from hadua.service.metrics import Metrics
from hadua.service.phases import SLOT_S, free_phase_s
from hadua.service.publisher import window_end_s
from hadua.service.rebuilding import Rebuilding
from hadua.service.recordings import Recordings
from hadua.service.sessions import Sessions
from hadua.service.verification import verify
from hadua.service.wire import PredictionFrame

HOP_S = 0.5


def given_out(n: int, hop_s: float) -> list[float]:
    phases: list[float] = []
    for _ in range(n):
        phases.append(free_phase_s(hop_s, phases))
    return phases


@given(n=st.integers(1, 130), hop_s=st.sampled_from([0.02, 0.1, 0.25, 0.5, 1.0, 2.0]))
def test_any_number_of_sessions_is_spread_over_the_hop(n: int, hop_s: float) -> None:
    phases = given_out(n, hop_s)
    slots = [round(p / SLOT_S) for p in phases]
    places = round(hop_s / SLOT_S)

    assert phases[0] == 0.0
    assert all(0.0 <= p < hop_s and p == k * SLOT_S for p, k in zip(phases, slots, strict=True))
    shared = Counter(slots).values()
    assert max(shared) == -(-n // places)  # as few in one place as may be
    around = np.diff([*sorted(set(slots)), min(slots) + places])
    assert max(around) <= 2 * places / min(n, places) + 1.0


def test_the_place_of_a_session_that_ended_is_given_to_the_next() -> None:
    phases = given_out(8, 1.0)
    left = phases[3]
    assert free_phase_s(1.0, [p for p in phases if p != left]) == left


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("phases")
    return load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=4))


def cut(spec: FeatureSpec, modality: Modality, *, phase_s: float) -> dict[int, FeatureWindow]:
    """The windows of the recording by their ends in steps of the slot."""
    chunks = recorded()[modality]
    extractor = extractor_of(chunks[0].spec, spec, screen=Screen(), phase_s=phase_s)
    windows = [w for chunk in chunks for w in extractor.push(chunk)]
    return {round(w.end_s / SLOT_S): w for w in windows}


@pytest.mark.parametrize(
    ("modality", "every", "one"),
    [
        (
            Modality.EEG,
            eeg_feature_spec(CHANNELS, window_s=1.0, hop_s=0.02),
            eeg_feature_spec(CHANNELS, window_s=1.0, hop_s=HOP_S),
        ),
        (
            Modality.EYE,
            eye_feature_spec(window_s=4.0, hop_s=0.02),
            eye_feature_spec(window_s=4.0, hop_s=HOP_S),
        ),
    ],
)
def test_a_phase_moves_windows_and_changes_nothing_in_them(
    modality: Modality, every: FeatureSpec, one: FeatureSpec
) -> None:
    """A grid of 20 ms has all windows whose phase is a multiple of that: the same, bit for bit."""
    reference = cut(every, modality, phase_s=0.0)
    for phase_s in (0.0, 0.06, 0.26):
        windows = cut(one, modality, phase_s=phase_s)
        assert len(windows) >= (SECONDS_OF[modality] / HOP_S) - 1
        for k, window in windows.items():
            assert (window.end_s - phase_s) / HOP_S == pytest.approx(
                round((window.end_s - phase_s) / HOP_S), abs=1e-9
            )
            same = reference[k]
            assert window.values.tobytes() == same.values.tobytes()
            assert (window.quality, window.reason) == (same.quality, same.reason)


SECONDS_OF = {Modality.EEG: 9.0, Modality.EYE: 6.0}


@pytest.mark.parametrize("in_step", [False, True])
def test_sessions_take_turns_and_each_verifies(
    bundle: Bundle, tmp_path: Path, in_step: bool
) -> None:
    ends = asyncio.run(_recorded_together(bundle, tmp_path, in_step=in_step))
    phases = sorted({round(e % HOP_S, 6) % HOP_S for e in ends})
    assert phases == ([0.0] if in_step else [0.0, 0.124, 0.248])
    files = sorted(tmp_path.rglob("*.xdf"))
    assert len(files) == 3
    for file in files:
        verdict = verify(file, Rebuilding(data_dir=tmp_path / "d"))
        assert verdict.identical
        assert verdict.compared >= 10


async def _recorded_together(bundle: Bundle, folder: Path, *, in_step: bool) -> list[float]:
    settings = settings_for_tests(
        record=folder, data_dir=folder / "d", min_free_mb=0.0, bridge_s=60.0, bundle=bundle.path
    )
    metrics, ends = Metrics(), list[float]()

    def factory(phase_s: float = 0.0) -> EngineFactory:
        return engine_factory(settings, bundle, lambda: load_runtime(bundle), phase_s=phase_s)

    async with Sessions(
        settings,
        make_engine=factory(),
        staggered=None if in_step else factory,
        hub=Hub(),
        metrics=metrics,
        storage=Forgetful(),
        clock=lsl_now_s,
        unix_clock=time.time,
        hop_s=bundle.hop_s,
        recordings=Recordings(
            settings,
            classes=bundle.classes,
            metrics=metrics,
            clock=lsl_now_s,
            unix_clock=time.time,
        ),
    ) as registry:
        started = [
            registry.start({m: FakeSource(c, spec=c[0].spec) for m, c in recorded().items()})
            for _ in range(3)
        ]
        for session in started:
            session.publisher.listen(
                lambda frame, text, now_s: (
                    ends.append(frame.end_s) if isinstance(frame, PredictionFrame) else None
                )
            )
        for session in started:
            await session.over.wait()
            assert session.error is None, session.error
            assert session.publisher.predictions >= 10
    return ends


@given(t=st.floats(0.0, 1e5), phase=st.integers(0, 124))
def test_a_marker_belongs_to_the_first_window_that_does_not_end_before_it(
    t: float, phase: int
) -> None:
    phase_s = phase * SLOT_S
    end_s = window_end_s(t, HOP_S, phase_s)
    assert end_s is not None
    assert (end_s - phase_s) / HOP_S == pytest.approx(round((end_s - phase_s) / HOP_S), abs=1e-6)
    assert -1e-6 <= end_s - t < HOP_S + 1e-6
