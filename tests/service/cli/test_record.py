"""`hadua record`: what is sent is in the file, with its own stamps; it ends in good order."""

import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pylsl
import pytest
from support.lsl_outlets import IndexOutlet
from support.recordings import load, samples, stamps, texts
from support.serving import Process, process
from typer.testing import CliRunner

from hadua.service.cli.main import build

MAIN = "from hadua.service.cli.main import main; main()"


def command(*args: str | Path) -> Sequence[str]:
    return [sys.executable, "-c", MAIN, "record", *map(str, args)]


def wait_for(running: Process, *lines: str) -> None:
    """Wait until the recorder has said so on stderr."""
    deadline_s = time.monotonic() + 30.0
    while not all(f"{line}\n" in running.errors for line in lines):
        assert time.monotonic() < deadline_s, running.errors
        time.sleep(0.02)


def send(outlet: IndexOutlet, n: int) -> float:
    """Send n samples, ten at a time; when the last was stamped."""
    first_s: float = pylsl.local_clock() - n / outlet.rate_hz
    for k in range(n // 10):
        outlet.push(10, newest_s=first_s + (10 * k + 9) / outlet.rate_hz)
    return first_s


def marks(name: str) -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 2, 0.0, "string", f"id-{name}"))


def test_what_is_sent_is_in_the_file_and_ctrl_c_ends_it_in_good_order(
    tmp_path: Path, unique: str
) -> None:
    path = tmp_path / "a.xdf"
    eeg = IndexOutlet(f"{unique}-eeg", rate_hz=250.0, count=3, extra={"cap": "C64"})
    queries = [f"lsl:name={unique}-eeg", f"lsl:name={unique}-late"]
    args = ("--out", path, "--stream", queries[0], "--stream", queries[1], "--min-free-mb", "0")
    with process(command(*args, "--json")) as running:
        wait_for(running, f"recording {unique}-eeg")
        first_s = send(eeg, 500)
        late = marks(f"{unique}-late")  # found while it runs
        wait_for(running, f"recording {unique}-late")
        late.push_sample(["a", "é"], 12.5)
        time.sleep(1.0)
        running.child.send_signal(signal.SIGINT)
        summary = json.loads(running.line())
        assert running.child.wait(10.0) == 0
    assert summary["ended"] == "asked to"
    assert {s["name"]: s["samples"] for s in summary["streams"]} == {
        f"{unique}-eeg": 500,
        f"{unique}-late": 1,
    }
    assert summary["bytes"] == path.stat().st_size
    read = load(path)
    mine = read[f"{unique}-eeg"]
    np.testing.assert_array_equal(samples(mine)[:, 0], np.arange(500))
    np.testing.assert_allclose(stamps(mine), first_s + np.arange(500) / 250.0, atol=2e-3)
    assert "footer" in mine
    info = mine["info"]
    assert isinstance(info, dict)
    assert info["desc"][0]["cap"] == ["C64"]
    assert info["channel_format"] == ["float32"]
    offsets = mine["clock_values"]
    assert isinstance(offsets, list)
    assert offsets
    assert max(map(abs, offsets)) < 2e-3  # one computer, one clock
    assert read[f"{unique}-late"]["time_series"] == [["a", "é"]]
    assert texts(read[f"{unique}-late"]) == ["a"]


def test_a_killed_recorder_leaves_a_readable_file(tmp_path: Path, unique: str) -> None:
    path = tmp_path / "a.xdf"
    eeg = IndexOutlet(unique, rate_hz=250.0, count=2)
    args = ("--out", path, "--stream", f"lsl:name={unique}", "--min-free-mb", "0")
    with process(command(*args)) as running:
        wait_for(running, f"recording {unique}")
        send(eeg, 250)
        time.sleep(1.5)
        running.child.kill()
    read = load(path)[unique]
    np.testing.assert_array_equal(samples(read)[:, 0], np.arange(250))
    assert "footer" not in read


def test_a_duration_ends_it(tmp_path: Path, unique: str) -> None:
    outlet = IndexOutlet(unique)
    path = tmp_path / "a.xdf"
    args = ["--out", str(path), "--stream", f"lsl:name={unique}", "--duration", "0.5"]
    with process(command(*args, "--min-free-mb", "0")) as running:
        assert running.child.wait(30.0) == 0
    assert "0.5 s are over" in running.line()
    del outlet


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["--out", "a.xdf"], 2, "--stream QUERY, once or more, or --all"),
        (["--out", "a.xdf", "--all", "--stream", "lsl:type=EEG"], 2, "or --all"),
        (["--out", "a.xdf", "--stream", "EEG"], 2, "lsl:type=Markers"),
        (["--out", "there.xdf", "--all"], 2, "expected a new one"),
        (["--out", "a.xdf", "--all", "--min-free-mb", "1e12"], 2, "MB left"),
        (["--out", "a.xdf", "--all", "--duration", "0"], 2, "a duration above 0"),
        (
            [
                "--out",
                "a.xdf",
                "--stream",
                "lsl:name=nobody",
                "--wait-s",
                "0.3",
                "--min-free-mb",
                "0",
            ],
            1,
            "no LSL stream to record",
        ),
    ],
)
def test_what_cannot_be_recorded_is_said(
    args: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.xdf").write_text("mine")
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        result = CliRunner().invoke(build(["record"]), ["record", *args])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert result.exit_code == code, result.output
    assert told in " ".join(result.stderr.split())
    assert (tmp_path / "there.xdf").read_text() == "mine"
