"""structlog without rich, which it takes along wherever it is installed, and which we never ask.

Tracebacks of logs are plain text here. Left alone, rich and what that imports take five megabytes
and a tenth of a second of every start.
"""

import sys


def import_structlog() -> None:
    """Import it as if rich were not installed; whoever imports rich later gets it."""
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # what Python takes for: not installed
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
