"""`hadua doctor` as its users run it: a process of its own, on real LSL."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pylsl
import pytest
from support.lsl_outlets import IndexOutlet, frozen, sender_process

from hadua.service.cli.doctor import in_words
from hadua.service.doctor.finding import Finding, State

RUN = "import sys; from hadua.service.cli.main import main; sys.argv[0] = 'hadua'; main()"
CHANNELS = tuple({"label": label, "unit": "microvolts"} for label in ("FP1", "FP2", "O1", "O2"))


def doctor(*flags: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, "doctor", *flags],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, list[dict[str, str]]]:
    """What was found, by check."""
    by_check: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return by_check


@contextmanager
def sending(outlet: IndexOutlet) -> Iterator[None]:
    """Samples in real time from a thread, until the block is left."""
    over = threading.Event()

    def send() -> None:
        start_s = pylsl.local_clock()
        while not over.wait(0.02):
            due = int((pylsl.local_clock() - start_s) * outlet.rate_hz) - outlet.sent
            if due > 0:
                outlet.push(due, newest_s=start_s + (outlet.sent + due - 1) / outlet.rate_hz)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_real_streams_are_found_and_measured(unique: str, tmp_path: Path) -> None:
    good = IndexOutlet(f"good{unique}", channels=CHANNELS)
    bare = IndexOutlet(f"bare{unique}", type="Gaze", rate_hz=120.0)
    twins = [IndexOutlet(f"twin{unique}", type="ACC", source_id="same") for _ in range(2)]
    flags = ("--eeg", f"lsl:name={good.name}", "--gaze", f"lsl:name={bare.name}")

    with sending(good), sending(bare):
        done = doctor(
            *flags, "--data-dir", str(tmp_path), "--port", "0", "--seconds", "2", "--json"
        )

    said = findings(done)
    assert all(twin.sent == 0 for twin in twins)
    assert said["library"][0]["state"] == said["discovery"][0]["state"] == "ok"
    assert "SessionID 'hadua-test-" in said["lsl-config"][0]["found"]
    rates = {f["looked_at"]: f for f in said["rates"]}
    assert rates[f"lsl:name={good.name}"]["state"] == "ok"
    assert rates[f"lsl:name={good.name}"]["found"].startswith("declares 250 Hz, sends 2")
    assert said["labels"][0]["found"] == "FP1, FP2, O1, O2"
    assert [f["state"] for f in said["labels"]] == ["ok", "problem"]
    assert said["units"][0]["found"] == "microvolts"
    assert "uncertain by" in said["clock"][1]["found"]
    assert any(
        f"2 streams are alike: name 'twin{unique}'" in f["found"] for f in said["source-ids"]
    )
    assert said["coverage"][0]["state"] == "problem"  # four electrodes do not make sixty-two
    assert json.loads(done.stdout)["stops_a_session"] is True
    assert done.returncode == 1


def test_a_frozen_sender_never_hangs_it(unique: str, tmp_path: Path) -> None:
    with sender_process(unique) as process, frozen(process):
        started_s = time.monotonic()
        done = doctor(
            "--eeg", f"lsl:name={unique}", "--seconds", "1", "--data-dir", str(tmp_path), "--json"
        )
        took_s = time.monotonic() - started_s

    assert done.returncode == 1
    assert findings(done)["streams"][0]["state"] == "problem"
    assert took_s < 40.0


def test_a_simulated_session_would_run(tmp_path: Path) -> None:
    done = doctor(
        *("--eeg", "sim:person=3", "--gaze", "sim:person=3", "--no-network", "--seconds", "1"),
        *("--data-dir", str(tmp_path), "--port", "0"),
    )
    assert done.returncode == 0, done.stdout
    assert "Nothing here would keep a session from running." in done.stdout
    assert "declares 1000 Hz, sends 1000.0 Hz" in done.stdout
    assert "discovery" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_port_that_is_taken_would_stop_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = doctor("--no-network", "--port", port, "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert f"PROBLEM  service-port  port {port} of 127.0.0.1" in done.stdout
    assert "follow the arrows" in done.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--eeg", "Muse"), "hadua doctor: source 'Muse': got no scheme"),
        (("--gaze", "file:rec.edf"), "expected a file whose name ends in .xdf"),
        (("--seconds", "0"), "--seconds: got 0, expected 0.5 to 60"),
        (("--seconds", "nan"), "--seconds: got nan"),
        (("--nonsense",), "No such option"),
    ],
)
def test_bad_usage_is_said_before_anything_is_looked_at(
    flags: tuple[str, ...], message: str
) -> None:
    done = doctor(*flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_finding_in_words_is_wrapped_under_its_column() -> None:
    text = in_words(Finding("disk", State.WARNING, "it", "word " * 40, "do " * 40))
    lines = text.splitlines()
    assert lines[0].startswith("  warning  disk          it: word")
    assert all(len(line) <= 100 for line in lines)
    assert all(line.startswith(" " * 25) for line in lines[1:])
    assert sum("-> " in line for line in lines) == 1
