"""ONNX Runtime as every part of this program gets it: it reports nothing to anybody.

Since 1.32 its builds for Linux, as those for Windows before, note each process and each model that
is loaded, with the program's path, a lasting id of the device and facts of the computer, keep that
below the home folder, and send it to its makers where there is a network. A lab has not agreed to
that. It costs, too: a thread, and a third of the time of one inference of a small network.
"""

import os
from importlib import import_module
from types import ModuleType

SWITCH = "ORT_DISABLE_TELEMETRY"
"""Read by the library as it is loaded. Whoever sets it otherwise is not overruled."""


def onnxruntime() -> ModuleType:
    """The module.

    Raises:
        ImportError: no build of it is installed.
    """
    switch = os.environ.setdefault(SWITCH, "1")
    ort = import_module("onnxruntime")
    if switch == "1":
        ort.disable_telemetry_events()  # the events of Windows, which the switch does not reach
    return ort
