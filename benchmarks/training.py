"""One LOSO fold of SEED's size, HADUA as published: our loss beside the paper's, written out.

12 people x 842 windows of 310 EEG and 33 eye features, three classes, 100 epochs of CE + 0.5 MMD +
0.5 CMMD with Gaussian weights and uniform alignment, context 1, 64 + 64 windows a step, Adam 1e-4
with weight decay 5e-5. Both sides have the same network from the same start, the same optimiser,
the same batches and the same dropout; they differ in the loss alone, and must stay equal in its
value. The windows are made up: time does not depend on what is in them.

One thread is how all training here is done, a fold per core; two are what torch would take of two
cores by itself, where others are not busy on them.

    python benchmarks/training.py            a hundred steps of either, in turn
    python benchmarks/training.py --full     and all of our 100 epochs
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from plain_loss import PlainTerm
from seed_fold import Training, made_up
from table import Row, machine, markdown
from timing import Quantiles

from hadua.calibration.baselines.published import PublishedTerm

EPOCHS = 100
STEPS = 100
TOLERANCE = 1e-4
BUDGET_S = 30.0
_BLOCK = 5
_LEAST_BLOCKS = 4
_NAME = f"one LOSO fold, 12 x 842 windows, HADUA as published, {EPOCHS} epochs"


def rows(*, steps: int = STEPS, budget_s: float = BUDGET_S) -> list[Row]:
    """On one thread, on two, and on a CUDA device where there is one.

    Args:
        steps: Of either side.
        budget_s: After it a row takes no more steps, however many are left; it says how many it
            took.
    """
    settings = [("cpu", 1), ("cpu", 2)]
    if torch.cuda.is_available():
        settings.append(("cuda", 1))
    else:
        sys.stderr.write("training: no row on CUDA, for torch sees no such device\n")
    return [_in_turn(d, steps=steps, threads=n, budget_s=budget_s) for d, n in settings]


def full_row() -> Row:
    """All epochs of ours, on a CUDA device if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    fold = made_up()
    n = EPOCHS * fold.steps_per_epoch
    with _threads(1):
        side = Training(fold, PublishedTerm(fold.n_classes), device=device)
        start = time.perf_counter()
        for _ in range(n):
            side.step()
        whole_s = _elapsed_s(start, device)
        return Row(_NAME, whole_s, None, "s", setting=f"{_where(device)}; ours, all {n:,} steps")


def _in_turn(device: str, *, steps: int, threads: int, budget_s: float) -> Row:
    fold = made_up()
    sides = {
        "ours": Training(fold, PublishedTerm(fold.n_classes), device=device),
        "plain": Training(fold, PlainTerm(fold.n_classes), device=device),
    }
    losses: dict[str, list[torch.Tensor]] = {name: [] for name in sides}
    us: dict[str, list[float]] = {name: [] for name in sides}
    until = time.perf_counter() + budget_s
    with _threads(threads):
        for k in range(max(_LEAST_BLOCKS, steps // _BLOCK)):
            if k >= _LEAST_BLOCKS and time.perf_counter() > until:
                break
            for name, side in sides.items():
                start = time.perf_counter()
                losses[name] += [side.step() for _ in range(_BLOCK)]
                us[name].append(_elapsed_s(start, device) / _BLOCK * 1e6)
        where = _where(device)
    # The first block of either warms up.
    q = {name: Quantiles.of(values[1:]) for name, values in us.items()}
    taken, n = len(losses["ours"]), EPOCHS * fold.steps_per_epoch
    ours_s, plain_s = (q[name].p50 * n / 1e6 for name in ("ours", "plain"))
    apart = largest_difference(losses["ours"], losses["plain"])
    if not apart <= TOLERANCE:
        raise SystemExit(f"training: the losses differ by {apart:.1e}, not at most {TOLERANCE:g}")
    return Row(
        _NAME,
        ours_s,
        None,
        "s",
        f"the paper's loss in plain torch: {plain_s:.0f} s, {plain_s / ours_s:.1f} times as long",
        ours_s / plain_s,
        f"{where}; either is the median of {taken} steps, taken in turn, times {n:,}; their "
        f"losses differ by at most {apart:.0e} of themselves",
    )


def largest_difference(a: list[torch.Tensor], b: list[torch.Tensor]) -> float:
    """Largest relative difference of two runs' losses; NaN if one of them is."""
    x, y = torch.stack(a), torch.stack(b)
    return float(((x - y).abs() / y.abs()).max())


@contextmanager
def _threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _where(device: str) -> str:
    n, load = torch.get_num_threads(), os.getloadavg()[0]
    return f"{device}, {n} thread{'s' * (n > 1)}, load {load:.1f}, torch {torch.__version__}"


def _elapsed_s(start: float, device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="One LOSO fold of SEED's size, timed.")
    parser.add_argument("--steps", type=int, default=STEPS, help="of either side")
    parser.add_argument("--full", action="store_true", help="run all of our epochs, too")
    arguments = parser.parse_args()
    found = rows(steps=arguments.steps, budget_s=math.inf)
    if arguments.full:
        found.append(full_row())
    sys.stdout.write(markdown(found, machine()))


if __name__ == "__main__":
    main()
