"""One window per grid end, whatever the chunks, gaps and silences."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scanpaths import Saccade, scanpath

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.extractor import Extractor
from hadua.adapters.features.eye_event import EyeEvent
from hadua.adapters.features.eye_extractor import HELD_AT_MOST, EyeExtractor
from hadua.adapters.features.eye_movement import EyeMovementFeatures, eye_feature_spec
from hadua.adapters.features.smoothing import CausalKalman
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.errors import FeatureMismatchError, StreamInvalidError
from hadua.models.features import FeatureSpec, FeatureWindow, Modality, Smoothing

STREAM = StreamSpec(
    "sim",
    tuple(
        Channel(f"{eye}_{what}", kind, unit, eye)
        for eye in ("left", "right")
        for what, kind, unit in (
            ("x", "ScreenX", "deg"),
            ("y", "ScreenY", "deg"),
            ("pupil", "Diameter", "mm"),
        )
    ),
    120.0,
    "Gaze",
)
SPEC = eye_feature_spec(window_s=2.0, hop_s=0.5)
PATH = tuple(Saccade(0.3 + 0.4 * i, 6.0 * (-1) ** i) for i in range(20))


def chunk(start_s: float, length_s: float, *, gap_before: bool = False) -> SampleChunk:
    gaze = scanpath(PATH, length_s=length_s, start_s=start_s, blinks=[(1.25, 0.2)], noise_deg=0.02)
    columns = [(gaze.x_deg, gaze.y_deg, gaze.pupil_mm)]
    eyes = [np.stack([a[:, eye] for a in columns[0]], axis=1) for eye in (0, 1)]
    return SampleChunk(STREAM, gaze.t_s, np.hstack(eyes), gap_before)


def part(whole: SampleChunk, start: int, stop: int) -> SampleChunk:
    return SampleChunk(STREAM, whole.t_s[start:stop].copy(), whole.x[start:stop].copy())


def fresh(spec: FeatureSpec = SPEC) -> EyeExtractor:
    return EyeExtractor(STREAM, spec, screen=Screen())


def ends(windows: list[FeatureWindow]) -> list[float]:
    return [w.end_s for w in windows]


def test_is_an_extractor() -> None:
    extractor = fresh()

    assert isinstance(extractor, Extractor)
    assert extractor.spec == SPEC
    assert extractor.report.coverage == 1.0
    assert extractor.watermark_s is None


def test_windows_end_at_multiples_of_the_hop_of_the_stream_s_time() -> None:
    extractor = fresh()

    assert ends(extractor.push(chunk(100.3, 2.1))) == []
    assert extractor.watermark_s == pytest.approx(102.3917, abs=1e-3)
    assert ends(extractor.push(chunk(102.4, 1.7))) == [102.5, 103.0, 103.5, 104.0]


def test_a_window_does_not_wait_for_the_sample_after_its_last_one() -> None:
    whole = chunk(100.3, 4.0)
    last = int(np.searchsorted(whole.t_s, 102.5)) - 1
    extractor = fresh()

    assert ends(extractor.push(part(whole, 0, last))) == []
    assert ends(extractor.push(part(whole, last, last + 1))) == [102.5]


def test_an_irregular_stream_waits_for_a_sample_beyond_the_end() -> None:
    irregular = replace(STREAM, rate_hz=0.0)
    extractor = EyeExtractor(irregular, SPEC, screen=Screen())
    whole = chunk(100.3, 4.0)
    stop = int(np.searchsorted(whole.t_s, 102.5))
    pieces = [
        SampleChunk(irregular, whole.t_s[a:b].copy(), whole.x[a:b].copy())
        for a, b in ((0, stop), (stop, stop + 1))
    ]

    assert [ends(extractor.push(piece)) for piece in pieces] == [[], [102.5]]


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=20))
def test_what_is_emitted_does_not_depend_on_chunking(cuts: list[int]) -> None:
    whole = chunk(100.3, 6.0)
    edges = np.unique(np.clip([0, *np.cumsum(cuts), len(whole)], 0, len(whole)))
    extractor = fresh()

    found = [w for a, b in pairwise(edges) for w in extractor.push(part(whole, int(a), int(b)))]

    expected = fresh().push(whole)
    assert ends(found) == ends(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
        assert (a.quality, a.reason) == (b.quality, b.reason)


@settings(max_examples=20, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 40), min_size=5, max_size=60),
    settled=st.lists(st.sampled_from([0, 1, 24]), min_size=60, max_size=60),
)
def test_nor_on_when_what_was_put_aside_is_worked_on(cuts: list[int], settled: list[int]) -> None:
    whole = chunk(100.3, 6.0)
    edges = np.unique(np.clip([0, *np.cumsum(cuts), len(whole)], 0, len(whole)))
    extractor, found = fresh(), list[FeatureWindow]()

    for (a, b), least in zip(pairwise(edges), settled, strict=False):
        found += extractor.push(part(whole, int(a), int(b)))
        assert extractor.watermark_s == whole.t_s[b - 1]
        if least:
            extractor.settle(least=least)

    expected = fresh().push(part(whole, 0, int(edges[min(len(edges) - 1, len(settled))])))
    assert ends(found) == ends(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@given(again=st.integers(1, 60), settled=st.booleans())
@settings(max_examples=20, deadline=None)
def test_samples_that_come_again_are_left_out_though_the_first_were_put_aside(
    again: int, settled: bool
) -> None:
    whole = chunk(100.3, 6.0)
    plain = fresh().push(whole)
    extractor, found = fresh(), list[FeatureWindow]()
    for a, b in ((0, 100), (100, 200), (200 - again, 200), (200, len(whole))):
        found += extractor.push(part(whole, a, b))
        if settled:
            extractor.settle()

    assert extractor.samples_stale == again - 1  # the last of them has the newest time itself
    assert ends(found) == ends(plain)


def test_samples_that_end_no_window_are_worked_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most one time for each window, and whenever too many wait."""
    worked: list[int] = []
    push = EyeMovementFeatures.push

    def counted(self: EyeMovementFeatures, samples: GazeSamples) -> list[EyeEvent]:
        worked.append(len(samples))
        return push(self, samples)

    monkeypatch.setattr(EyeMovementFeatures, "push", counted)
    whole, extractor = chunk(100.3, 6.0), fresh()
    windows = [w for k in range(len(whole)) for w in extractor.push(part(whole, k, k + 1))]

    assert len(windows) == 8
    assert max(worked) <= HELD_AT_MOST + 1
    assert len(worked) <= len(windows) + 3  # the first sample, and twice in the first two seconds
    extractor.settle()
    assert sum(worked) == len(whole)


