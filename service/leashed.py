"""A child that does not outlive its parent: `python -m hadua.service.leashed PID MODULE [...]`.

A service that is killed cannot end its children. One that learns would go on to the end of its fit
beside the one that the next service starts, on the same files and the same processor. So it looks
whose child it is, twice a second, and leaves once that is nobody it knows. On Windows, where a
child keeps the number of its dead parent, it leaves when its input ends, after what it is doing.
"""

import os
import runpy
import sys
import threading
import time

EVERY_S = 0.5


def stay_with(parent: int) -> None:
    """From now on, end this process, whatever it is doing, once that one is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(EVERY_S)
        os._exit(0)

    threading.Thread(target=watch, name="leash", daemon=True).start()


if __name__ == "__main__":
    started_by, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform != "win32":
        stay_with(started_by)
    sys.argv[1:] = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
