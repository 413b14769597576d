"""Another profile between two windows: is a window lost, and what does the next one cost?

The demo's pipeline takes a simulated person's signals, chunk by chunk, in a thread, as a session
steps it. In turns a profile is loaded beside it and exchanged between two steps, as a session's
loop does; then the same signals go through without any exchange. The windows must be the same.

    python benchmarks/swapping.py      about a minute
"""

import asyncio
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from table import Row, machine, markdown
from timing import Quantiles

from hadua.adapters.sources.simulator import Simulation, SimulatorSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec
from hadua.calibration.profile import Profile, Provenance
from hadua.calibration.report import Report
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.export import load_network
from hadua.models.features import Modality
from hadua.models.personal import differing, exported
from hadua.models.runtime import load_runtime
from hadua.service.engine import Engine
from hadua.service.learning.swap import Swap
from hadua.service.pipeline import Pipeline
from hadua.service.serving import Personal

SECONDS = 180.0
EVERY = 3
"""Windows between two exchanges."""
ORIGIN_S = 1000.0
PERSON = "P01"

Chunks = list[tuple[Modality, SampleChunk]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a run gave.

    Args:
        ends_s: End of every window, in order.
        after_us: What the step of each window took that was the first after an exchange.
        other_us: That of all others.
        swap_us: What the exchange itself took in the thread that steps.
    """

    ends_s: list[float]
    after_us: list[float]
    other_us: list[float]
    swap_us: list[float]


def rows() -> list[Row]:
    """All rows."""
    bundle = load_bundle(demo_bundle_path())
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as work:
        store = ProfileStore(Path(work))
        store.save(somebody(bundle), at_unix=1.7e9)
        personal, chunks = Personal(store, bundle, name="onnx", device="cpu"), person()
        plain = asyncio.run(step(bundle, chunks, personal, every=None))
        swapped = asyncio.run(step(bundle, chunks, personal, every=EVERY))
    lost = len(set(plain.ends_s) ^ set(swapped.ends_s))
    after, other = Quantiles.of(swapped.after_us), Quantiles.of(plain.other_us)
    exchange = Quantiles.of(swapped.swap_us)
    load = f"load {os.getloadavg()[0]:.1f}"
    return [
        Row(
            "an exchange of profiles between two windows, on the windows' way",
            exchange.p50,
            exchange.p99,
            "us",
            setting=f"{exchange.n} exchanges in {SECONDS:g} s of signal; windows lost or more: "
            f"{lost} of {len(plain.ends_s)}; {load}",
        ),
        Row(
            "the first window after it",
            after.p50,
            after.p99,
            "us",
            f"a window without any: {other.p50:.0f}, p99 {other.p99:.0f} us",
            after.p50 / other.p50,
            f"{after.n} and {other.n} windows; {load}; ratio of the medians",
        ),
    ]


async def step(bundle: Bundle, chunks: Chunks, personal: Personal, *, every: int | None) -> Stepped:
    """Step the pipeline through all chunks; exchange after so many windows, as a session does."""
    made, swap, windows, version = Stepped([], [], [], []), Swap(), 0, 0
    runtime = load_runtime(bundle)
    pipeline = Pipeline(bundle, runtime, streams_of(chunks), clock=time.perf_counter)
    engine, just_swapped = Engine(pipeline, pipeline.close), False
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as steps, ThreadPoolExecutor(1) as learning:

        async def in_worker(call: Callable[[], T]) -> T:
            return await loop.run_in_executor(steps, call)

        for modality, chunk in chunks:
            began = time.perf_counter_ns()
            results = await in_worker(functools.partial(pipeline.step, modality, chunk))
            us = (time.perf_counter_ns() - began) / 1e3
            made.ends_s.extend(r.prediction.end_s for r in results)
            if not results:
                continue
            (made.after_us if just_swapped else made.other_us).append(us)
            just_swapped, windows = False, windows + 1
            if every is not None and windows % every == 0:
                version = 1 - version
                serving = await loop.run_in_executor(learning, personal.serving, PERSON, version)
                asked = asyncio.ensure_future(swap.ask(serving))
                await asyncio.sleep(0)
                began = time.perf_counter_ns()
                engine = await swap.if_asked(engine, in_worker)
                made.swap_us.append((time.perf_counter_ns() - began) / 1e3)
                await asked
                just_swapped = True
        engine.close()
    return made


def person() -> Chunks:
    """A simulated person's signals, in the order in which they arrive."""
    chunks = [(m, chunk) for m in Modality for chunk in _drained(m)]
    return sorted(chunks, key=lambda item: float(item[1].t_s[-1]))


def _drained(modality: Modality) -> Iterator[SampleChunk]:
    source = SimulatorSource(
        Simulation(), modality=modality, origin_s=ORIGIN_S, speed=None, duration_s=SECONDS
    )
    source.open(1.0)
    try:
        while True:
            chunk = source.read(1.0)
            if chunk is not None:
                yield chunk
    except EndOfStreamError:
        return
    finally:
        source.close()


def streams_of(chunks: Chunks) -> dict[Modality, StreamSpec]:
    """What the chunks are of."""
    return {modality: chunk.spec for modality, chunk in chunks}


def somebody(bundle: Bundle) -> Profile:
    """A profile in which every weight differs a little."""
    network, rng = load_network(bundle), np.random.default_rng(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.mul_(1.0 + 1e-3 * float(rng.standard_normal()))
    weights = differing(network, bundle)
    return Profile(
        participant=PERSON,
        version=1,
        parent=0,
        bundle_id=bundle.id,
        bundle_digest=bundle.digest,
        weights=weights,
        model=exported(network),
        normalisation=bundle.normalisation,
        n_seen=1,
        made=Provenance("calibration", 0, {}, Report(1)),
    )


def main() -> None:
    sys.stdout.write(markdown(rows(), machine()))


if __name__ == "__main__":
    main()
