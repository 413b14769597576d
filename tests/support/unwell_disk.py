"""A disk that becomes read-only or slow under a running process, by a library loaded before it.

A file system with files that are open for writing cannot be remounted read-only by anybody: only a
kernel that has met an error does that. So a small C library, compiled here, answers as such a
kernel would.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


@dataclass(frozen=True)
class UnwellDisk:
    """What a process that is started with `environment` sees of a folder.

    Args:
        environment: For the process and all whom it starts.
        switch: Says what ails the disk; nothing does while it is not there.
    """

    environment: Mapping[str, str]
    switch: Path

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing can be changed there, also not in files that are open."""
        with self._so("read-only"):
            yield

    @contextmanager
    def slow(self, sync_s: float) -> Iterator[None]:
        """Every fsync and fdatasync takes so much longer."""
        with self._so(f"{sync_s}"):
            yield

    @contextmanager
    def _so(self, text: str) -> Iterator[None]:
        written = self.switch.with_suffix(".new")
        written.write_text(text, encoding="ascii")
        written.replace(self.switch)
        try:
            yield
        finally:
            self.switch.unlink()


def unwell_disk(disk: Path, place: Path) -> UnwellDisk:
    """Compile the library; a skip where that cannot be.

    Args:
        disk: The folder that it is about.
        place: Another folder, for the library and its switch.
    """
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("a disk can be unwell on Linux only, where there is a C compiler (cc)")
    library, switch = place / "unwell_disk.so", place / "switch"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, timeout=60.0)
    told = {
        "LD_PRELOAD": str(library),
        "UNWELL_FOLDER": f"{disk.resolve()}/",
        "UNWELL_SWITCH": str(switch),
    }
    return UnwellDisk(told, switch)