def test_a_window_holds_what_lies_before_its_end() -> None:
    whole = chunk(100.0, 6.0)
    changed = SampleChunk(STREAM, whole.t_s, np.where(whole.t_s[:, None] < 104.0, whole.x, 40.0))

    before = [w for w in fresh().push(whole) if w.end_s <= 104.0]
    after = [w for w in fresh().push(changed) if w.end_s <= 104.0]

    assert len(before) == 5
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a.values, b.values)


def test_a_gap_gives_absent_windows_with_their_reason() -> None:
    extractor = fresh()
    windows = extractor.push(chunk(100.0, 4.0))
    windows += extractor.push(chunk(110.0, 4.0, gap_before=True))

    one_by_one = [*np.arange(102.0, 106.0, 0.5), *np.arange(110.5, 114.5, 0.5)]
    assert ends(windows) == sorted([*one_by_one, 110.0])
    silent = [w for w in windows if 105.5 <= w.end_s <= 110.5]
    assert not any(w.usable for w in silent)
    assert "of the window, 50% needed" in silent[0].reason
    for_all = next(w for w in windows if w.end_s == 110.0)
    assert for_all.start_s == 104.0  # of the window that would have ended at 106
    assert for_all.reason == "eye: nothing came for 6.0 s"
    assert all(w.usable for w in windows if w.end_s <= 104.0 or w.end_s >= 111.5)


@pytest.mark.parametrize("silence_s", [3.0, 50.0, 600.0])
def test_what_comes_at_once_after_a_silence_is_a_handful(silence_s: float) -> None:
    extractor = fresh()
    extractor.push(chunk(100.0, 4.0))

    back = chunk(104.0 + silence_s, 4.0)

    assert len(extractor.push(part(back, 0, 1))) <= 5


