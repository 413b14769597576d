"""Real recordings, sent by another process through LSL, come out of a WebSocket as predictions."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from support.serving import Frame, hear, predictions, sender, serving

from hadua.models.bundle import load_bundle
from hadua.models.features import Modality

MUSE = "muse_ssvep/subject3_session1_data_2018-05-04-18.20.03.csv.gz"
MUSE_BURSTY = "muse_ssvep/subject1_session1_data_2017-09-14-21.20.04.csv.gz"
GLASSES = "tobii_glasses2/livedata.json.gz"
HOP_S = 0.5


@pytest.fixture(scope="module")
def muse_bundle(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by the README's command; fewer passes, because nothing here depends on its skill."""
    folder = tmp_path_factory.mktemp("muse") / "bundle"
    command = [sys.executable, "-c", "from hadua.service.cli.main import main; main()", "train"]
    command += ["--dataset", "muse-ssvep", "--root", str(recordings / "muse_ssvep")]
    command += ["--out", str(folder), "--epochs", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def ends_s(frames: list[Frame]) -> list[float]:
    return [float(str(f["end_s"])) for f in frames]


def modality(frame: Frame, name: str) -> object:
    states = frame["modalities"]
    assert isinstance(states, dict)
    return states[name]


def assert_every_window_came(
    frames: list[Frame], *, first_s: float, last_s: float, window_s: float
) -> None:
    """Grid ends without a hole, from the first whole window to the last sample.

    At either edge one window more or less is a matter of half a sample.
    """
    k = [round(end_s / HOP_S) for end_s in ends_s(frames)]
    assert k == list(range(k[0], k[-1] + 1))
    np.testing.assert_allclose(ends_s(frames), np.array(k) * HOP_S, atol=1e-9)
    assert abs(k[0] - math.ceil((first_s + window_s) / HOP_S)) <= 1
    assert abs(k[-1] - math.floor(last_s / HOP_S)) <= 1
    seqs = [int(str(f["seq"])) for f in frames]
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize("recording", [MUSE, MUSE_BURSTY])
def test_a_muse_and_a_tobii_are_predicted_window_by_window(
    recordings: Path, unique: str, muse_bundle: Path, recording: str
) -> None:
    seconds, window_s = 12.0, load_bundle(muse_bundle).specs[Modality.EEG].window_s
    arguments = ["--muse", str(recordings / recording), "--glasses", str(recordings / GLASSES)]
    arguments += ["--id", unique, "--seconds", str(seconds)]
    flags = ["--bundle", str(muse_bundle), "--wait-s", "20"]
    flags += ["--eeg", f"lsl:source_id=Muse{unique}", "--gaze", f"lsl:source_id=Tobii{unique}"]

    with sender("recording_sender.py", *arguments) as (sending, up), serving(*flags) as (_, url):
        first_s = float(json.loads(sending.line())["first_stamp_s"])
        last_s = first_s + seconds
        frames = hear(url, until=_beyond(last_s), timeout_s=60.0)
        session = httpx.get(f"{url}/api/v1/sessions").json()["sessions"][0]

    answers = predictions(frames)
    assert_every_window_came(answers, first_s=first_s, last_s=last_s, window_s=window_s)
    for answer in answers:
        assert answer["modalities"] == {"eeg": "used", "eye": "not in model"}, answer["reason"]
        assert answer["label"] in ("flicker-30-hz", "flicker-20-hz")
        assert sum(_numbers(answer["probabilities"])) == pytest.approx(1.0)
    eeg = session["reports"]["eeg"]
    assert (eeg["coverage"], len(eeg["unused"])) == (1.0, 1)  # Right AUX is no EEG
    assert up["streams"]


@pytest.mark.parametrize("layout", ["tobiipro", "titta"])
def test_four_electrodes_do_not_make_sixty_two(recordings: Path, unique: str, layout: str) -> None:
    arguments = ["--muse", str(recordings / MUSE), "--glasses", str(recordings / GLASSES)]
    arguments += ["--id", unique, "--seconds", "14", "--speed", "3", "--layout", layout]
    flags = ["--eeg", f"lsl:source_id=Muse{unique}", "--gaze", f"lsl:source_id=Tobii{unique}"]

    with (
        sender("recording_sender.py", *arguments) as (sending, _),
        serving(*flags, "--wait-s", "20") as (_, url),
    ):
        last_s = float(json.loads(sending.line())["first_stamp_s"]) + 14.0
        frames = hear(url, until=_beyond(last_s), timeout_s=60.0)
        session = httpx.get(f"{url}/api/v1/sessions").json()["sessions"][0]

    answers = predictions(frames)
    assert len(answers) > 20
    for answer in answers:
        assert modality(answer, "eeg") == "unmapped"
        assert answer["abstained"] is True
        assert answer["label"] is None
        assert answer["probabilities"] is None
        assert "0% of the model's input, 75% are needed" in str(answer["reason"])
        assert "electrodes at TP9, AF7, AF8, TP10, and the model uses none" in str(answer["reason"])
    # The four seconds of the first gaze window over, the eyes are measured all the same.
    assert any(modality(a, "eye") == "used" for a in answers)
    report = session["reports"]["eeg"]
    assert (report["coverage"], len(report["missing"])) == (0.0, 62)


def test_mne_lsl_s_player_is_a_sender_like_any_other(
    recordings: Path, unique: str, muse_bundle: Path
) -> None:
    arguments = [str(recordings / MUSE), f"player{unique}", unique]
    flags = ["--bundle", str(muse_bundle), "--wait-s", "20", "--eeg", f"lsl:source_id={unique}"]

    with sender("player_sender.py", *arguments), serving(*flags) as (_, url):
        frames = hear(url, until=_nth_prediction(12), timeout_s=60.0)
        session = httpx.get(f"{url}/api/v1/sessions").json()["sessions"][0]

    answers = predictions(frames)
    k = [round(end_s / HOP_S) for end_s in ends_s(answers)]
    assert k == list(range(k[0], k[0] + 12))
    assert all(a["modalities"] == {"eeg": "used", "eye": "not in model"} for a in answers)
    found = session["reports"]["eeg"]["found"]
    assert [c["label"] for c in found] == ["TP9", "AF7", "AF8", "TP10"]
    assert {c["microvolts"] for c in found} == {1e6}  # the player speaks volts, and says so


def _beyond(last_s: float) -> Callable[[Frame], bool]:
    """The prediction of the last window that is sure to be whole."""
    return lambda f: f["type"] == "prediction" and ends_s([f])[0] > last_s - 1.5 * HOP_S


def _nth_prediction(n: int) -> Callable[[Frame], bool]:
    heard = [0]

    def until(frame: Frame) -> bool:
        heard[0] += frame["type"] == "prediction"
        return heard[0] >= n

    return until


def _numbers(value: object) -> list[float]:
    assert isinstance(value, dict)
    return [float(v) for v in value.values()]
