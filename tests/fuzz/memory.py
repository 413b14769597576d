"""How much memory a worker may have, and has had."""

from pathlib import Path

MORE_BYTES = 2**30  # of address space, above what the process has once it is warm


def limit_memory() -> None:
    """Let whoever asks for much more than there is now end in a MemoryError."""
    try:
        import resource
    except ImportError:  # Windows
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def peak_mb() -> float:
    """The most that this process has had at once, in megabytes; 0 where that is not known."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
