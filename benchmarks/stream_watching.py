"""What a service says of its streams, as REST, WebSocket and metrics tell it, with LSL times."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from five_senders import FAULTS
from websockets.asyncio.client import connect

from hadua.adapters.sources.clock import lsl_now_s

POLL_S = 0.1
GONE = frozenset({"stale", "lost"})

_LAG = re.compile(r'hadua_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')
_STATE = re.compile(r'hadua_streams\{modality="eeg",state="(\w+)"\} (\S+)')


@dataclass(frozen=True, slots=True)
class Seen:
    """What one place said of one stream at an LSL time."""

    at_s: float
    state: str
    twins: int
    outages: int
    age_s: float | None
    last_outage_s: float


@dataclass(slots=True)
class Watched:
    """All that was said, by session or for all sessions together."""

    rest: dict[str, list[Seen]] = field(default_factory=lambda: {f: [] for f in FAULTS})
    frames: dict[str, list[Seen]] = field(default_factory=lambda: {f: [] for f in FAULTS})
    answers: dict[str, list[tuple[float, dict[str, object]]]] = field(
        default_factory=lambda: {f: [] for f in FAULTS}
    )
    gone: list[tuple[float, int]] = field(default_factory=list)
    lag: list[tuple[float, dict[str, float]]] = field(default_factory=list)


async def listen(url: str, session_id: str, watched: Watched) -> None:
    address = f"{url.replace('http', 'ws')}/api/v1/sessions/{session_id}/ws?after_seq=0"
    async with connect(address) as ws:
        while True:
            frame = json.loads(await ws.recv())
            if frame["type"] == "prediction":
                watched.answers[session_id].append((lsl_now_s(), frame))
            elif frame["type"] == "status" and "eeg" in frame["streams"]:
                watched.frames[session_id].append(_seen(frame["streams"]["eeg"]))


async def poll(client: httpx.AsyncClient, watched: Watched) -> None:
    while True:
        for fault in FAULTS:
            info = (await client.get(f"/api/v1/sessions/{fault}")).json()
            watched.rest[fault].append(_seen(info["status"]["streams"]["eeg"]))
        text = (await client.get("/metrics")).text
        states = {state: float(n) for state, n in _STATE.findall(text)}
        watched.gone.append((lsl_now_s(), int(sum(states.get(s, 0.0) for s in GONE))))
        watched.lag.append((lsl_now_s(), {le: float(n) for le, n in _LAG.findall(text)}))
        await asyncio.sleep(POLL_S)


def _seen(stream: Mapping[str, object]) -> Seen:
    age_s = stream["sample_age_s"]
    return Seen(
        lsl_now_s(),
        str(stream["state"]),
        int(number(stream, "twins")),
        int(number(stream, "outages")),
        None if age_s is None else float(str(age_s)),
        number(stream, "last_outage_s"),
    )


def uses(answer: Mapping[str, object]) -> bool:
    modalities = answer["modalities"]
    return isinstance(modalities, dict) and modalities["eeg"] == "used"


def number(frame: Mapping[str, object], name: str) -> float:
    return float(str(frame[name]))
