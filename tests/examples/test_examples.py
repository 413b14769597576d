"""Each example does what it says, in its own language, against a service that predicts."""

import asyncio
import functools
import json
import os
import runpy
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage
from support.flaky_proxy import flaky_proxy
from support.service import async_test
from support.ticking import demo_session, marks

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
patient_test = functools.partial(async_test, timeout_s=60.0)  # other languages start slowly
UNITY = ROOT / "tests" / "support" / "unity"


def program(*names: str) -> str:
    """The first of these programs that is there, or a skip that says none is."""
    for name in names:
        if (found := shutil.which(name)) is not None:
            return found
    pytest.skip(f"{names[0]} is not installed")


async def run(*command: str, **environment: str) -> str:
    """What a program prints, if it ends well."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        out, err = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, err.decode()
    return out.decode()


@patient_test
async def test_psychopy_marks_each_word_at_its_flip_and_takes_the_emotion_at_its_end() -> None:
    experiment = runpy.run_path(str(EXAMPLES / "psychopy_pictures.py"))["experiment"]
    order: list[str] = []

    def show(word: str, appears: Callable[[], object]) -> None:
        order.append(word)
        appears()
        time.sleep(0.3)  # that is how long it is shown

    async with demo_session() as service:
        results = await asyncio.to_thread(experiment, show, url=service.url, session="demo")
        said = marks(service)
    assert results == [(word, "calm") for word in order]
    assert [json.loads(text)["text"] for text in said] == [f"word={word}" for word in order]


@patient_test
async def test_osc_carries_label_and_probabilities() -> None:
    bridge = runpy.run_path(str(EXAMPLES / "osc_bridge.py"))["bridge"]
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        async with demo_session() as service, asyncio.TaskGroup() as tasks:
            port = receiver.getsockname()[1]
            bridging = asyncio.to_thread(bridge, "demo", "127.0.0.1", port, url=service.url)
            tasks.create_task(bridging)
            got = [OscMessage(await loop.sock_recv(receiver, 1024)) for _ in range(6)]
            await service.service.sessions.stop("demo")
    first = [(message.address, message.params) for message in got[:3]]
    assert first == [("/hadua/label", ["calm"]), ("/hadua/calm", [0.75]), ("/hadua/tense", [0.25])]


SCRIPT = """
import { Hadua } from "%s/hadua.mjs";
const hadua = new Hadua(process.env.HADUA_URL, "demo");
await hadua.sync();
const heard = [];
hadua.follow((prediction) => heard.push(prediction.seq));
while (heard.length < 5) await new Promise((wait) => setTimeout(wait, 10));
const told = await hadua.mark("word=sunshine");
const last = heard.at(-1);
console.error("cut");
while (heard.at(-1) < last + 100) await new Promise((wait) => setTimeout(wait, 10));
hadua.stop();
console.log(JSON.stringify({ heard, told, label: hadua.latest.label }));
"""


@patient_test
async def test_javascript_follows_through_a_cut_and_marks_with_a_bound_on_the_time(
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.mjs"
    script.write_text(SCRIPT % EXAMPLES.as_uri(), encoding="utf-8")
    async with demo_session() as service, flaky_proxy(service.url) as proxy:
        child = await asyncio.create_subprocess_exec(
            program("node"), "--no-warnings", "--experimental-websocket", str(script),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HADUA_URL": proxy.url},
        )  # fmt: skip
        assert child.stderr is not None
        assert b"cut" in (said := await child.stderr.readline()), said
        proxy.cut()
        out, err = await child.communicate()
        assert child.returncode == 0, err.decode()
        (mark,) = [json.loads(text) for text in marks(service)]
    told = json.loads(out)
    assert told["label"] == "calm"
    # A prediction with each seq but those of status and marker frames.
    assert sorted(set(told["heard"])) == told["heard"]
    assert max(b - a for a, b in zip(told["heard"], told["heard"][1:], strict=False)) <= 3
    assert mark["text"] == told["told"]["text"] == "word=sunshine"
    assert mark["t_s"] == told["told"]["t_s"]
    assert 0.0 <= told["told"]["uncertainty_ms"] < 500.0


@patient_test
async def test_matlab_code_reads_predictions_in_octave() -> None:
    """The marker is left out there: nobody here has run that line in MATLAB."""
    octave = program("octave-cli", "octave")
    async with demo_session() as service:
        setting = f"url='{service.url}'; session='demo'; seconds=1;"
        script = f"{setting} source('{EXAMPLES / 'hadua_live.m'}')"
        said = await run(octave, "--no-gui", "--quiet", "--norc", "--eval", script)
    lines = [line.split() for line in said.splitlines() if "calm" in line]
    assert len(lines) > 3
    assert {(line[2], line[3]) for line in lines} == {("calm", "0.75")}


@patient_test
async def test_unity_code_compiles_and_follows(tmp_path: Path) -> None:
    compiler, runtime = program("mcs"), program("mono")
    built = str(tmp_path / "live.exe")
    sources = (str(EXAMPLES / "HaduaLive.cs"), str(UNITY / "Stubs.cs"))
    await run(
        compiler, "-langversion:7", "-warnaserror", "-nowarn:649",
        f"-out:{built}", *sources,
    )  # fmt: skip
    async with demo_session() as service:
        url = f"{service.ws_url}/api/v1/sessions/demo/ws"
        assert (await run(runtime, built, url)).split() == ["calm", "0.75"]
