"""`make bench`: every row, one table, written to benchmarks/results/latest.{json,md}."""

import argparse
import sys
from pathlib import Path

import calibrating
import end_to_end
import features
import following
import inference
import training
from table import machine, markdown, save

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the end-to-end row")
    arguments = parser.parse_args()
    rows = [
        *end_to_end.rows(seconds=arguments.seconds),
        *features.rows(),
        *inference.rows(),
        *training.rows(),
        *calibrating.rows(),
        *following.rows(),
    ]
    about = machine()
    save(rows, about, RESULTS)
    sys.stdout.write(markdown(rows, about))


if __name__ == "__main__":
    main()