def test_after_a_long_silence_nothing_of_the_time_before_is_remembered() -> None:
    """Pupil, events in the making and the noise of the tracker: as if it had just begun."""
    first, second = chunk(100.0, 40.0), chunk(200.0, 8.0)
    noisy = SampleChunk(STREAM, first.t_s, first.x + np.sin(900.0 * first.t_s)[:, None])
    extractor, new = fresh(), fresh()
    extractor.push(noisy)

    after = {w.end_s: w for w in extractor.push(second)}

    for w in new.push(second):
        np.testing.assert_array_equal(after[w.end_s].values, w.values)
        assert after[w.end_s].signal == w.signal
    assert len(after) > 10


def test_a_long_silence_is_not_filled() -> None:
    extractor = fresh()
    extractor.push(chunk(100.0, 4.0))

    windows = extractor.push(chunk(4000.2, 4.0))

    assert max(b - a for a, b in pairwise(ends(windows))) > 3000.0
    assert len(windows) < 150
    assert ends(windows)[-7:] == [4000.5 + 0.5 * i + 0.5 for i in range(7)]
    assert windows[-1].usable


def test_a_long_silence_inside_a_chunk_is_the_same() -> None:
    first, second = chunk(100.0, 4.0), chunk(4000.2, 4.0)
    joined = SampleChunk(
        STREAM, np.concatenate((first.t_s, second.t_s)), np.concatenate((first.x, second.x))
    )
    extractor = fresh()

    apart = extractor.push(first) + extractor.push(second)

    assert ends(fresh().push(joined)) == ends(apart)


def test_a_stream_without_gaze_gives_absent_windows_that_say_so() -> None:
    stream = StreamSpec("amp", (Channel("FP1", "EEG"), Channel("FP2", "EEG")), 100.0, "EEG")
    extractor = EyeExtractor(stream, SPEC, screen=Screen())
    t_s = 5.0 + np.arange(400) / 100.0

    windows = extractor.push(SampleChunk(stream, t_s, np.ones((400, 2))))

    assert extractor.report.coverage == 0.0
    assert ends(windows) == [7.0, 7.5, 8.0, 8.5, 9.0]
    assert not any(w.usable for w in windows)
    assert all("no gaze was recognised" in w.reason for w in windows)


def test_empty_chunks_and_reset() -> None:
    extractor = fresh()
    assert extractor.push(part(chunk(100.0, 1.0), 0, 0)) == []
    extractor.push(chunk(100.0, 3.0))
    extractor.reset()

    assert extractor.watermark_s is None
    assert ends(extractor.push(chunk(50.0, 3.1))) == [52.0, 52.5, 53.0]


def test_samples_from_the_past_are_left_out_and_counted() -> None:
    extractor = fresh()
    whole = chunk(100.0, 6.0)
    windows = extractor.push(part(whole, 0, 600))

    windows += extractor.push(part(whole, 480, len(whole)))

    assert extractor.samples_stale == 119  # the last of the 120 has the newest time itself
    assert ends(windows) == ends(fresh().push(whole))
    assert ends(windows)[-1] == 106.0


def test_smoothing_follows_the_windows() -> None:
    smoothing = Smoothing(q=0.1, r=1.0, p0=1.0)
    plain, smooth = fresh(), fresh(replace(SPEC, smoothing=smoothing))
    kalman = CausalKalman(smoothing, len(SPEC.names))
    whole = chunk(100.0, 6.0)

    for a, b in zip(plain.push(whole), smooth.push(whole), strict=True):
        expected = np.where(a.present, kalman.update(a.values, a.present), np.nan)
        np.testing.assert_array_equal(b.values, expected)
        np.testing.assert_array_equal(a.present, b.present)


def test_refuses_features_of_another_definition_and_chunks_of_another_stream() -> None:
    other = FeatureSpec(Modality.EYE, "hadua-eye", 2, SPEC.names, 2.0, 0.5)
    with pytest.raises(FeatureMismatchError, match="expected hadua-eye/2"):
        fresh(other)
    stranger = StreamSpec("other", STREAM.channels, 120.0, "Gaze")
    with pytest.raises(StreamInvalidError, match="a chunk of another stream"):
        fresh().push(SampleChunk(stranger, np.zeros(1), np.zeros((1, 6))))
