"""Recordings through the pipeline: sessions by their own steps, anything else by its time."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.bundles import make_bundle
from support.muse_files import muse_text, write_muse
from support.pipelines import recorded
from support.recorded_sessions import record_session
from support.recordings import load, texts
from support.service import EEG, GAZE, FakeSource, ramps
from support.xdf_writer import XdfStream, write_xdf
from typer.testing import CliRunner, Result

from hadua.adapters.recordings.session_file import StreamEnd, Took
from hadua.adapters.sources.source import Source
from hadua.models.features import Modality
from hadua.service.cli.main import build
from hadua.service.replaying import Pace, in_order

Answer = dict[str, object]


@pytest.fixture(scope="module")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_session(tmp_path_factory.mktemp("session"), faults="gaze.gap@5+0.5")


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["replay"]), ["replay", *map(str, args)])


def answers(result: Result) -> list[Answer]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def said(path: Path) -> list[Answer]:
    frames = [json.loads(text) for text in texts(load(path)["HADUA-frames"])]
    return [f for f in frames if f["type"] == "prediction"]


def test_a_session_replays_as_it_was(session_file: Path) -> None:
    result = run(session_file)
    replayed, live = answers(result), said(session_file)
    assert len(replayed) == len(live) > 10
    assert [{k: f[k] for k in replayed[0]} for f in live] == replayed
    assert {"start_s", "end_s", "probabilities", "label", "reason"} <= replayed[0].keys()
    assert "windows" in result.stderr
    assert "times real time" in result.stderr


def test_another_bundle_answers_otherwise(session_file: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path, eeg_channels=("CZ", "OZ"), name="other", seed=3)
    out = tmp_path / "predictions.jsonl"
    result = run(session_file, "--bundle", other, "--out", out)
    assert result.stdout == ""
    replayed = [json.loads(line) for line in out.read_text().splitlines()]
    live = said(session_file)
    assert [f["end_s"] for f in replayed] == [f["end_s"] for f in live]
    assert {str(f["bundle"]).partition("@")[0] for f in replayed} == {"other"}
    assert [f["probabilities"] for f in replayed] != [f["probabilities"] for f in live]


def an_xdf(path: Path) -> Path:
    """Six seconds of simulated EEG at two electrodes, once more twice as large and unnamed."""
    chunks = recorded()[Modality.EEG]
    columns = [chunks[0].spec.labels.index(label) for label in ("CZ", "OZ")]
    x = np.concatenate([c.x for c in chunks])[:6000, columns]
    t_s = 50.0 + np.arange(len(x)) / 1000.0
    streams = [
        XdfStream("Amp one", "EEG", 1000.0, t_s, x, ("CZ", "OZ")),
        XdfStream("Amp two", "EEG", 1000.0, t_s, 2.0 * x, ()),
        XdfStream("Other", "Data", 1000.0, t_s, x, ("CZ", "OZ")),
    ]
    write_xdf(path, streams)
    return path


def test_one_of_several_streams_is_named(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, eeg_channels=("CZ", "OZ"), eye=False)
    path = an_xdf(tmp_path / "a.xdf")
    ambiguous = run(path, "--bundle", bundle)
    assert ambiguous.exit_code == 1
    assert "more than one stream 'eeg'" in ambiguous.stderr
    one = answers(run(path, "--bundle", bundle, "--eeg", "Amp one"))
    named = answers(run(path, "--bundle", bundle, "--eeg", "Amp two,labels=CZ/OZ"))
    assert len(one) == len(named) >= 10
    assert [f["probabilities"] for f in one] != [f["probabilities"] for f in named]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["none.xdf"], 1, "No such file"),
        (["."], 1, "cannot be read"),
        (["a.csv", "--eeg", "x"], 2, "no name: such a file holds one stream"),
        (["a.csv", "--realtime", "--speed", "2"], 2, "one of them, or neither"),
        (["a.csv", "--speed", "0"], 2, "a positive number"),
        (["a.csv", "--out", "no/such/folder"], 2, "--out"),
        (["a.xdf"], 1, "expected one of type EEG or Gaze"),
        (["a.csv", "--lsl"], 1, "is not an XDF file"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    args: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_muse(tmp_path / "a.csv", muse_text(seconds=1.0))
    t_s = np.arange(5) / 1.0
    write_xdf(tmp_path / "a.xdf", [XdfStream("c", "Data", 1.0, t_s, np.zeros((5, 1)))])
    result = run(*args)
    assert result.exit_code == code
    assert told in " ".join(result.stderr.split())


def test_the_stream_that_is_behind_comes_first_and_each_ends_once() -> None:
    sources: dict[Modality, Source] = {
        Modality.EEG: FakeSource(ramps(EEG, 10)),
        Modality.EYE: FakeSource(ramps(GAZE, 10, size=2), spec=GAZE),
    }
    for source in sources.values():
        source.open(1.0)
    events = list(in_order(sources))
    took = [e for e in events if isinstance(e, Took)]
    assert [float(e.chunk.t_s[-1]) for e in took] == sorted(float(e.chunk.t_s[-1]) for e in took)
    assert [e.modality for e in events if isinstance(e, StreamEnd)] == [Modality.EYE, Modality.EEG]
    assert len(took) == 20


def test_a_pace_waits_for_what_is_ahead_of_its_time() -> None:
    now_s, waits = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now_s[0] += seconds

    pace = Pace(2.0, sleep=sleep, clock=lambda: now_s[0])
    for t_s in (50.0, 51.0, 50.5, 54.0):
        pace.wait_for(t_s)
    assert waits == [0.5, 1.5]
    Pace(None, sleep=sleep).wait_for(1e9)
    assert len(waits) == 2


EVERY_FILE = [
    ("xdf/clock_resets.xdf", "windows, 0 with an answer", "The device sends no channel names"),
    ("xdf/minimal.xdf", "got 10.0 Hz, expected at least 100 Hz", ""),
    ("xdf/empty_streams.xdf", "expected one of type EEG or Gaze", ""),
    ("tobii_glasses2/livedata.json.gz", "windows, ", "times real time"),
    ("tobii_spectrum/Tobii_Spectrum_120Hz.tsv.gz", "windows, ", "pupil"),
    ("tobii_spectrum/Tobii_Spectrum_600Hz.tsv.gz", "windows, ", "pupil"),
    ("eyelink/002_rlmw_samples_short.asc.gz", "windows, ", "pupil"),
    ("eyelink/002_rlmw_events_short.asc", "got no sample", ""),
    (
        "muse_ssvep/subject1_session1_data_2017-09-14-21.20.04.csv.gz",
        "windows, 0 with an answer",
        "choose a bundle that was trained on them",
    ),
]


@pytest.mark.parametrize(("name", "told", "why"), EVERY_FILE)
def test_every_real_recording_replays_or_says_why_not(
    name: str, told: str, why: str, recordings: Path
) -> None:
    result = run(recordings / name)
    assert "Traceback" not in result.stderr
    said = " ".join(result.stderr.split())
    assert told in said
    assert why in said
    assert (result.exit_code == 0) == ("windows" in said)
    assert result.exit_code == 1 or len(result.stdout.splitlines()) > 25
