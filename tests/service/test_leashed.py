"""A child that learns does not outlive a service that is killed, whatever it is doing."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

_CHILD = "import os, time\nprint(os.getpid(), flush=True)\nwhile True: time.sleep(0.01)\n"
_PARENT = """
import os, subprocess, sys
subprocess.run([sys.executable, "-m", "hadua.service.leashed", str(os.getpid()), "busy"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there it leaves when its input ends")
def test_it_leaves_in_the_middle_of_its_work_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(_CHILD)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, stdin=subprocess.PIPE,
        env=environment, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        parent.wait()
        gone, _ = psutil.wait_procs([child], timeout=20.0)
    assert gone == [child]
