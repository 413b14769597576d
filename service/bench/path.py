"""From the last sample's arrival to a WebSocket client, by stage, against the sum of bare parts."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.errors import HaduaError
from hadua.service.bench.effort import Effort
from hadua.service.bench.row import Row
from hadua.service.bench.started import WARM_UP, Heard, demo, hear
from hadua.service.bench.timing import Quantiles

TURNS = 2
P50_WITHIN, P99_WITHIN = 1.6, 4.0
NAME = "last sample's arrival to WebSocket client"
TOO_FEW = "too few windows came; give it more seconds"


def rows(effort: Effort) -> list[Row]:
    """The demo (62 channels x 1000 Hz, 120 Hz gaze) and the bare parts, in turns."""
    ours, bare = Heard(), Heard()
    hop_s = load_bundle(demo_bundle_path()).hop_s
    each_s = effort.seconds / TURNS + WARM_UP * hop_s
    for _ in range(TURNS):
        with bare_parts(hop_s) as url:
            hear([url], each_s, bare)
        with demo() as serving:
            hear([serving.predictions], each_s, ours)
    if not ours.way_ms or not bare.way_ms:
        return [Row.missing(NAME, TOO_FEW)]
    return [against_parts(NAME, ours, bare), *_stages(ours)]


def against_parts(name: str, ours: Heard, bare: Heard, *, setting: str = "") -> Row:
    """The whole way of windows that were heard of, against the sum of the bare parts."""
    found, floor = Quantiles.of(ours.way_ms), Quantiles.of(_sums_ms(bare))
    parts = ", ".join(f"{n} {np.median(v):.2f}" for n, v in _parts(bare).items())
    return Row(
        name,
        found.p50,
        found.p99,
        "ms",
        f"bare parts: {floor.p50:.3g}, p99 {floor.p99:.3g} ({parts})",
        found.p50 / floor.p50,
        f"paced by the hop; {found.n} windows, of the bare parts {floor.n}{setting}",
        p999=found.p999,
        target=P50_WITHIN,
        ratio_p99=found.p99 / floor.p99,
        target_p99=P99_WITHIN,
    )


def _stages(ours: Heard) -> list[Row]:
    """Each stage as the service stamps it, and what remains: its loop, the socket, the client."""
    stages = {name: ms for name, ms in ours.stage_ms.items() if name != "total"}
    after = np.array(ours.way_ms) - np.array(ours.stage_ms["total"])
    found = {**stages, "send to client": after.tolist()}
    return [_stage(name, ms) for name, ms in found.items()]


def _stage(name: str, ms: Sequence[float]) -> Row:
    q = Quantiles.of(ms)
    return Row(f"of that: {name}", q.p50, q.p99, "ms", setting="paced by the hop", p999=q.p999)


def _parts(bare: Heard) -> Mapping[str, Sequence[float]]:
    return {**bare.stage_ms, "echo": bare.way_ms}


def _sums_ms(bare: Heard) -> list[float]:
    """Of each hop, all its parts together."""
    sums: list[float] = np.sum([list(v) for v in _parts(bare).values()], axis=0).tolist()
    return sums


@contextmanager
def bare_parts(hop_s: float) -> Iterator[str]:
    """The address of a process that does nothing but the parts."""
    command = [sys.executable, "-m", "hadua.service.bench.bare_parts", f"{hop_s:g}"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        line = "" if process.stdout is None else process.stdout.readline().strip()
        if not line.startswith("ws://"):
            raise HaduaError("the bare parts did not start", got=repr(line))
        yield line
    finally:
        process.terminate()
        process.wait(timeout=10.0)
        if process.stdout is not None:
            process.stdout.close()
