"""Files of devices' own programs as sources: the numbers in the file, at the times in the file."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.muse_files import muse_text, write_muse

from hadua.adapters.datasets.recorded_streams import FORMATS, RecordedSource, format_of
from hadua.adapters.datasets.tobii_spectrum import read_spectrum
from hadua.adapters.devices.preset_library import preset_of
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, Source, StreamSpec
from hadua.models.errors import RecordingError, UsageError
from hadua.models.features import Modality

SPECTRUM = "timestamp\tleft_x\tleft_y\tright_x\tright_y\ttarget_id\ttar_x\ttar_y\n"


def spectrum(path: Path, *, n: int = 30) -> Path:
    rows = (f"{1000 + 10 * k}\t{k}\t-{k}\t{k + 5}\tnan\t1\t0\t0" for k in range(n))
    path.write_text(SPECTRUM + "\n".join(rows) + "\n")
    return path


def eyelink(path: Path, *, n: int = 30) -> Path:
    rows = (f"{5000 + 2 * k}\t{k}.5\t{2 * k}\t900\t .\t .\t0.0\t....." for k in range(n))
    path.write_text("MSG\t4999 begin\n" + "\n".join(rows) + "\n")
    return path


def glasses(path: Path, *, n: int = 30) -> Path:
    lines = []
    for k in range(n):
        ts = 1_000_000 + 20_000 * k
        lines.append(f'{{"ts":{ts},"s":0,"gidx":{k},"gp":[0.5,{k / 100}]}}')
        lines.append(f'{{"ts":{ts},"s":0,"gidx":{k},"pd":3.5,"eye":"left"}}')
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def everything(source: Source) -> tuple[StreamSpec, list[SampleChunk]]:
    spec = source.open(1.0)
    chunks: list[SampleChunk] = []
    try:
        while True:
            chunk = source.read(1.0)
            if chunk is not None:
                chunks.append(chunk)
    except EndOfStreamError:
        source.close()
    return spec, chunks


def values(chunks: list[SampleChunk]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([c.t_s for c in chunks]), np.concatenate([c.x for c in chunks])


def test_a_muse_file_is_eeg(tmp_path: Path) -> None:
    path = write_muse(tmp_path / "subject1.csv.gz", muse_text(seconds=2.0))
    source = parse_source(f"file:{path}", modality=Modality.EEG)
    spec, chunks = everything(source)
    t_s, x = values(chunks)
    assert source.description == f"file:{path}"
    assert (spec.name, spec.rate_hz, spec.labels[0]) == ("Muse", 256.0, "TP9")
    assert x.shape == (512, 5)
    np.testing.assert_allclose(t_s, 100.0 + np.arange(512) / 256.0, atol=1.5e-3)


def test_a_spectrum_table_is_gaze_in_pixels_of_its_screen(tmp_path: Path) -> None:
    path = spectrum(tmp_path / "a.tsv")
    spec, chunks = everything(parse_source(f"file:{path}", modality=Modality.EYE))
    t_s, x = values(chunks)
    assert (spec.rate_hz, spec.screen_px) == (100.0, (1920.0, 1080.0))
    assert [(c.label, c.unit, c.eye) for c in spec.channels] == [
        ("left_x", "pixels", "left"),
        ("left_y", "pixels", "left"),
        ("right_x", "pixels", "right"),
        ("right_y", "pixels", "right"),
    ]
    np.testing.assert_allclose(t_s, 1.0 + np.arange(30) / 100.0, atol=1e-9)
    np.testing.assert_array_equal(x[7], [967.0, 533.0, 972.0, np.nan])


def test_an_eyelink_file_is_recognised_as_its_outlet_is(tmp_path: Path) -> None:
    path = eyelink(tmp_path / "a.asc")
    spec, chunks = everything(parse_source(f"file:{path}", modality=Modality.EYE))
    _, x = values(chunks)
    assert spec.rate_hz == 500.0
    assert preset_of(spec, modality=Modality.EYE).name == "eyelink"
    assert spec.labels == (
        "leftEyeX", "leftEyeY", "leftPupilArea", "rightEyeX", "rightEyeY", "rightPupilArea",
    )  # fmt: skip
    np.testing.assert_array_equal(x[3], [3.5, 6.0, 900.0, np.nan, np.nan, 0.0])


def test_a_glasses_file_is_gaze(tmp_path: Path) -> None:
    path = glasses(tmp_path / "livedata.json.gz")
    spec, chunks = everything(parse_source(f"file:{path}", modality=Modality.EYE))
    t_s, x = values(chunks)
    assert spec.name == "Tobii"
    np.testing.assert_allclose(t_s[[0, -1]], [1.0, 1.58], atol=1e-9)
    np.testing.assert_array_equal(x[5], [0.5, 0.05, 3.5, np.nan, np.nan, np.nan])


@pytest.mark.parametrize("name", ["a.CSV", "b.tsv.gz", "c.asc", "livedata.json.gz"])
def test_a_format_is_known_by_the_name_of_its_file(name: str) -> None:
    found = format_of(Path(name))
    assert found is not None
    assert found.suffix in name.lower()


def test_of_other_names_there_is_none() -> None:
    assert format_of(Path("a.xdf")) is None
    assert format_of(Path("csv")) is None
    assert {f.modality for f in FORMATS} == set(Modality)


@pytest.mark.parametrize(
    ("text", "modality", "match"),
    [
        (
            "file:a.tsv",
            Modality.EEG,
            r"for eeg: got a Tobii Spectrum recording: eye",
        ),
        ("file:a.csv", Modality.EYE, r"for eye: got a Muse recording: eeg, expected .json"),
        ("file:a.edf", Modality.EEG, r"expected a file whose name ends in .xdf, .csv"),
        ("file:a.csv,stream=Muse", Modality.EEG, r"got 'stream', expected no stream"),
    ],
)
def test_what_a_file_is_not_is_said(text: str, modality: Modality, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        parse_source(text, modality=modality)


def _of(text: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (_of(""), "line 1: wrong header: got nothing"),
        (_of("time\tx\n"), r"line 1: wrong header: got 'time\\tx'"),
        (_of(SPECTRUM), "has a header but no samples"),
        (_of(SPECTRUM + "1\t2\t3\t4\tx\n"), "line 2: got"),
        (_of(SPECTRUM + "nan\t2\t3\t4\t5\n"), "line 2: got"),
        (_of(SPECTRUM + "1\t2\n"), "line 2: got"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(
    write: Callable[[Path], Path], match: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tsv")
    with pytest.raises(RecordingError, match=match):
        read_spectrum(path)


def test_a_real_table_is_read(recordings: Path) -> None:
    path = recordings / "tobii_spectrum" / "Tobii_Spectrum_600Hz.tsv.gz"
    spec, chunks = everything(RecordedSource(path, modality=Modality.EYE))
    t_s, x = values(chunks)
    assert spec.rate_hz == pytest.approx(600.0, abs=0.2)
    assert 20.0 < t_s[-1] - t_s[0] < 22.0
    assert np.nanmedian(x[:, 0]) == pytest.approx(960.0, abs=600.0)
