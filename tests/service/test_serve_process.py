"""`hadua-serve` as a process: how it starts, refuses, and leaves."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.service import async_test
from typer.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hadua.service.cli import serve
from hadua.service.threads import SWITCH_S

COMMAND = (sys.executable, "-m", "hadua.service.cli.serve")
START_TIMEOUT_S = 30.0
LEAVE_WITHIN_S = 3.0


def attempt(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="hadua-process-") as folder:
        return subprocess.run(
            [*COMMAND, *flags],
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            env={**os.environ, **environment},
            cwd=folder,
            check=False,
        )


async def listen_on(ws: ClientConnection, kinds: list[str]) -> None:
    while True:
        kinds.append(json.loads(await ws.recv())["type"])


@contextmanager
def serving(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL, once it says that it is ready."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: queue.Queue[str] = queue.Queue()
    errors: list[str] = []

    def read_out() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def read_errors() -> None:
        assert process.stderr is not None
        errors.extend(process.stderr)

    readers = [threading.Thread(target=read_out), threading.Thread(target=read_errors)]
    for reader in readers:
        reader.start()
    try:
        line = lines.get(timeout=START_TIMEOUT_S)
        found = re.fullmatch(r"hadua is ready: (http://127\.0\.0\.1:\d+)\n", line)
        assert found, (line, errors)
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        for reader in readers:
            reader.join()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()
    assert not any("Traceback" in line for line in errors), "".join(errors)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--nonsense",), 2, "No such option: --nonsense"),
        (("--port", "0", "--bundle", "/nowhere"), 1, "'/nowhere'"),
    ],
)
def test_what_cannot_be_ends_in_one_message(
    flags: tuple[str, ...], code: int, message: str
) -> None:
    result = attempt(*flags)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--port", "abc"), "Invalid value for '--port'"),
        (("--log-level", "loud"), "--log-level: got 'loud'"),
        (("--participant", "Jane Doe"), "--participant: got 'Jane Doe'"),
        (("--demo", "--eeg", "sim:"), "The demo brings its own streams"),
        (("--config", "/nowhere.toml"), "settings file '/nowhere.toml'"),
    ],
)
def test_bad_usage_ends_with_2_before_anything_is_started(
    flags: tuple[str, ...], message: str
) -> None:
    result = CliRunner().invoke(serve.app, flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_port_in_use_is_found_before_anything_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = attempt("--port", str(port), "--bundle", "/nowhere")
    assert result.returncode == 1
    assert f"cannot listen on '127.0.0.1' port {port}" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr
    assert "/nowhere" not in result.stderr


def test_help_fits_a_screen() -> None:
    result = attempt("--help", COLUMNS="80")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_a_stream_that_is_not_there_ends_the_command(unique: str) -> None:
    result = attempt("--port", "0", "--eeg", f"lsl:name={unique}", "--wait-s", "0.5")
    assert result.returncode == 1
    assert unique in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_runs_and_leaves_in_time_with_clients_connected(number: signal.Signals) -> None:
    @async_test
    async def talk(process: subprocess.Popen[str], url: str) -> None:
        async with connect(f"{url.replace('http', 'ws')}/api/v1/sessions/demo/ws") as ws:
            kinds = [json.loads(await ws.recv())["type"]]
            while "prediction" not in kinds:
                kinds.append(json.loads(await ws.recv())["type"])
            process.send_signal(number)
            process.send_signal(number)  # impatient people press Ctrl-C twice
            with pytest.raises(ConnectionClosed, match="1001"):
                await listen_on(ws, kinds)
        assert kinds[0] == "hello"
        assert kinds[-1] == "bye"

    with serving("--demo") as (process, url):
        assert httpx.get(f"{url}/readyz").json() == {"ready": True, "reasons": []}
        assert "<html" in httpx.get(url).text
        talk(process, url)
        assert process.wait(timeout=LEAVE_WITHIN_S) == 0


def test_the_demo_imports_nothing_heavy() -> None:
    script = Path(__file__).parents[1] / "support" / "serve_imports.py"
    result = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["heavy"] == []
    assert found["rss_mb"] <= 200.0
    assert found["switch_s"] == pytest.approx(SWITCH_S)


def test_a_signal_while_it_waits_for_a_stream_ends_it_in_time(unique: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ("--port", str(port), "--eeg", f"lsl:name={unique}", "--wait-s", "60")
    process = subprocess.Popen(
        [*COMMAND, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    with process:
        transport = httpx.HTTPTransport(retries=10)  # it connects as soon as the socket is there
        with httpx.Client(transport=transport, timeout=START_TIMEOUT_S) as client:
            answer = client.get(f"http://127.0.0.1:{port}/readyz")
        # Ready for clients: that never depends on a person's stream.
        assert (answer.status_code, answer.json()["reasons"]) == (200, [])
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LEAVE_WITHIN_S)
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err


def test_a_second_service_on_a_data_folder_is_refused_and_leaves_the_first_alone(
    tmp_path: Path,
) -> None:
    data = str(tmp_path / "data")
    with serving("--demo", "--data-dir", data) as (process, url):
        second = attempt("--port", "0", "--demo", "--data-dir", data)
        listed = subprocess.run(
            [sys.executable, "-m", "hadua.service.cli.main", "participants", "list",
             "--data-dir", data],
            capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False,
        )  # fmt: skip
        (session,) = httpx.get(f"{url}/api/v1/sessions").json()["sessions"]
        copied = subprocess.run(
            [sys.executable, "-m", "hadua.service.cli.main", "backup", str(tmp_path / "lab.zip"),
             "--data-dir", data],
            capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False,
        )  # fmt: skip
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LEAVE_WITHIN_S)
    with serving("--demo", "--data-dir", data):
        pass

    assert second.returncode == 2
    assert "Traceback" not in second.stderr
    for part in (data, f"serving there ({url}, process {process.pid})", "--data-dir"):
        assert part in second.stderr
    assert session["status"]["state"] == "running"
    assert (listed.returncode, copied.returncode) == (0, 0), (listed.stderr, copied.stderr)
