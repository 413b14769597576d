"""From the last window of a calibration to the profile that serves, and what it costs the others.

A calibration of 300 windows of 310 + 33 features with the network at context 8, in the worker
process that the service starts; source windows of SEED's size (12 people x 842) or, source-free,
the bundle's embeddings. The windows are made up: time does not depend on what is in them. Seconds
of the wall depend on who else is busy, so each row says the load, and the processor's own seconds
of the fitting process beside it. One runtime predicts all the while, in idle times and in busy ones
by turns: each runtime's first call costs milliseconds, and so does a neighbour who comes and goes.

    python benchmarks/calibrating.py [--one-core]

`--one-core` (Linux) keeps all of it on one processor, where every prediction has to interrupt the
fit: on several they mostly find a free one.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil
import torch
from seed_fold import Fold, made_up
from table import Row, machine, markdown
from timing import Quantiles

from hadua.calibration.calibrating import Calibration
from hadua.calibration.embeddings import embed
from hadua.calibration.plan import Plan
from hadua.calibration.policy import Policy
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.calibration.source_windows import keep_source
from hadua.calibration.store import ProfileStore
from hadua.calibration.stretches import fused_of_windows
from hadua.models.bundle import Bundle
from hadua.models.export import export_bundle, load_network
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, FeatureWindow, Modality
from hadua.models.manifest import Description, NormalisationPart
from hadua.models.network import HaduaNetwork
from hadua.models.personal import differing, runtime_with
from hadua.models.runtime import InputShape, load_runtime
from hadua.service.fit_worker import FitWorker

WINDOWS = 300
CONTEXT = 8
HOP_S = 1.0
IDLE_S = 4.0
PERIOD_S = 0.02
WARMING = 20
WIDTHS = {Modality.EEG: 310, Modality.EYE: 33}
AT_ONCE = Policy("at once", accepts=("low", "medium", "high"))


@dataclass(frozen=True, slots=True)
class Fitted:
    """One calibration from its last window on.

    Args:
        wall_s: Until the profile serves.
        processor_s: Of the fitting process meanwhile.
        during: How long predictions took while it was fitted, microseconds.
        after: Likewise while its profile was taken over, by a thread of this process.
    """

    wall_s: float
    processor_s: float
    during: list[float]
    after: list[float]


def rows(*, times: int = 6) -> list[Row]:
    """All rows; every calibration is made so many times."""
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as work:
        folder = Path(work)
        fold = made_up(n_people=13, widths=(WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]))
        bundle = made_up_bundle(folder / "bundle", fold)
        keep_source(folder / "source", fold.source, bundle)
        return asyncio.run(_rows(folder, bundle, fold, times))


async def _rows(folder: Path, bundle: Bundle, fold: Fold, times: int) -> list[Row]:
    made = dict[str, list[Fitted]]()
    us = dict[str, list[float]]()
    windows = folder / "source"
    async with predicting(bundle) as heard:
        for k in range(times):
            for name, source, warm, last in (
                ("source-free, worker started beforehand", None, True, True),
                (
                    "12 x 842 source windows, worker started beforehand",
                    windows,
                    True,
                    True,
                ),
                ("source-free, from a cold start of the worker", None, False, True),
                ("source-free, worker started beforehand and merely nice", None, True, False),
                (
                    "12 x 842 source windows, worker started beforehand and merely nice",
                    windows,
                    True,
                    False,
                ),
            ):
                us.setdefault("idle", []).extend(await heard(asyncio.sleep(IDLE_S)))
                place = folder / f"{k}-{len(made)}-{name}"
                collected = _collected(place, bundle, fold)
                one = await _fitted(collected, source, heard, warm=warm, last=last)
                made.setdefault(name, []).append(one)
                us.setdefault("last" if last else "nice", []).extend(one.during)
                us.setdefault("after", []).extend(one.after)
                if last:
                    us.setdefault("whole", []).extend(one.during + one.after)
    idle = Quantiles.of(us["idle"])
    return [
        *(_row(name, runs) for name, runs in made.items()),
        _beside("beside a fitting process that goes last", Quantiles.of(us["last"]), idle),
        _beside("beside a fitting process that is merely nice", Quantiles.of(us["nice"]), idle),
        _beside("while a profile is taken over in this process", Quantiles.of(us["after"]), idle),
        _beside(
            "from the last window until the profile serves, by one that goes last",
            Quantiles.of(us["whole"]),
            idle,
        ),
        _runtime_row(bundle),
    ]


def _beside(which: str, busy: Quantiles, idle: Quantiles) -> Row:
    return Row(
        f"inference, one window in {PERIOD_S * 1e3:.0f} ms, {which}",
        busy.p50,
        busy.p99,
        "us",
        f"when none is: {idle.p50:.0f}, p99 {idle.p99:.0f} us",
        busy.p99 / idle.p99,
        f"{busy.n} and {idle.n} windows by turns; load {os.getloadavg()[0]:.1f}; ratio of the p99",
    )


def _row(name: str, runs: list[Fitted]) -> Row:
    wall, processor = ([getattr(r, n) for r in runs] for n in ("wall_s", "processor_s"))
    return Row(
        f"{WINDOWS} windows to a profile that serves, {name}",
        float(np.median(wall)),
        None,
        "s",
        setting=f"median of {len(runs)}, slowest {max(wall):.1f}; of the processor "
        f"{np.median(processor):.1f} s in the fitting process; load {os.getloadavg()[0]:.1f}",
    )


def _collected(folder: Path, bundle: Bundle, fold: Fold) -> Calibration:
    """A calibration that has all its windows."""
    plan = Plan(baseline_s=0.0, windows=WINDOWS)
    session = CalibrationSession.of(bundle, id="bench", participant="P01", plan=plan)
    calibration = Calibration.begin(ProfileStore(folder), bundle, session, policy=AT_ONCE)
    for k in range(WINDOWS):
        calibration.take(*_window(fold, bundle, k))
    return calibration


async def _fitted(
    calibration: Calibration, source: Path | None, heard: "Heard", *, warm: bool, last: bool
) -> Fitted:
    """From its last window on; what touches the disk is done in a thread, as a session does it."""
    worker = await FitWorker.start(last=last) if warm else None
    try:
        if worker is not None:
            await worker.ready()
        began = time.perf_counter()
        worker = worker or await FitWorker.start(last=last)
        spent = psutil.Process(worker.pid)
        before = sum(spent.cpu_times()[:2]) if warm else 0.0
        request = await asyncio.to_thread(calibration.request, source=source)
        during = await heard(worker.fit(request))
        after = await heard(asyncio.to_thread(calibration.settle, at_unix=1.7e9))
        wall_s = time.perf_counter() - began
        processor_s = sum(spent.cpu_times()[:2]) - before
    finally:
        if worker is not None:
            await worker.stop()
    if calibration.session.state is not State.ACCEPTED:
        raise SystemExit(f"calibration: ended {calibration.session.state}")
    return Fitted(wall_s, processor_s, during, after)


class Heard(Protocol):
    """Waits for some work."""

    async def __call__(self, work: Awaitable[None]) -> list[float]:
        """How long the predictions took meanwhile, microseconds."""
        ...


@asynccontextmanager
async def predicting(bundle: Bundle) -> AsyncIterator[Heard]:
    """One window after the other in a thread, as a session does, warm before it begins."""
    runtime, us = load_runtime(bundle), list[float]()
    tokens = InputShape.of(bundle).zeros(1, CONTEXT)

    async def go_on() -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            us.append(await once())

    async def once() -> float:
        began = time.perf_counter_ns()
        await asyncio.to_thread(runtime.logits, *tokens)
        return (time.perf_counter_ns() - began) / 1e3

    async def heard(work: Awaitable[None]) -> list[float]:
        us.clear()
        await work
        return list(us)

    for _ in range(WARMING):
        await once()
    task = asyncio.create_task(go_on())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


def _runtime_row(bundle: Bundle) -> Row:
    network = load_network(bundle)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.01 * torch.randn_like(p))
    weights, ms = differing(network, bundle), list[float]()
    for _ in range(12):
        began = time.perf_counter()
        runtime_with(bundle, weights).close()
        ms.append((time.perf_counter() - began) * 1e3)
    return Row(
        "from a bundle and one person's weights to a runtime that was checked",
        float(np.median(ms[2:])),
        float(max(ms[2:])),
        "ms",
        setting="ONNX, all weights differ, 18 inputs compared; p99 is the slowest of 10",
    )


def _window(fold: Fold, bundle: Bundle, k: int) -> tuple[float, dict[Modality, FeatureWindow]]:
    end_s = 100.0 + k * HOP_S
    tables = {Modality.EEG: fold.target.x_eeg, Modality.EYE: fold.target.x_eye}
    return end_s, {
        m: FeatureWindow(
            spec,
            tables[m][k].astype(np.float64),
            end_s - spec.window_s,
            end_s,
            1.0,
            np.ones(len(spec.names), np.bool_),
        )
        for m, spec in bundle.specs.items()
    }


def made_up_network(fold: Fold) -> HaduaNetwork:
    """A network that learnt nothing: the time of a calibration does not depend on that."""
    torch.manual_seed(0)
    n_eeg, n_eye = WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]
    return HaduaNetwork(n_eeg, n_eye, fold.n_classes, context=CONTEXT).eval()


def made_up_bundle(path: Path, fold: Fold, network: HaduaNetwork | None = None) -> Bundle:
    """A bundle of a network, of one that learnt nothing if none is given."""
    network = made_up_network(fold) if network is None else network
    specs = {
        m: FeatureSpec(m, "made-up", 1, tuple(f"{m}{k}" for k in range(width)), HOP_S, HOP_S)
        for m, width in WIDTHS.items()
    }
    embedded = embed(
        torch.from_numpy(fused_of_windows(network, fold.source.windows)),
        fold.source.y,
        subject=fold.source.windows.subject,
        n_classes=fold.n_classes,
        seed=0,
    )
    return export_bundle(
        network,
        path=path,
        description=Description(
            name="made-up",
            version="1",
            classes=tuple("abc"),
            features={m: FeaturePart.of(spec) for m, spec in specs.items()},
            normalisation={
                m: NormalisationPart(mean=(0.0,) * width, std=(1.0,) * width)
                for m, width in WIDTHS.items()
            },
            context=CONTEXT,
            licence="CC0-1.0",
        ),
        card="# Made up\n",
        source_statistics=embedded.to_statistics(),
    )


def main() -> None:
    if "--one-core" in sys.argv[1:] and sys.platform == "linux":
        os.sched_setaffinity(0, {0})
    found = rows()
    sys.stdout.write(markdown(found, machine()))


if __name__ == "__main__":
    main()
