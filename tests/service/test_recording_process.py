"""A recording outlives its service: killed at any moment, it is readable up to the cut."""

import json
import logging
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.recordings import load, only_file, samples, stamps, texts
from support.serving import Frame, hear, predictions, process, serving
from typer.testing import CliRunner

from hadua.adapters.sources.clock import lsl_now_s
from hadua.service.cli.main import build
from hadua.service.verification import Verdict

LOST_AT_MOST_S = 1.5  # a writer's round is 0.25 s; the machine may be busy


def verdict(path: Path) -> Verdict:
    result = CliRunner().invoke(build(["verify"]), ["verify", "--json", str(path)])
    return msgspec.json.decode(result.stdout, type=Verdict)


def test_a_killed_service_leaves_a_recording_that_is_readable_up_to_the_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving("--demo", "--record", str(tmp_path)) as (running, url):
        hear(url, until=lambda f: f["seq"] == 14, timeout_s=60.0)
        killed_s = lsl_now_s()
        running.child.kill()
        running.child.wait()
    path = only_file(tmp_path)

    with caplog.at_level(logging.ERROR):
        read = load(path)
    assert not caplog.records  # pyxdf found nothing to complain of
    for name, rate_hz in (("HADUA-sim-eeg", 1000.0), ("HADUA-sim-gaze", 120.0)):
        t_s = stamps(read[name])
        assert killed_s - LOST_AT_MOST_S < t_s[-1] <= killed_s + 0.5
        np.testing.assert_allclose(np.diff(t_s), 1.0 / rate_hz, atol=1e-6)
        assert np.isfinite(samples(read[name])).all()
    found = verdict(path)
    assert found.identical is True
    assert found.notes == ("the recording was cut off: compared up to the cut",)


def test_the_recording_of_a_service_that_leaves_is_whole(tmp_path: Path) -> None:
    with serving("--demo", "--record", str(tmp_path)) as (running, url):
        said = predictions(hear(url, until=lambda f: f["seq"] == 8, timeout_s=60.0))
        running.child.terminate()
        assert running.child.wait(10.0) == 0
    path = only_file(tmp_path)
    assert path.name == "sub-unknown_ses-demo_task-hadua_run-001_eeg.xdf"
    read = load(path)
    assert all("footer" in stream for stream in read.values())
    frames = [json.loads(text) for text in texts(read["HADUA-frames"])]
    recorded = {f["seq"]: f for f in frames if f["type"] == "prediction"}
    assert [recorded[f["seq"]] for f in said] == said  # as the client got them
    assert verdict(path).identical is True


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_ten_minutes_are_verified_identical(tmp_path: Path) -> None:
    with serving("--demo", "--record", str(tmp_path)) as (running, url):
        ends_s = list[float]()

        def is_last(frame: Frame) -> bool:
            if frame["type"] == "prediction":
                ends_s.append(float(str(frame["end_s"])))
            return bool(ends_s) and ends_s[-1] - ends_s[0] >= 600.0

        hear(url, until=is_last, timeout_s=700.0)
        running.child.terminate()
        assert running.child.wait(10.0) == 0

    found = verdict(only_file(tmp_path))

    assert found.compared >= len(ends_s) > 600
    assert (found.identical, found.differing) == (True, 0)
    assert found.notes == ()


def test_a_disk_without_room_ends_the_start_with_words(tmp_path: Path) -> None:
    settings = tmp_path / "hadua.toml"
    settings.write_text("min_free_mb = 1e12\ndemo = true\n")
    command = ["hadua.service.cli.serve", "--port", "0", "--config", str(settings)]
    with process([sys.executable, "-m", *command, "--record", str(tmp_path / "lab")]) as running:
        assert running.child.wait(60.0) == 1
    assert "the disk is nearly full" in "".join(running.errors)
    assert "min_free_mb" in "".join(running.errors)
