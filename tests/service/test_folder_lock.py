"""A folder has one writer, in this process or another, and a dead one holds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from hadua.models.errors import UsageError
from hadua.service.folder_lock import sole_writer

_HOLDS = """
import sys
from pathlib import Path
from hadua.service.folder_lock import sole_writer
with sole_writer(Path(sys.argv[1]), doing="holding"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_until_the_first_one_ends(tmp_path: Path) -> None:
    with (
        sole_writer(tmp_path, doing="writing"),
        pytest.raises(UsageError, match="another process that is writing there"),
        sole_writer(tmp_path, doing="writing"),
    ):
        pass

    with sole_writer(tmp_path, doing="writing"):
        pass


def test_a_killed_writer_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"
        with (
            pytest.raises(UsageError, match="one at a time"),
            sole_writer(tmp_path, doing="writing"),
        ):
            pass
        other.kill()
        other.wait(timeout=30)

    with sole_writer(tmp_path, doing="writing"):
        pass
