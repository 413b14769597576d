"""`python -m fuzz`: feed every parser of ours that reads what others send; see `make fuzz`."""

import argparse
import os
import sys
from pathlib import Path

from fuzz.all_targets import TARGETS
from fuzz.campaign import run_all


def main() -> int:
    """The number of parsers with a fault."""
    names = [target.name for target in TARGETS]
    parser = argparse.ArgumentParser(description="Feed damaged inputs to every parser.")
    parser.add_argument(
        "targets", nargs="*", default=names, metavar="TARGET", help=", ".join(names)
    )
    parser.add_argument("--count", type=int, default=20_000, help="inputs of each parser")
    parser.add_argument("--seed", type=int, default=1, help="another one: other inputs")
    parser.add_argument(
        "--found", type=Path, default=Path("build/fuzz"), help="for what is a fault"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="parsers at once")
    parser.add_argument("--out", type=Path, default=None, help="JSON lines of what was done so far")
    told = parser.parse_args()
    bad = 0
    for tally in run_all(
        told.targets, seed=told.seed, count=told.count, found=told.found, out=told.out,
        workers=told.workers,
    ):  # fmt: skip
        bad += bool(tally.faults)
        sys.stdout.write(
            f"{tally.target:12} {tally.inputs:9,} inputs, {tally.refused:9,} refused, "
            f"{tally.seconds:7.0f} s, +{tally.grown_mb:.0f} MB; "
            f"{'; '.join(tally.faults) or 'no fault'}\n"
        )
        sys.stdout.flush()
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
