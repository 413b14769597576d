"""What tests of learning share."""

import os
from pathlib import Path

import pytest

_NOT_LAST = """
import os

def forbidden(*_):
    raise PermissionError("as in a container that forbids it")

os.sched_setscheduler = forbidden
"""


@pytest.fixture
def not_last(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Processes that a test starts do not go last, for a busy machine would leave them nothing.

    Returns:
        What each of them runs first.
    """
    first = tmp_path_factory.mktemp("first") / "sitecustomize.py"
    first.write_text(_NOT_LAST)
    monkeypatch.setenv("PYTHONPATH", str(first.parent), prepend=os.pathsep)
    return first
