"""What following a person costs: a window in the process that adapts, and a profile between two.

310 + 33 features, the network at context 8, source-free, as `calibrating.py` makes them up; but
the network has learnt from the source people and the person's windows come in runs of one class,
for an unsure answer teaches nothing and costs nothing. The steps are those of
`OnlineAdapter.observe`, told by the process itself.

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
import torch
from calibrating import CONTEXT, WIDTHS, made_up_bundle, made_up_network, predicting
from seed_fold import Fold, made_up
from table import Row, machine, markdown
from timing import Quantiles

from hadua.calibration.buffer import Piece
from hadua.calibration.chance import Chance
from hadua.calibration.collected import Collected, CollectedWindow
from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.fitted import read_fitted
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.online_step import Student
from hadua.calibration.profile import Profile
from hadua.calibration.source_terms import FromEmbeddings
from hadua.calibration.store import ProfileStore
from hadua.calibration.stretches import crop, logits_of_windows
from hadua.calibration.timed_weighting import TimedWeighting
from hadua.calibration.windows import IntArray, Windows
from hadua.models.bundle import Bundle
from hadua.models.export import load_network
from hadua.models.features import Modality
from hadua.models.network import HaduaNetwork
from hadua.service.learning.nursery import Nursery
from hadua.service.learning.online_messages import Begin, Kept, See
from hadua.service.learning.online_worker import OnlineWorker
from hadua.service.serving import Personal

WINDOWS = 360
PERIOD_S = 0.05
IDLE_S = 10.0
SWAPS = 12
RUN = 24
"""Windows of one class in a row."""
TEACHING_STEPS = 150
STEPS = 60


def rows() -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as work:
        folder = Path(work)
        fold = made_up(n_people=13, widths=(WIDTHS[Modality.EEG], WIDTHS[Modality.EYE]))
        bundle = made_up_bundle(folder / "bundle", fold, taught(fold))
        fold = replace(fold, target=in_runs(load_network(bundle), fold.target))
        return asyncio.run(_rows(folder, bundle, fold))


async def _rows(folder: Path, bundle: Bundle, fold: Fold) -> list[Row]:
    steps, ends, whole = list[float](), list[float](), list[float]()
    made = list[Profile]()
    async with predicting(bundle) as heard:
        before = await heard(asyncio.sleep(IDLE_S))
        during = await heard(_follow(folder, bundle, fold, steps, ends, whole, made))
        idle = Quantiles.of(before + await heard(asyncio.sleep(IDLE_S)))
        busy = Quantiles.of(during)
    load = f"load {os.getloadavg()[0]:.1f}"
    return [
        _gradient_row(bundle, fold),
        Row(
            "a window in the process that adapts",
            float(np.median(steps)),
            float(np.quantile(steps, 0.99)),
            "ms",
            setting=f"{len(steps)} windows, one in 50 ms, nice 10; {load}",
        ),
        Row(
            "one of them that ends a piece of 12 (three gradient steps)",
            float(np.median(ends)),
            max(ends),
            "ms",
            f"{sum(steps) / len(steps):.1f} ms a window in the mean",
            setting=f"{len(ends)} pieces, and the slowest; {load}",
        ),
        Row(
            "a window that makes a version, until that lies on the disk",
            float(np.median(whole)),
            max(whole),
            "ms",
            setting=f"{len(whole)} versions: gradient steps, ONNX, files and syncs; {load}",
        ),
        Row(
            "inference, one window in 20 ms, while another process adapts",
            busy.p50,
            busy.p99,
            "us",
            f"when none does: {idle.p50:.0f}, p99 {idle.p99:.0f} us",
            busy.p99 / idle.p99,
            f"{busy.n} and {idle.n} windows; {load}; ratio of the p99",
        ),
        _swapped(folder, bundle, made[-1]),
    ]


def taught(fold: Fold) -> HaduaNetwork:
    """A network that tells the source people's classes apart."""
    network, windows = made_up_network(fold).train(), fold.source.windows
    rng = np.random.default_rng(0)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(TEACHING_STEPS):
        starts = rng.integers(0, len(windows) - CONTEXT, 64)
        crops = crop(windows, starts, lengths=np.full(64, CONTEXT))
        logits = network.logits_sequence(crops.eeg, crops.eye, crops.present).flatten(0, 1)
        labels = torch.from_numpy(fold.source.y[crops.rows]).flatten()
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return network.eval()


def in_runs(network: HaduaNetwork, windows: Windows) -> Windows:
    """The windows sorted into runs of what a network takes for one class."""
    said = logits_of_windows(network, windows).argmax(axis=1)
    rows = [np.flatnonzero(said == c) for c in range(network.n_classes)]
    fewest = min(map(len, rows)) // RUN * RUN
    order = np.stack([r[:fewest].reshape(-1, RUN) for r in rows], axis=1).ravel()
    return windows.pick(order)


def _gradient_row(bundle: Bundle, fold: Fold) -> Row:
    """Steps of a student on pieces of the person, in this process."""
    network, settings = load_network(bundle), OnlineSettings()
    carried = bundle.source_statistics()
    source = None if carried is None else FromEmbeddings(SourceEmbeddings.of(carried))
    student = Student(network, network, source, settings)
    n, chance = settings.piece, Chance(0)
    pieces = [_piece(fold, rows, k) for k, rows in enumerate(np.arange(20 * n).reshape(-1, n))]
    weighting, ms = TimedWeighting(fold.n_classes), list[float]()
    with chance.drawing():
        for _ in range(STEPS):
            began = time.perf_counter()
            student.step(pieces, bundle.normalisation, weighting, chance.rng)
            ms.append((time.perf_counter() - began) * 1e3)
    return Row(
        "a gradient step of the online loop",
        float(np.median(ms)),
        float(np.quantile(ms, 0.99)),
        "ms",
        f"{min(ms):.1f} ms the quickest",
        setting=f"{STEPS} in a row on 4 pieces of {n}; load {os.getloadavg()[0]:.1f}",
    )


def _piece(fold: Fold, rows: IntArray, k: int) -> Piece:
    eeg, eye = fold.target.x_eeg[rows], fold.target.x_eye[rows]
    windows = Collected(rows.astype(np.float64), eeg, eye, np.ones((len(rows), 2), np.float32))
    sure = np.eye(fold.n_classes)[k % fold.n_classes]
    return Piece(windows, k, sure, np.zeros(1), number=k)


async def _follow(
    folder: Path,
    bundle: Bundle,
    fold: Fold,
    steps: list[float],
    ends: list[float],
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
    worker = await OnlineWorker.start(Nursery())
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
                ends.append(seen.step_ms)
                whole.append((time.perf_counter() - began) * 1e3)
                profile = await asyncio.to_thread(read_fitted, place)  # as the service does
                made += [profile] if profile is not None else []
                await worker.tell(Kept(version=len(whole)))
            if seen.relearning:
                await worker.relearnt()
    finally:
        await worker.stop()


def _swapped(folder: Path, bundle: Bundle, profile: Profile) -> Row:
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
