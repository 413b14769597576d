"""`hadua calibrate` from a recording: to a profile that serves, and to words where it cannot."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.recorded_sessions import record_person
from support.simulating import sending

from hadua.calibration.store import ProfileStore
from hadua.service.person_data import PROFILES


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute and a half of a simulated person, as the demo model takes them."""
    return record_person(tmp_path_factory.mktemp("person"), seconds=75.0)


def hadua(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    main = "from hadua.service.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", main, "calibrate", *arguments, "--data-dir", str(folder)],
        env={**os.environ, "HADUA_REQUIRE_CONSENT": "false"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240.0, check=False,
    )  # fmt: skip


def test_from_a_recording_to_a_profile_that_serves(recording: Path, tmp_path: Path) -> None:
    source = f"file:{recording}"
    streams = ("--eeg", source, "--gaze", source, "--participant", "P01")
    asked = hadua(tmp_path, *streams, "--seconds", "60", "--baseline-s", "5", "--json")
    assert asked.returncode == 0, asked.stderr
    waiting = json.loads(asked.stdout)
    assert (waiting["state"], waiting["rested"], waiting["collected"]) == ("ready", 10, 120)
    store = ProfileStore(tmp_path / PROFILES)
    assert store.active_version("P01") == 0  # nobody has decided

    decided = hadua(tmp_path, *streams, "--accept", "automatic")
    assert "windows used: 120" in decided.stdout
    assert decided.stdout.startswith("accepted" if decided.returncode == 0 else "rejected")
    assert store.active_version("P01") == (1 if decided.returncode == 0 else 0)


def test_live_to_a_profile_that_serves(tmp_path: Path) -> None:
    person = "sim:person=5,speed=6"  # much faster, and a busy computer loses too much of it
    streams = ("--eeg", person, "--gaze", person, "--participant", "P02", "--json")
    plan = ("--seconds", "60", "--baseline-s", "5", "--accept", "automatic")
    require_calibrated(hadua(tmp_path, *streams, *plan), tmp_path, "P02")


@pytest.mark.soak
def test_live_over_lsl_at_the_pace_of_a_person(unique: str, tmp_path: Path) -> None:
    with sending("--name-prefix", unique, "--person", "5", "--json") as sender:
        assert sender.stdout is not None
        assert json.loads(sender.stdout.readline())["streams"]
        streams = ("--eeg", f"lsl:name={unique}-eeg", "--gaze", f"lsl:name={unique}-gaze")
        plan = ("--seconds", "60", "--baseline-s", "5", "--accept", "automatic", "--json")
        began_s = time.monotonic()
        asked = hadua(tmp_path, *streams, "--participant", "P03", *plan)
        assert time.monotonic() - began_s > 60.0
    require_calibrated(asked, tmp_path, "P03")


def require_calibrated(
    asked: subprocess.CompletedProcess[str], folder: Path, participant: str
) -> None:
    """The policy has decided, and what it decided is so."""
    assert asked.stdout, asked.stderr
    decided = json.loads(asked.stdout)
    assert decided["rested"] == 10
    assert decided["collected"] >= 120  # more where one of the streams was often missing
    assert min(decided["measured"].values()) >= 60
    assert decided["dropped"] == 0
    serves = ProfileStore(folder / PROFILES).active_version(participant)
    if asked.returncode == 0:
        assert (decided["state"], serves) == ("accepted", 1)
    else:
        assert (decided["state"], serves) == ("rejected", 0), decided
        assert decided["report"]["risk"] == "high"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--participant", "../x", "--eeg", "sim:"), 2, "--participant: got '../x'"),
        (("--participant", "P01"), 2, "a calibration without a stream"),
        (("--participant", "P01", "--eeg", "sim:", "--accept", "bold"), 2, "got 'bold'"),
        (("--participant", "P01", "--eeg", "sim:", "--seconds", "nan"), 2, "--seconds: got nan"),
        (
            ("--participant", "P01", "--eeg", "sim:", "--baseline-s", "-1"),
            2,
            "--baseline-s: got -1.0, expected greater than or equal to 0",
        ),
        (
            ("--participant", "P01", "--eeg", "sim:", "--gaze", "file:a.xdf"),
            2,
            "a recording together with a device",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    refused = hadua(tmp_path, *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert words in refused.stderr


def test_a_recording_that_is_too_short_says_so(recording: Path, tmp_path: Path) -> None:
    refused = hadua(tmp_path, "--participant", "P01", "--eeg", f"file:{recording}")
    assert refused.returncode == 1
    assert "the recording is over: got collecting" in refused.stderr
