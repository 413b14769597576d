"""EyeLink's text form: samples, events, and what is wrong with a file."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from hadua.adapters.datasets.eyelink_asc import read_events, read_samples
from hadua.models.errors import RecordingError

SAMPLES = """** CONVERTED FROM x.edf
START\t100 \tLEFT\tRIGHT\tSAMPLES
100\t  655.6\t  599.9\t 1121.0\t  773.1\t  594.2\t  949.0\t.....
102\t   .\t   .\t    0.0\t  773.8\t  593.9\t  951.0\t.C...
"""
EVENTS = """MSG\t99 hello
SFIX L   100
EFIX L   100\t150\t52\t  649.6\t  600.3\t   1165
EBLINK R 160\t200\t42
ESACC R  152\t210\t60\t  281.9\t  847.4\t  722.3\t  499.2\t  12.56\t   1028
ESACC L  152\t210\t60\t   .\t   .\t  722.3\t  499.2\t   .\t    .
"""


def test_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.asc"
    path.write_text(SAMPLES)

    samples = read_samples(path)

    assert samples.t_s.tolist() == [0.100, 0.102]
    assert samples.x_px[0].tolist() == [655.6, 773.1]
    assert np.isnan(samples.x_px[1, 0])
    assert samples.pupil[1].tolist() == [0.0, 951.0]


def test_events(tmp_path: Path) -> None:
    path = tmp_path / "a.asc.gz"
    path.write_bytes(gzip.compress(EVENTS.encode()))

    fixation, blink, saccade, unknown = read_events(path, rate_hz=500.0)

    assert (fixation.name, fixation.eye, fixation.points_px) == ("EFIX", 0, (649.6, 600.3))
    assert fixation.end_s - fixation.start_s == pytest.approx(0.052)
    assert (blink.name, blink.eye, blink.start_s) == ("EBLINK", 1, 0.160)
    assert saccade.amplitude_deg == 12.56
    assert np.isnan(unknown.amplitude_deg)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got no sample"),
        ("100 1 2\n", "x, y, pupil of two eyes"),
        ("100 a b c d e f\n", "'100"),
    ],
)
def test_files_without_binocular_samples_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "a.asc"
    path.write_text(text)

    with pytest.raises(RecordingError, match=message):
        read_samples(path)


@pytest.mark.parametrize("line", ["EFIX L 100 150", "EBLINK X 1 2 3", "ESACC R a b 1 1 1 1 1 1 1"])
def test_events_cut_short_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.asc"
    path.write_text(line + "\n")

    with pytest.raises(RecordingError, match="an event"):
        read_events(path, rate_hz=500.0)


def test_missing_and_truncated_files_are_refused(tmp_path: Path) -> None:
    cut = tmp_path / "cut.asc.gz"
    cut.write_bytes(gzip.compress(SAMPLES.encode())[:-12])

    for path in (tmp_path / "none.asc", cut):
        with pytest.raises(RecordingError, match="cannot be read"):
            read_samples(path)
