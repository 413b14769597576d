"""A service that says what the test tells it, in the real frames, and a browser to look at it."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from playwright.async_api import expect as expect_async
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hadua.service.dashboard.page import install
from hadua.service.wire import (
    BandsPart,
    BundleInfo,
    FeatureInfo,
    Frame,
    GapFrame,
    Hello,
    MarkerFrame,
    PredictionFrame,
    QualityFrame,
    StatusFrame,
    StreamStatus,
    encode,
)

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CLASSES = ("calm", "joy", "fear")
NOTICE = "Trained on a simulator. Do not use for decisions about people."
BUNDLE = BundleInfo(
    id="demo@1a2b3c",
    name="demo",
    version="1",
    demo=True,
    notice=NOTICE,
    classes=CLASSES,
    context=10,
    features={
        "eeg": FeatureInfo(
            definition="hadua-de", version=1, n_features=310, window_s=1.0, hop_s=0.5
        )
    },
)
LATENCY_MS = {
    "wait": 0.0,
    "queue": 0.4,
    "features": 0.9,
    "model": 0.3,
    "route": 0.1,
    "total": 1.7,
}
REPORTS = {"eeg": {"coverage": 0.92, "summary": "57 of 62 channels found; missing: CB1, CB2."}}


class Feeder:
    """The contract's side of the page: one session, `demo`, whose frames the test writes."""

    def __init__(self) -> None:
        self.session_id, self.epoch, self.seq, self.predictions = "demo", 1, 0, 0
        self.frames: list[tuple[int, str]] = []
        self.queries: list[str] = []
        self.others: list[str] = []
        self.app = self._application()
        self._clients: set[WebSocket] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start_s = time.monotonic()
        self._last_marker: MarkerFrame | None = None

    def prediction(
        self,
        label: str | None,
        confidence: float = 0.7,
        *,
        reason: str = "",
        modalities: Mapping[str, str] | None = None,
        quality: Mapping[str, float] | None = None,
        time_unix: float | None = None,
        latency_ms: Mapping[str, float] = LATENCY_MS,
        computed: str = "here",
    ) -> None:
        """Say one answer; None as the label is an abstention without probabilities."""
        rest = (1.0 - confidence) / (len(CLASSES) - 1)
        self.predictions += 1
        t = time.time() if time_unix is None else time_unix
        self.say(
            PredictionFrame(
                session_id=self.session_id,
                epoch=self.epoch,
                seq=self.next_seq(),
                start_s=t - 1.0,
                end_s=t,
                time_unix=t,
                probabilities={c: confidence if c == label else rest for c in CLASSES}
                if label
                else None,
                label=label,
                confidence=confidence if label else None,
                abstained=label is None,
                reason=reason,
                modalities=dict(modalities or {"eeg": "used", "eye": "used"}),
                quality=dict(quality or {"eeg": 0.98, "eye": 0.91}),
                profile_version=0,
                bundle=BUNDLE.id,
                latency_ms=dict(latency_ms),
                clock_uncertainty_ms=0.1,
                computed=computed,
            )
        )

    def status(
        self, *, eye: str = "live", state: str = "running", reason: str = "", ago_s: float = 0.0
    ) -> None:
        """Say how the streams are, or were."""
        streams = {
            "eeg": StreamStatus(
                source="sim:eeg", state="live", name="Simulated EEG", nominal_rate_hz=1000.0,
                effective_rate_hz=999.8, sample_age_s=0.012, samples=51_230,
            ),
            "eye": StreamStatus(
                source="sim:gaze", state=eye, name="Simulated gaze", nominal_rate_hz=120.0,
                effective_rate_hz=120.0 if eye == "live" else 0.0,
                sample_age_s=0.009 if eye == "live" else 3.2, samples=6_148,
                gaps=0 if eye == "live" else 1,
            ),
        }  # fmt: skip
        self.say(
            StatusFrame(
                session_id=self.session_id, epoch=self.epoch, seq=self.next_seq(), state=state,
                reason=reason, streams=streams, normalisation="source", chunks_dropped=0,
                predictions=self.predictions, abstained=0, latency=None,
                uptime_s=self._uptime_s - ago_s,
            )
        )  # fmt: skip

    def quality(self, alpha_uv2: float = 12.0, *, bands: bool = True) -> None:
        """Say how strong the rhythms are; alpha is strongest at the back of the head."""
        t = time.time()
        power = {"head": alpha_uv2, "frontal": alpha_uv2 / 2.0, "occipital": 3.0 * alpha_uv2}
        part = BandsPart(
            names=("delta", "alpha"), low_hz=(1.0, 8.0), high_hz=(4.0, 14.0),
            channels={"head": 20, "frontal": 14, "occipital": 6, "parietal": 0},
            power_uv2={region: (80.0, x) for region, x in power.items()}
            | {"parietal": (None, None)},
        )  # fmt: skip
        self.say(
            QualityFrame(
                session_id=self.session_id, epoch=self.epoch, seq=self.next_seq(),
                start_s=t - 1.0, end_s=t, time_unix=t, modalities={"eeg": "used"},
                bands=part if bands else None,
            )
        )  # fmt: skip

    def marker(self, text: str, *, t_s: float) -> None:
        """Say that something happened."""
        self._last_marker = MarkerFrame(
            session_id=self.session_id, epoch=self.epoch, seq=self.next_seq(), t_s=t_s, text=text
        )
        self.say(self._last_marker)

    @property
    def _uptime_s(self) -> float:
        return 75.0 + time.monotonic() - self._start_s

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def say(self, frame: Frame) -> None:
        """Keep a frame and send it."""
        text = encode(frame)
        if self._loop is None:
            self.frames.append((frame.seq, text))
        else:
            self._call(self._keep_and_send(frame.seq, text))

    def send(self, text: str) -> None:
        """Send a text to every client, whatever it is."""
        self._call(self._send(text))

    def hang_up(self) -> None:
        """Close every connection."""
        self._call(self._close())

    def _call(self, work: Coroutine[None, None, None]) -> None:
        assert self._loop is not None, "no page has been opened yet"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5.0)

    async def _keep_and_send(self, seq: int, text: str) -> None:
        self.frames.append((seq, text))
        await self._send(text)

    async def _send(self, text: str) -> None:
        for client in tuple(self._clients):
            await client.send_text(text)

    async def _close(self) -> None:
        for client in tuple(self._clients):
            await client.close(1012)

    async def _serve(self, socket_: WebSocket, session_id: str | None, after_seq: int) -> None:
        self.queries.append(str(socket_.url))
        self._loop = asyncio.get_running_loop()
        await socket_.accept()
        await socket_.send_text(
            encode(
                Hello(
                    session_id=self.session_id, epoch=self.epoch, seq=after_seq,
                    service="hadua 0.1.0", bundle=BUNDLE, sessions=(self.session_id,),
                    time_unix=time.time(), last_seq=self.seq if session_id else 0,
                )
            )
        )  # fmt: skip
        if session_id is not None:
            backlog = [text for seq, text in self.frames if seq > after_seq]
            self._clients.add(socket_)
            for text in backlog:
                await socket_.send_text(text)
        try:
            while True:
                await socket_.receive_text()
        except WebSocketDisconnect:
            self._clients.discard(socket_)

    def _application(self) -> FastAPI:
        app = FastAPI()
        install(app)

        @app.get("/api/v1/whoami")
        async def whoami() -> dict[str, object]:
            return {"name": "local", "role": "admin", "with_token": False}

        @app.get("/api/v1/sessions")
        async def sessions() -> dict[str, object]:
            known = [{"id": each, "status": {"state": "running"}} for each in self.others]
            return {"sessions": [*known, {"id": self.session_id, "status": {"state": "stopped"}}]}

        @app.get("/api/v1/sessions/{session_id}")
        async def session(session_id: str) -> Response:
            facts = {
                "id": session_id,
                "last_seq": self.seq,
                "reports": REPORTS,
                "epoch": self.epoch,
                "last_marker": self._last_marker,
                "status": {"uptime_s": self._uptime_s},
            }
            return Response(msgspec.json.encode(facts), media_type="application/json")

        @app.websocket("/api/v1/ws")
        async def every(websocket: WebSocket) -> None:
            await self._serve(websocket, None, 0)

        @app.websocket("/api/v1/sessions/{session_id}/ws")
        async def one(websocket: WebSocket, session_id: str, after_seq: int = 0) -> None:
            await self._serve(websocket, session_id, after_seq)

        return app


