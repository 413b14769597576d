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
from collections.abc import Callable

EVERY_S = 0.5


def stay_with(parent: int) -> Callable[[], None]:
    """From now on, end this process, whatever it is doing, once that one is gone.

    Returns:
        Lets go: it may outlive that one again.
    """
    free = threading.Event()

    def watch() -> None:
        while os.getppid() == parent:
            if free.wait(EVERY_S):
                return
        os._exit(0)

    thread = threading.Thread(target=watch, name="leash", daemon=True)
    thread.start()

    def let_go() -> None:
        free.set()
        thread.join()

    return let_go


if __name__ == "__main__":
    started_by, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform != "win32":
        stay_with(started_by)
    sys.argv[1:] = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
