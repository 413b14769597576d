"""The process that adapts: `python -m hadua.service.learning.online_process`.

It lowers its own priority, imports torch, says that it is ready, and answers one line with one (a
window that makes all be learnt anew, with two). Whoever started it may kill it at any time: what is
made appears whole in its folder, or not at all.
"""

import sys

import msgspec

from hadua.calibration.worker import lower_priority
from hadua.models.errors import HaduaError
from hadua.service.learning.online_messages import Failed, Ready, Said, Told, line

SLOW = "hadua.service.learning.online_follower"
"""What takes seconds to import."""


def main() -> int:
    """Answer standard input on standard output until it ends."""
    lower_priority()
    return answer()


def answer() -> int:
    """Likewise, as what this process is already."""
    # Not before the priority is lowered: importing torch takes seconds of a core.
    from hadua.service.learning.online_follower import Follower

    follower, decoder = Follower(), msgspec.json.Decoder(Told)
    try:
        _say(Ready())
        for text in sys.stdin.buffer:
            try:
                for said in follower.answers(decoder.decode(text)):
                    _say(said)
            except (HaduaError, msgspec.MsgspecError) as error:
                _say(Failed(what=str(error)))
    except BrokenPipeError:  # nobody listens any more
        sys.stdout = None  # or Python complains while it ends
    return 0


def _say(answer: Said) -> None:
    sys.stdout.buffer.write(line(answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