def gap(feeder: Feeder, missed: int) -> GapFrame:
    """What the service says to a client that was too slow."""
    first = feeder.seq + 1
    feeder.seq += missed
    return GapFrame(
        session_id=feeder.session_id, epoch=feeder.epoch, seq=feeder.seq, missed_from=first,
        missed_to=feeder.seq, reason="this client was too slow",
    )  # fmt: skip


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application at a free port of the loopback, in a thread; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10.0)
        listener.close()


for each in (expect, expect_async):
    each.set_options(timeout=30_000)  # on a busy machine a page needs more than playwright's five


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window; skips, with the reason, where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[Scheme, int], ...] = (("light", 1280), ("dark", 390))
SERIOUS = ("serious", "critical")


def looked_at(page: Page, name: str) -> None:
    """See that axe finds nothing serious and nothing lies beside the page, in every look."""
    for scheme, width_px in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width_px, "height": 900})
        report = Axe().run(page)
        found = [v for v in report.response["violations"] if v["impact"] in SERIOUS]
        assert not found, (name, scheme, width_px, report.generate_report())
        assert page.evaluate("document.documentElement.scrollWidth") <= width_px, name
        pictured(page, f"{name}-{scheme}")


def pictured(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder that TEST_PICTURES names, if it names one."""
    if folder := os.environ.get("TEST_PICTURES"):
        (Path(folder) / f"{name}.png").write_bytes(page.screenshot(full_page=True))


class Witness:
    """Writes down every address a page asks for and every complaint of its console."""

    def __init__(self, page: Page) -> None:
        self.addresses: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.addresses.append(request.url))
        page.on("websocket", lambda ws: self.addresses.append(ws.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
