"""What following a person costs: a window in the process that adapts, and a profile between two.

310 + 33 features, the network at context 8, source-free, as `calibrating.py` makes them up. The
steps are those of `OnlineAdapter.observe`, told by the process itself.

    python benchmarks/following.py
"""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from calibrating import WIDTHS, made_up_bundle, paced_predictions
from seed_fold import Fold, made_up
from table import Row, machine, markdown
from timing import Quantiles

from hadua.calibration.collected import CollectedWindow
from hadua.calibration.fitted import read_fitted
from hadua.calibration.profile import Profile
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle
from hadua.models.features import Modality
from hadua.service.learning.online_messages import Begin, Kept, See
from hadua.service.learning.online_worker import OnlineWorker
from hadua.service.serving import Personal

WINDOWS = 360
PERIOD_S = 0.05
IDLE_S = 20.0
SWAPS = 12


def rows() -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as work:
        folder = Path(work)
        fold = made_up(n_people=13, widths=(WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]))
        bundle = made_up_bundle(folder / "bundle", fold)
        return asyncio.run(_rows(folder, bundle, fold))


async def _rows(folder: Path, bundle: Bundle, fold: Fold) -> list[Row]:
    idle = await _during(bundle, asyncio.sleep(IDLE_S))
    steps, whole, made = list[float](), list[float](), list[Profile]()
    busy = await _during(bundle, _follow(folder, bundle, fold, steps, whole, made))
    learning = Quantiles.of([1e3 * ms for ms in steps])
    load = f"load {os.getloadavg()[0]:.1f}"
    return [
        Row(
            "a window in the process that adapts",
            learning.p50,
            learning.p99,
            "us",
            f"{max(steps):.1f} ms the slowest, which ends a piece of 12",
            setting=f"{len(steps)} windows, one in 50 ms, nice 10; {load}",
        ),
        Row(
            "a window that makes a version, until that lies on the disk",
            float(np.median(whole)),
            max(whole),
            "ms",
            setting=f"{len(whole)} versions: gradient steps, ONNX, files and syncs; {load}",
        ),
        Row(
            "inference, one window in 50 ms, while another process adapts",
            busy.p50,
            busy.p99,
            "us",
            f"p99 when none does: {idle.p99:.0f} us",
            busy.p99 / idle.p99,
            f"{busy.n} and {idle.n} windows; {load}; ratio of the p99",
        ),
        await _swaps(folder, bundle, made[-1]),
    ]


async def _during(bundle: Bundle, work: "asyncio.Future[None] | object") -> Quantiles:
    predicting = asyncio.create_task(paced_predictions(bundle))
    await work  # type: ignore[misc]
    predicting.cancel()
    return Quantiles.of(await predicting)


async def _follow(
    folder: Path,
    bundle: Bundle,
    fold: Fold,
    steps: list[float],
    whole: list[float],
    made: list[Profile],
) -> None:
    place = folder / "online"
    place.mkdir()
    begin = Begin(
        bundle=str(bundle.path.absolute()),
        profiles=str(folder / "profiles"),
        participant="P01",
        version=0,
        folder=str(place),
    )
    worker = await OnlineWorker.start()
    try:
        await worker.begin(begin)
        for k in range(WINDOWS):
            await asyncio.sleep(PERIOD_S)
            n = len(fold.target.x_eeg)
            window = CollectedWindow(
                100.0 + k, fold.target.x_eeg[k % n], fold.target.x_eye[k % n], (1.0, 1.0)
            )
            began = time.perf_counter()
            seen = await worker.see(See.of(window, usable=True))
            steps.append(seen.step_ms)
            if seen.made:
                whole.append((time.perf_counter() - began) * 1e3)
                profile = read_fitted(place)
                made += [profile] if profile is not None else []
                await worker.tell(Kept(version=len(whole)))
            if seen.relearning:
                await worker.relearnt()
    finally:
        await worker.stop()


async def _swaps(folder: Path, bundle: Bundle, profile: Profile) -> Row:
    store = ProfileStore(folder / "profiles")
    store.save(replace(profile, version=1, parent=0), at_unix=1.7e9)
    personal, ms = Personal(store, bundle, name="onnx", device="cpu"), list[float]()
    for _ in range(SWAPS):
        began = time.perf_counter()
        personal.serving("P01", 1).runtime.close()
        ms.append((time.perf_counter() - began) * 1e3)
    return Row(
        "a version from the disk to a runtime that can be swapped in",
        float(np.median(ms[2:])),
        max(ms[2:]),
        "ms",
        setting="checked and loaded in learning's thread; the swap itself waits for no window",
    )


def main() -> None:
    sys.stdout.write(markdown(rows(), machine()))


if __name__ == "__main__":
    main()
