"""A person's session over LSL, in processes of their own, recorded from its middle on."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from support.profiles import AT_UNIX, PERSON, own_profile
from support.recordings import load, only_file, samples, texts
from support.serving import hear, only_session, process, serving
from typer.testing import CliRunner

from hadua.adapters.recordings.layout import StepEvent
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.service.cli.main import build
from hadua.service.person_data import PROFILES
from hadua.service.verification import Verdict

SIMULATE = "import sys; from hadua.service.cli.main import main; sys.argv[0] = 'hadua'; main()"


def verdict(path: Path) -> Verdict:
    result = CliRunner().invoke(build(["verify"]), ["verify", "--json", str(path)])
    assert result.stdout, result.stderr
    return msgspec.json.decode(result.stdout, type=Verdict)


def two_profiles(data: Path) -> None:
    """A data folder in which the person has two profiles of the demo bundle, the first in force."""
    bundle, store = load_bundle(demo_bundle_path()), ProfileStore(data / PROFILES)
    for version in (1, 2):
        store.save(own_profile(bundle, version=version), at_unix=AT_UNIX + version)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)


def settings_file(folder: Path, **more: object) -> Path:
    path = folder / "hadua.toml"
    lines = {"require_consent": "false", "min_free_mb": "0.0", **more}
    path.write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
    return path


def predictions_after(version: int, n: int) -> Callable[[dict[str, object]], bool]:
    """The n-th prediction with a version of the profile was heard."""
    heard = [0]

    def over(frame: dict[str, object]) -> bool:
        heard[0] += frame["type"] == "prediction" and frame["profile_version"] == version
        return heard[0] >= n

    return over


def versions_of(path: Path) -> list[int]:
    frames = [json.loads(text) for text in texts(load(path)["HADUA-frames"])]
    said = [f["profile_version"] for f in frames if f["type"] == "prediction"]
    return [v for k, v in enumerate(said) if k == 0 or said[k - 1] != v]


def swaps_of(path: Path) -> list[int]:
    steps = samples(load(path)["HADUA-steps"])
    return [int(v) for v in steps[steps[:, 1] == StepEvent.PROFILE][:, 2]]


def test_recorded_from_the_middle_on_and_rolled_back_meanwhile(tmp_path: Path, unique: str) -> None:
    data = tmp_path / "data"
    two_profiles(data)
    sending = [sys.executable, "-c", SIMULATE, "simulate", "--name-prefix", unique, "--json"]
    flags = ["--config", str(settings_file(tmp_path)), "--data-dir", str(data)]
    flags += ["--participant", PERSON, "--wait-s", "20"]
    with process(sending) as outlets:
        names = {s["modality"]: s["name"] for s in json.loads(outlets.line())["streams"]}
        flags += ["--eeg", f"lsl:name={names['eeg']}", "--gaze", f"lsl:name={names['eye']}"]
        with serving(*flags) as (_, url):
            hear(url, until=predictions_after(1, 4), timeout_s=60.0)
            session = f"{url}/api/v1/sessions/{only_session(url)}"
            for call, body, heard in (
                ("recording", None, predictions_after(1, 7)),
                ("rollback", {"version": 2}, predictions_after(2, 4)),
                ("rollback", {"version": 0}, predictions_after(0, 4)),
            ):
                answer = httpx.post(f"{session}/{call}", json=body, timeout=30.0)
                assert answer.status_code in (200, 201), answer.text
                hear(url, until=heard, timeout_s=60.0)
            httpx.post(f"{session}/recording/stop", timeout=30.0).raise_for_status()
    path = only_file(data / "recordings")
    found = verdict(path)
    assert (found.identical, found.notes) == (True, ()), found
    assert found.compared >= 8
    assert versions_of(path) == [1, 2, 0]
    assert swaps_of(path) == [2, 0]


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_person_who_is_calibrated_and_followed(tmp_path: Path, unique: str) -> None:
    """Accepted in the middle of the recording, followed from then on, and rolled back."""
    data = tmp_path / "data"
    sending = [sys.executable, "-c", SIMULATE, "simulate", "--name-prefix", unique, "--json"]
    settings = settings_file(tmp_path, adaptation="false")
    flags = ["--config", str(settings), "--data-dir", str(data), "--wait-s", "20"]
    flags += ["--participant", PERSON, "--record", str(tmp_path / "lab")]
    with process(sending) as outlets:
        names = {s["modality"]: s["name"] for s in json.loads(outlets.line())["streams"]}
        flags += ["--eeg", f"lsl:name={names['eeg']}", "--gaze", f"lsl:name={names['eye']}"]
        with serving(*flags) as (_, url):
            session = f"{url}/api/v1/sessions/{only_session(url)}"
            with httpx.Client(timeout=60.0) as http:
                wanted = {"seconds": 90.0, "plan": {"baseline_s": 10.0}}
                http.post(f"{session}/calibration", json=wanted).raise_for_status()
                until(lambda: calibration(http, session)["state"] == "ready", 400.0)
                accepted = http.post(f"{session}/calibration/accept")
                accepted.raise_for_status()
                http.post(f"{session}/adaptation", json={"on": True}).raise_for_status()
                until(lambda: version(http, session) >= 4, 200.0)
                http.post(f"{session}/rollback", json={"version": 1}).raise_for_status()
                hear(url, until=predictions_after(1, 10), timeout_s=120.0)
    path = only_file(tmp_path / "lab")
    assert swaps_of(path)[0] == 1
    assert swaps_of(path)[-1] == 1
    assert len(swaps_of(path)) >= 5
    found = verdict(path)
    assert (found.identical, found.notes) == (True, ()), found


def calibration(http: httpx.Client, session: str) -> dict[str, object]:
    found = http.get(f"{session}/calibration").json()["calibration"]
    assert isinstance(found, dict)
    return found


def version(http: httpx.Client, session: str) -> int:
    return int(http.get(session).json()["status"]["profile_version"])


def until(done: Callable[[], bool], timeout_s: float) -> None:
    """Ask until it is so."""
    end_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < end_s, "not in time"
        time.sleep(0.5)
