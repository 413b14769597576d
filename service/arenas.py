"""How many heaps the C library keeps: without a word, eight for each core.

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
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
    except (AttributeError, OSError):  # another C library than glibc
        return False
