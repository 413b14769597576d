"""The least that a window takes from its samples to a client, in a process of its own.

    python -m hadua.service.bench.bare_parts HOP_S

Once per hop, in one thread, with nothing between: the samples of a chunk are pulled over LSL, a
window of 62 x 1000 samples goes through one `rfft`, the demo's graph through one
`InferenceSession.run`, and a text as long as a prediction goes out over a bare WebSocket. Each
part is timed as it comes, once per hop, and so as cold as in the service. Prints the URL.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Callable

import numpy as np
import pylsl
from websockets.asyncio.server import ServerConnection, serve

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.service.bench.inference import feed_of
from hadua.service.bench.inference_peers import bare_session

RATE_HZ, N_CHANNELS, N_SAMPLES, CHUNK = 1000.0, 62, 1000, 50
TEXT_BYTES = 1000
PARTS = ("LSL pull", "rfft", "model")


class Parts:
    """What is timed, by name; ready to be called once after each `push`."""

    def __init__(self) -> None:
        bundle = load_bundle(demo_bundle_path())
        x = np.random.default_rng(0).standard_normal((N_CHANNELS, N_SAMPLES))
        self._outlet, inlet = _connected()
        self._block = np.zeros((CHUNK, N_CHANNELS), np.float32)
        calls: tuple[Callable[[], object], ...] = (
            lambda: inlet.pull_chunk(timeout=0.0, max_samples=CHUNK, as_numpy=True),
            lambda: np.fft.rfft(x, axis=1),
            bare_session(bundle, feed_of(bundle, batch=1, length=bundle.context)),
        )
        self.calls = dict(zip(PARTS, calls, strict=True))

    def push(self) -> None:
        """Send the next samples; they are there long before they are pulled."""
        self._outlet.push_chunk(self._block)

    def took_ms(self) -> dict[str, float]:
        """Do each, and say how long it took."""
        took: dict[str, float] = {}
        for name, call in self.calls.items():
            start = time.perf_counter_ns()
            call()
            took[name] = (time.perf_counter_ns() - start) / 1e6
        return took


def _connected() -> tuple[pylsl.StreamOutlet, pylsl.StreamInlet]:
    name = f"hadua-bench-{uuid.uuid4().hex}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", N_CHANNELS, RATE_HZ, "float32", name))
    found = pylsl.resolve_byprop("source_id", name, timeout=10.0)
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(timeout=10.0)
    return outlet, inlet


async def send(ws: ServerConnection, *, hop_s: float) -> None:
    """Do all of it once per hop, for as long as the client stays."""
    parts = await asyncio.to_thread(Parts)
    rest = "x" * (TEXT_BYTES - 200)
    while True:
        parts.push()
        await asyncio.sleep(hop_s)
        took_ms = parts.took_ms()
        said = {"type": "prediction", "latency_ms": took_ms, "rest": rest, "time_unix": time.time()}
        await ws.send(json.dumps(said))


async def main(hop_s: float) -> None:
    """Serve one client after the other."""
    async with serve(lambda ws: send(ws, hop_s=hop_s), "127.0.0.1", 0, compression=None) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        sys.stdout.write(f"ws://{host}:{port}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
