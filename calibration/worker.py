"""The process that learns: `python -m hadua.calibration.worker`.

It lowers its own priority, imports torch, learns a little from nothing so that all is warm, says
that it is ready, and then answers requests, one line of JSON each, until its input ends. Whoever
started it may kill it at any time: nothing is half-written, and the same request gives the same
profile again. The halves that tell whether a fit can be trusted are fitted by a second process of
the same kind, on another core.
"""

import os
import sys

from pydantic import ValidationError

from hadua.calibration.fit_request import (
    Compared,
    Done,
    Failed,
    FitRequest,
    Ready,
    Working,
    name_of,
)
from hadua.calibration.halves_process import FLAG, HalvesProcess
from hadua.models.errors import HaduaError

NICENESS = 10


def main(arguments: list[str]) -> int:
    """Answer requests from standard input on standard output."""
    lower_priority()
    is_second = FLAG in arguments
    second = None if is_second else HalvesProcess.start()
    try:
        _warm()
        _say(Ready().to_line())
        for line in sys.stdin:
            _say(_answer(line, is_second=is_second, second=second))
    except BrokenPipeError:  # nobody listens any more
        sys.stdout = None  # or Python complains while it ends
    finally:
        if second is not None:
            second.stop()
    return 0


def lower_priority() -> None:
    """Let everything else go first; on Windows whoever starts the process asks for that."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def _warm() -> None:
    # Not before the priority is lowered: importing torch takes seconds of a core.
    from hadua.calibration.fitting import warm

    warm()


def _answer(line: str, *, is_second: bool, second: HalvesProcess | None) -> str:
    from hadua.calibration.fitting import fit_and_keep

    if is_second:
        return Compared(request=name_of(line), stability=_stability(line)).to_line()
    try:
        request = FitRequest.model_validate_json(line)
        halves = second.ask(line) if second is not None and request.half_steps else None
        fit_and_keep(request, halves=halves, on_stage=_say_stage)
    except ValidationError as error:
        return Failed(what=f"not a request: {str(error).splitlines()[0]}").to_line()
    except HaduaError as error:
        return Failed(what=str(error)).to_line()
    return Done().to_line()


def _stability(line: str) -> float | None:
    """What the second process finds; what is wrong with a request, the first one says."""
    from hadua.calibration.fitting import compare

    try:
        return compare(FitRequest.model_validate_json(line))
    except (ValidationError, HaduaError):
        return None


def _say_stage(stage: str, number: int, stages: int) -> None:
    _say(Working(stage=stage, number=number, stages=stages).to_line())


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
