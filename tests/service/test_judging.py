"""What a few seconds of signal are worth, before any session."""

from dataclasses import replace

import numpy as np
import pytest

from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.quality import ChannelState, EyeState
from hadua.service.judging import MOST_POINTS, Judged, joined, judged


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(demo_bundle_path())


def simulated(
    text: str, modality: Modality, *, seconds: float
) -> tuple[StreamSpec, list[SampleChunk]]:
    source = parse_source(text, modality=modality)
    spec = source.open(1.0)
    chunks: list[SampleChunk] = []
    while sum(map(len, chunks)) < seconds * spec.rate_hz:
        chunk = source.read(1.0)
        if chunk is not None:
            chunks.append(chunk)
    source.close()
    return spec, chunks


def test_bad_electrodes_are_named_with_how_often(bundle: Bundle) -> None:
    spec, chunks = simulated(
        "sim:faults=flat:FP1@0;noisy:OZ@2,speed=none", Modality.EEG, seconds=5.0
    )

    told = judged(spec, chunks, Modality.EEG, bundle=bundle, screen=Screen())

    assert told.eeg is not None
    states = {c.name: c.state for c in told.eeg.channels()}
    assert states["FP1"] is states["OZ"] is ChannelState.BAD
    assert told.bad_share["FP1"] == 1.0
    assert 0.3 < told.bad_share["OZ"] < 0.9
    assert told.bad_share["CZ"] == 0.0
    assert 7 <= told.windows <= 9


def test_gaze_lies_where_it_lies_and_loss_is_counted(bundle: Bundle) -> None:
    n = 480
    channels = (*(Channel(f"{e}_{a}", unit="normalized") for e in ("left", "right") for a in "xy"),)
    spec = StreamSpec("gaze", channels, 120.0, "Gaze")
    t_s = np.arange(n) / 120.0
    x = np.tile([0.75, 0.25, 0.75, 0.25], (n, 1)) + 1e-3 * np.sin(np.arange(n))[:, None]
    x[:240, :2] = np.nan

    told = judged(spec, [SampleChunk(spec, t_s, x)], Modality.EYE, bundle=bundle, screen=Screen())

    assert told.gaze is not None
    assert told.gaze.lost == (0.5, 0.0)
    assert 0 < len(told.gaze.points) <= MOST_POINTS
    np.testing.assert_allclose(told.gaze.points, [(0.5, -0.5)] * len(told.gaze.points), atol=5e-3)
    assert told.eye is not None
    assert told.eye.eyes[1].state is EyeState.GOOD


@pytest.mark.parametrize(
    ("modality", "seconds", "problem"),
    [
        (Modality.EEG, 0.3, "no whole window of 1 s was heard"),
        (Modality.EYE, 0.5, "no whole window of 2 s was heard"),
    ],
)
def test_too_little_is_not_judged(
    bundle: Bundle, modality: Modality, seconds: float, problem: str
) -> None:
    spec, chunks = simulated("sim:speed=50", modality, seconds=seconds)

    told = judged(spec, chunks, modality, bundle=bundle, screen=Screen())

    assert told.problem == problem


def test_joining_keeps_every_sample_and_every_gap(bundle: Bundle) -> None:
    _, chunks = simulated("sim:speed=50", Modality.EEG, seconds=1.0)
    chunks[7] = replace(chunks[7], gap_before=True)

    whole = joined(chunks)

    assert [c.gap_before for c in whole] == [chunks[0].gap_before, True]
    np.testing.assert_array_equal(
        np.concatenate([c.x for c in whole]), np.concatenate([c.x for c in chunks])
    )
    assert joined([]) == []


def test_nothing_at_all_and_a_stream_that_cannot_be_used(bundle: Bundle) -> None:
    irregular = StreamSpec("odd", (Channel("CZ", unit="uV"),), 0.0, "EEG")

    assert judged(irregular, [], Modality.EEG, bundle=bundle, screen=Screen()).problem
    no_gaze = judged(irregular, [], Modality.EYE, bundle=bundle, screen=Screen())
    assert "no gaze was recognised" in no_gaze.problem
    assert Judged().windows == 0
