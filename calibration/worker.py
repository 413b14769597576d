"""The process that learns: `python -m hadua.calibration.worker [--last]`.

It lowers its own priority, imports torch, learns a little from nothing so that all is warm, says
that it is ready, and then answers requests, one line of JSON each, until its input ends. Whoever
started it may kill it at any time: nothing is half-written, and the same request gives the same
profile again.
"""

import os
import sys
from base64 import b64encode
from contextlib import suppress

from pydantic import ValidationError

from hadua.calibration.fit_request import Done, Failed, Ready, Working
from hadua.calibration.parcel_request import REQUEST, ParcelRequest
from hadua.models.bundle import load_bundle
from hadua.models.errors import HaduaError

NICENESS = 10
LAST = "--last"
"""Asks it to go last altogether, as `go_last` says."""


def main() -> int:
    """Answer requests from standard input on standard output."""
    lower_priority()
    if LAST in sys.argv[1:]:
        go_last()
    _warm()
    try:
        _say(Ready().to_line())
        for line in sys.stdin:
            _say(_answer(line))
    except BrokenPipeError:  # nobody listens any more
        sys.stdout = None  # or Python complains while it ends
    return 0


def lower_priority() -> None:
    """Let everything else go first; on Windows whoever starts the process asks for that."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def go_last() -> None:
    """Let whatever else wakes up interrupt this at once, though that may leave it nothing.

    Linux alone has need of it: there a process that is merely nice ends its turn first, up to three
    milliseconds, and Windows lets any higher class interrupt. No ordinary user can take it back.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it: then it is merely nice
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _warm() -> None:
    # Not before the priority is lowered: importing torch takes seconds of a core.
    import torch

    from hadua.calibration.fitting import warm

    torch.set_num_threads(1)  # two take twice the processor, and longer on busy cores
    warm()


def _answer(line: str) -> str:
    from hadua.calibration.fitting import fit_and_keep, fit_parcel

    files: dict[str, str] = {}
    try:
        request = REQUEST.validate_json(line)
        if isinstance(request, ParcelRequest):
            fitted = fit_parcel(load_bundle(request.bundle), request.parcel, on_stage=_say_stage)
            files = {name: b64encode(content).decode() for name, content in fitted.items()}
        else:
            fit_and_keep(request, on_stage=_say_stage)
    except ValidationError as error:
        return Failed(what=f"not a request: {str(error).splitlines()[0]}").to_line()
    except HaduaError as error:
        return Failed(what=str(error)).to_line()
    return Done(files=files).to_line()


def _say_stage(stage: str, number: int, stages: int) -> None:
    _say(Working(stage=stage, number=number, stages=stages).to_line())


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
