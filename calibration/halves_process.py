"""A second process that compares two halves of the windows while the first one fits them."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO

from hadua.calibration.fit_request import ANSWER, Compared, name_of

FLAG = "--halves"


@dataclass(slots=True)
class HalvesProcess:
    """The process and its two pipes.

    Args:
        process: Started.
        stdin: Takes requests.
        stdout: Gives answers.
    """

    process: subprocess.Popen[str]
    stdin: IO[str]
    stdout: IO[str]

    @classmethod
    def start(cls) -> "HalvesProcess":
        """Start it; it warms up while the caller does."""
        process = subprocess.Popen(
            [sys.executable, "-m", "hadua.calibration.worker", FLAG],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without the pipes that were asked for")
        return cls(process, process.stdin, process.stdout)

    def ask(self, line: str) -> Callable[[], float | None]:
        """Send a request; what it gives back waits for the answer.

        None is the answer where there is none: a fit goes on without the comparison.
        """
        try:
            self.stdin.write(line)
            self.stdin.flush()
        except OSError:  # it has died
            return lambda: None
        return lambda: _stability(self.stdout, name_of(line))

    def stop(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.stdin.close()
        self.stdout.close()


def _stability(lines: Iterable[str], request: str) -> float | None:
    for line in lines:
        answer = ANSWER.validate_json(line)
        if isinstance(answer, Compared) and answer.request == request:
            return answer.stability
    return None
