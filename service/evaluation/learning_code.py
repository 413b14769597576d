"""The code that learns, as a hash: two processes with another one may give other numbers."""

import hashlib
from functools import cache
from pathlib import Path

from hadua import calibration, models

_MODELS = ("attending.py", "network.py", "prediction.py")


@cache
def code_hash() -> str:
    """SHA-256 over the source of everything that computes a fold, by file name.

    Taken once: files that change while this process runs do not change what it has loaded.
    """
    digest = hashlib.sha256()
    learning = Path(calibration.__path__[0])
    model = [Path(models.__path__[0]) / name for name in _MODELS]
    own = Path(__file__).with_name("fold.py")
    for path in (*sorted(learning.rglob("*.py")), *model, own):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
