"""A booth to be killed: keeps a session that runs, in a process of its own.

python -m support.booth FOLDER URL SESSION     (URL: `-` for the folder's own file)
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadua.service.journal import Published
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage

SAID = 3
EPOCH = 7


def main(folder: Path, url: str | None, session_id: str) -> None:
    storage = Storage.open(folder, url=url, unix_clock=lambda: 50.0)
    record = SessionRecord(session_id, EPOCH, None, 5.0, None, "starting", "", "fake@0", 0)
    storage.began(record).result(20.0)
    for seq in range(1, SAID + 1):
        storage.append(Published(session_id, EPOCH, seq, "prediction", "{}"))
    storage.flush()
    sys.stdout.write("running\n")
    sys.stdout.flush()
    sys.stdin.read()


@contextmanager
def booth(folder: Path, url: str | None, session_id: str) -> Iterator["subprocess.Popen[str]"]:
    """One at work, for a test to kill."""
    with subprocess.Popen(
        [sys.executable, "-m", "support.booth", str(folder), url or "-", session_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "running\n"
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    where, database, session = sys.argv[1:]
    main(Path(where), None if database == "-" else database, session)
