"""How many heaps the C library keeps: without a word, eight for each core; and what they hold.

Each session has threads of its own, and glibc gives threads heaps of their own, each of which keeps
the most that its thread ever needed for a moment: more than all that a person really takes. Python
runs one thread at a time anyway.
"""

import ctypes
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2


def keep_few_arenas() -> bool:
    """Let all threads share two heaps; whether that could be said. Before threads are started."""
    return _say("mallopt", _M_ARENA_MAX, ARENAS)


def give_back() -> bool:
    """Give the system what the heaps hold and nobody uses; whether there was any.

    A heap that many threads have used is mostly holes, which the C library keeps for ever. All
    threads wait meanwhile, for tens of milliseconds.
    """
    return _say("malloc_trim", 0)


def _say(function: str, *numbers: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(getattr(ctypes.CDLL(None), function)(*numbers))
    except (AttributeError, OSError):  # another C library than glibc
        return False
