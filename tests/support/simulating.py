"""`hadua simulate` as a process beside a test."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

RUN = "import sys; from hadua.service.cli.main import main; sys.argv[0] = 'hadua'; main()"


def command(*arguments: str) -> list[str]:
    """What its users type."""
    return [sys.executable, "-c", RUN, "simulate", *arguments]


@contextmanager
def sending(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """It sends until the block ends."""
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
