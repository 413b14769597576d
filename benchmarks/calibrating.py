"""From the last window of a calibration to the profile that serves, and what it costs the others.

A calibration of 300 windows of 310 + 33 features with the network at context 8, in the worker
process that the service starts; source windows of SEED's size (12 people x 842) or, source-free,
the bundle's embeddings. The windows are made up: time does not depend on what is in them. Seconds
of the wall depend on who else is busy, so each row says the load, and the processor's own seconds
of the fitting process beside it.

    python benchmarks/calibrating.py
"""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

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
IDLE_S = 20.0
PERIOD_S = 0.05
WIDTHS = {Modality.EEG: 310, Modality.EYE: 33}
AT_ONCE = Policy("at once", accepts=("low", "medium", "high"))


@dataclass(frozen=True, slots=True)
class Fitted:
    """One calibration from its last window on.

    Args:
        wall_s: Until the profile serves.
        processor_s: Of the fitting process meanwhile.
        during: Delays of paced predictions while it went on, microseconds.
    """

    wall_s: float
    processor_s: float
    during: list[float]


def rows(*, times: int = 3) -> list[Row]:
    """All rows; every calibration is made so many times."""
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as work:
        folder = Path(work)
        fold = made_up(n_people=13, widths=(WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]))
        bundle = made_up_bundle(folder / "bundle", fold)
        keep_source(folder / "source", fold.source, bundle)
        return asyncio.run(_rows(folder, bundle, fold, times))


async def _rows(folder: Path, bundle: Bundle, fold: Fold, times: int) -> list[Row]:
    idle = await _idle(bundle)
    made: list[Row] = []
    during: list[float] = []
    for name, source, warm in (
        ("source-free, worker started beforehand", None, True),
        ("12 x 842 source windows, worker started beforehand", folder / "source", True),
        ("source-free, from a cold start of the worker", None, False),
    ):
        runs = [
            await _calibrate(folder / f"{len(made)}-{k}", bundle, fold, source, warm=warm)
            for k in range(times)
        ]
        during += [us for run in runs for us in run.during]
        made.append(_row(name, runs))
    busy = Quantiles.of(during)
    made.append(
        Row(
            "inference, one window in 50 ms, while a calibration is fitted",
            busy.p50,
            busy.p99,
            "us",
            f"p99 when none is: {idle.p99:.0f} us",
            busy.p99 / idle.p99,
            f"{busy.n} windows during {3 * times} calibrations, {idle.n} in idle times; load "
            f"{os.getloadavg()[0]:.1f}; ratio of the p99",
        )
    )
    return [*made, _runtime_row(bundle)]


def _row(name: str, runs: list[Fitted]) -> Row:
    wall, processor = ([getattr(r, n) for r in runs] for n in ("wall_s", "processor_s"))
    return Row(
        f"{WINDOWS} windows to a profile that serves, {name}",
        float(np.median(wall)),
        None,
        "s",
        setting=f"median of {len(runs)}, slowest {max(wall):.1f}; of the processor "
        f"{np.median(processor):.1f} s in the fitting process, which goes last (nice 10); load "
        f"{os.getloadavg()[0]:.1f}",
    )


async def _calibrate(
    folder: Path, bundle: Bundle, fold: Fold, source: Path | None, *, warm: bool
) -> Fitted:
    plan = Plan(baseline_s=0.0, windows=WINDOWS)
    session = CalibrationSession.of(bundle, id="bench", participant="P01", plan=plan)
    calibration = Calibration.begin(ProfileStore(folder), bundle, session, policy=AT_ONCE)
    worker = await FitWorker.start() if warm else None
    try:
        for k in range(WINDOWS - 1):
            calibration.take(*_window(fold, bundle, k))
        if worker is not None:
            await worker.ready()
        began = time.perf_counter()
        calibration.take(*_window(fold, bundle, WINDOWS - 1))
        worker = worker or await FitWorker.start()
        spent = psutil.Process(worker.pid)
        before = sum(spent.cpu_times()[:2]) if warm else 0.0
        delays = asyncio.create_task(paced_predictions(bundle))
        await worker.fit(calibration.request(source=source))
        calibration.settle(at_unix=1.7e9)
        wall_s = time.perf_counter() - began
        processor_s = sum(spent.cpu_times()[:2]) - before
        delays.cancel()
        during = await delays
    finally:
        if worker is not None:
            await worker.stop()
    if calibration.session.state is not State.ACCEPTED:
        raise SystemExit(f"calibration: ended {calibration.session.state}")
    return Fitted(wall_s, processor_s, during)


async def paced_predictions(bundle: Bundle) -> list[float]:
    """Predict one window after the other in a thread, as a session does, until cancelled."""
    runtime, us = load_runtime(bundle), list[float]()
    tokens = InputShape.of(bundle).zeros(1, CONTEXT)
    try:
        while True:
            await asyncio.sleep(PERIOD_S)
            began = time.perf_counter_ns()
            await asyncio.to_thread(runtime.logits, *tokens)
            us.append((time.perf_counter_ns() - began) / 1e3)
    except asyncio.CancelledError:
        return us


async def _idle(bundle: Bundle) -> Quantiles:
    task = asyncio.create_task(paced_predictions(bundle))
    await asyncio.sleep(IDLE_S)
    task.cancel()
    return Quantiles.of(await task)


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


def made_up_bundle(path: Path, fold: Fold) -> Bundle:
    """A network that learnt nothing: time does not depend on that either."""
    torch.manual_seed(0)
    n_eeg, n_eye = WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]
    network = HaduaNetwork(n_eeg, n_eye, fold.n_classes, context=CONTEXT).eval()
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
    found = rows()
    sys.stdout.write(markdown(found, machine()))


if __name__ == "__main__":
    main()
