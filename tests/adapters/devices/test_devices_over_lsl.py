"""Every preset over real LSL: a process imitates the devices, our own source and mapping read them.

Each sample carries its own number, so that every value that arrives is known exactly.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from hadua.adapters.devices.gaze import GazeMapping, map_gaze
from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import canonical
from hadua.adapters.devices.preset_library import preset_named, presets
from hadua.adapters.devices.screen import Screen
from hadua.adapters.devices.simulated import Counting, Look
from hadua.adapters.devices.simulated_devices import SIMULATED_DEVICES
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.features import FloatArray, Modality

RUN = "import sys; from hadua.service.cli.main import main; sys.argv[0] = 'hadua'; main()"
EEG = [n for n, p in presets().items() if Modality.EEG in p.modalities]
GAZE = [n for n, p in presets().items() if p.modalities == (Modality.EYE,)]
ENOUGH = 120
# Of one point for both eyes, and of those that have no pupil in millimetres.
ONE_POINT = ("tobii-streamengine", "pupil-relay", "tobii-glasses2", "pupil-capture")
NO_PUPIL = ("tobii-streamengine", "pupil-relay", "eyelink")


def test_no_preset_is_without_an_imitation() -> None:
    assert set(SIMULATED_DEVICES) == set(presets())
    assert set(EEG) | set(GAZE) == set(presets())


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """What came from one device: the stream, `(n, n_channels)` consecutive samples, its health."""

    spec: StreamSpec
    x: FloatArray
    health: SourceHealth


@pytest.fixture(scope="module")
def received() -> Iterator[Mapping[str, Received]]:
    """All devices at once, in one other process, each read by a source of its own."""
    flags = [flag for name in presets() for flag in ("--device", name)]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "simulate", "--json", "--count", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert len(json.loads(process.stdout.readline())["devices"]) == len(presets())
        with ThreadPoolExecutor(len(presets())) as pool:
            yield dict(zip(presets(), pool.map(receive, presets()), strict=True))
    finally:
        process.kill()
        process.communicate()


def receive(name: str) -> Received:
    """As a session would read it."""
    modality = Modality.EEG if name in EEG else Modality.EYE
    source = parse_source(SIMULATED_DEVICES[name].source, modality=modality)
    try:
        spec = source.open(20.0)
        blocks: list[FloatArray] = []
        deadline_s = time.monotonic() + 20.0
        while sum(map(len, blocks)) < ENOUGH and time.monotonic() < deadline_s:
            chunk = source.read(0.5)
            blocks += [chunk.x] if chunk is not None else []
        return Received(spec, np.concatenate(blocks), source.health())
    finally:
        source.close()


@pytest.mark.parametrize("name", EEG)
def test_eeg_arrives_in_microvolts_at_the_right_electrodes(
    name: str, received: Mapping[str, Received]
) -> None:
    device = SIMULATED_DEVICES[name]
    places = {column: canonical(label) for column, label in device.electrodes.items()}
    model = tuple(reversed(places.values()))  # not in the device's order
    spec, x = received[name].spec, received[name].x

    mapping = map_eeg(spec, model)
    x_uv = mapping.apply(x)

    report = mapping.report
    assert report.preset == name
    assert report.coverage == 1.0
    assert report.assumed_units == ()
    assert {c.column: c.name for c in report.found} == places
    assert {u.column for u in report.unused} == set(range(len(spec.channels))) - set(places)
    electrode = {place: k for k, place in enumerate(places.values())}
    above = 4200.0 if name == "emotiv" else 0.0
    counted = (x_uv - above) / 0.05 - np.array([electrode[place] for place in model])
    numbers = np.round(counted[:, 0])
    np.testing.assert_allclose(counted, numbers[:, None] * np.ones(len(model)), atol=0.02)
    assert set(np.diff(numbers) % 2000) == {1.0}


@pytest.mark.parametrize("name", GAZE)
def test_gaze_arrives_where_it_was_with_pupils_in_millimetres(
    name: str, received: Mapping[str, Received]
) -> None:
    spec, x = received[name].spec, received[name].x
    mapping = map_gaze(spec, screen=Screen())
    t_s = np.arange(len(x), dtype=np.float64)

    samples = mapping.apply(SampleChunk(spec, t_s, x))

    assert mapping.report.preset == name
    assert mapping.report.problem == ""
    x_got, y_got = picture(mapping, samples)
    look, lost = expected(name, x_got)
    np.testing.assert_array_equal(samples.valid, ~lost)
    assert samples.valid.any()
    assert not samples.valid.all()
    side = np.zeros_like(look.x) if name in ONE_POINT else look.x - look.x[:, :1]
    np.testing.assert_allclose(x_got, np.where(lost, np.nan, look.x[:, :1] + side), atol=1e-4)
    np.testing.assert_allclose(y_got, np.where(lost, np.nan, look.y[:, :1] + side), atol=1e-4)
    pupil = np.full_like(look.pupil_mm, np.nan) if name in NO_PUPIL else look.pupil_mm
    np.testing.assert_allclose(
        samples.pupil_mm, np.where(lost | look.lost, np.nan, pupil), atol=1e-4
    )


def picture(mapping: GazeMapping, samples: GazeSamples) -> tuple[FloatArray, FloatArray]:
    """Degrees back to 0 to 1 of the picture, `(n, 2)`."""
    preset = preset_named(mapping.report.preset)
    half_x, half_y = (preset.scene or Screen()).half_tangent
    return tuple(
        0.5 + 0.5 * np.tan(np.radians(deg)) / half
        for deg, half in ((samples.x_deg, half_x), (samples.y_deg, half_y))
    )  # type: ignore[return-value]


def expected(name: str, x_got: FloatArray) -> tuple[Look, "np.typing.NDArray[np.bool_]"]:
    """What the device saw in these consecutive samples, found by the first one that was seen."""
    first = int(np.flatnonzero(np.isfinite(x_got[:, 0]))[0])
    number = round((x_got[first, 0] - 0.1) / 0.0008)
    n = (np.arange(len(x_got)) - first + number) % 1000
    look = Counting().look(n.astype(np.int64), rate_hz=1.0)
    lost = look.lost[:, :1] & np.ones(2, np.bool_) if name in ONE_POINT else look.lost
    return look, lost


def test_a_rate_that_is_declared_wrongly_is_noticed(received: Mapping[str, Received]) -> None:
    notes = received["tobii-pro"].health.notes
    assert any("declares 600 Hz but sends about 1" in note for note in notes)


def test_values_that_no_channel_describes_are_said(received: Mapping[str, Received]) -> None:
    notes = received["tittalsl"].health.notes
    assert any("describes 36 channels but sends 37" in note for note in notes)
