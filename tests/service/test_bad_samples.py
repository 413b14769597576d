"""Samples that mean nothing, and channels that nobody named: what a client is told of them."""

import json
import math
from collections.abc import Awaitable, Callable, Iterator

import httpx
import numpy as np
import pylsl
import pytest
from support.bundles import CHANNELS, make_bundle
from support.lsl_outlets import IndexOutlet
from support.service import async_test
from support.serving import serving
from websockets.asyncio.client import ClientConnection, connect

Frame = dict[str, object]
RATE_HZ = 250.0
LABELLED = tuple({"label": label, "unit": "microvolts"} for label in CHANNELS)
MARGIN_S = 0.1  # stamps are fitted to a clock, so a window at the very edge may reach beyond it


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose bundle wants eight EEG channels, and that may lag as much as it likes."""
    folder = tmp_path_factory.mktemp("samples")
    bundle = make_bundle(folder, eeg_channels=len(CHANNELS), eye=False)
    config = folder / "hadua.toml"
    config.write_text("bridge_s = 60.0\nwait_s = 5.0\n", encoding="utf-8")
    with serving("--bundle", str(bundle), "--config", str(config)) as (process, at):
        yield at
    assert not [line for line in process.errors if "Traceback" in line]


def blocks_of_noise(n_s: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """`(n_s, rate, 8)` of white noise in microvolts."""
    shape = (n_s, int(RATE_HZ), len(CHANNELS))
    return np.random.default_rng(7).normal(0.0, 10.0, shape).astype(np.float32)


async def session_of(url: str, outlet: IndexOutlet, talk: Callable[..., Awaitable[None]]) -> Frame:
    """Start a session on the outlet, talk while it runs, stop it; the session as REST shows it."""
    async with httpx.AsyncClient(base_url=f"{url}/api/v1") as http:
        asked = await http.post(
            "/sessions", json={"eeg": f"lsl:name={outlet.name}", "id": outlet.name}
        )
        assert asked.status_code == 201, asked.text
        at = f"{url}/api/v1/sessions/{outlet.name}/ws?after_seq=0".replace("http", "ws")
        async with connect(at) as ws:
            while (frame := json.loads(await ws.recv())).get("state") != "running":
                assert frame.get("state") != "failed", frame
            await talk(ws)
        shown: Frame = (await http.post(f"/sessions/{outlet.name}/stop")).json()
    return shown


async def predictions(ws: ClientConnection, *, until_s: float) -> list[Frame]:
    """The predictions up to the first that ends at `until_s` or later."""
    heard: list[Frame] = []
    while not heard or float(str(heard[-1]["end_s"])) < until_s:
        frame = json.loads(await ws.recv())
        if frame["type"] == "prediction":
            heard.append(frame)
    return heard


def within(heard: list[Frame], start_s: float, end_s: float) -> list[Frame]:
    """The predictions of windows well inside a stretch of time; at least two of them."""
    inside = [
        frame
        for frame in heard
        if float(str(frame["start_s"])) > start_s + MARGIN_S
        and float(str(frame["end_s"])) < end_s - MARGIN_S
    ]
    assert len(inside) >= 2
    return inside


def is_answered(frame: Frame) -> None:
    probabilities = frame["probabilities"]
    assert isinstance(probabilities, dict)
    assert all(math.isfinite(p) and 0.0 <= p <= 1.0 for p in probabilities.values())
    assert sum(probabilities.values()) == pytest.approx(1.0)
    assert frame["label"] in probabilities


def is_withheld(frame: Frame) -> None:
    assert frame["abstained"] is True
    assert (frame["probabilities"], frame["label"], frame["confidence"]) == (None, None, None)


def test_no_number_is_ever_made_of_nan_or_infinity(url: str, unique: str) -> None:
    outlet = IndexOutlet(unique, count=len(CHANNELS), rate_hz=RATE_HZ, channels=LABELLED)
    x = blocks_of_noise(12)
    x[0:3, 100::50, CHANNELS.index("AF7")] = np.nan
    x[3:6, :, CHANNELS.index("CZ")] = np.inf
    x[6:9, 10, :4] = (np.nan, np.inf, -np.inf, np.nan)
    start_s = math.floor(pylsl.local_clock()) - 12.0

    @async_test
    async def run() -> None:
        async def talk(ws: ClientConnection) -> None:
            outlet.push_values(
                x.reshape(-1, len(CHANNELS)).tolist(), newest_s=start_s + 12 - 1 / RATE_HZ
            )
            heard = await predictions(ws, until_s=start_s + 11.5)
            for frame in within(heard, start_s, start_s + 3.0):
                is_answered(frame)
                assert "channel 'AF7' had" in str(frame["reason"])
                assert "of 250 samples that are not finite" in str(frame["reason"])
            for frame in within(heard, start_s + 3.0, start_s + 6.0):
                is_answered(frame)
                assert "channel 'CZ' had 250 of 250 samples" in str(frame["reason"])
            for frame in within(heard, start_s + 6.0, start_s + 9.0):
                is_withheld(frame)
                assert frame["modalities"]["eeg"] == "masked"  # type: ignore[index]
                assert "channel 'TP9' had 1 of 250 samples" in str(frame["reason"])
            for frame in within(heard, start_s + 9.0, start_s + 12.0):
                is_answered(frame)
                assert frame["reason"] == ""

        shown = await session_of(url, outlet, talk)
        assert shown["status"]["state"] == "stopped"  # type: ignore[index]

    run()


def test_channels_without_names_are_not_guessed(url: str, unique: str) -> None:
    outlet = IndexOutlet(unique, count=len(CHANNELS), rate_hz=RATE_HZ)
    x = blocks_of_noise(4)
    start_s = math.floor(pylsl.local_clock()) - 4.0

    @async_test
    async def run() -> None:
        async def talk(ws: ClientConnection) -> None:
            outlet.push_values(
                x.reshape(-1, len(CHANNELS)).tolist(), newest_s=start_s + 4 - 1 / RATE_HZ
            )
            for frame in await predictions(ws, until_s=start_s + 3.5):
                is_withheld(frame)
                assert frame["modalities"]["eeg"] == "unmapped"  # type: ignore[index]
                assert "covers 0% of the model's input, 80% are needed" in str(frame["reason"])
                assert "sends no channel names" in str(frame["reason"])
                assert "Name them in the outlet" in str(frame["reason"])

        shown = await session_of(url, outlet, talk)
        report = shown["reports"]["eeg"]  # type: ignore[index]
        assert report["coverage"] == 0
        assert report["found"] == []
        assert report["missing"] == list(CHANNELS)
        assert len(report["unused"]) == len(CHANNELS)

    run()
