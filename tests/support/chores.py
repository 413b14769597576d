"""Tasks for worker processes, which find them by name."""

import os
import time
from pathlib import Path

from hadua.models.errors import RecordingError


def square(x: int) -> int:
    return x * x


def pid_of(task: int) -> int:
    return os.getpid()


def threads_asked(task: str) -> str | None:
    return os.environ.get(task)


def moody(task: str) -> str:
    if task == "refuses":
        raise RecordingError("recording 'x'", got="nothing")
    if task == "faulty":
        raise KeyError("no such key")
    if task == "dies":
        os._exit(7)
    return task.upper()


def until_it_is_gone(path: Path | None) -> None:
    """Say who works, and work for as long as the file is there; without one there is no work."""
    if path is None:
        return
    path.write_text(str(os.getpid()))
    while path.exists():
        time.sleep(0.01)
