"""Ways to take a running process its disk or its memory, from outside, and to give them back."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, *, size_mb: int) -> Iterator[Path]:
    """A file system of its own, as large as that; a skip where none may be mounted."""
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a small file system")
    options = f"size={size_mb}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, *, leave_bytes: int = 0) -> Path:
    """A file that takes all the room but so much."""
    path = disk / "somebody-elses-file"
    with path.open("wb", buffering=0) as file:
        try:
            for size in (2**20, 2**14, 2**12, 1):
                while _free(disk) > leave_bytes + size:
                    file.write(b"x" * size)
            if not leave_bytes:
                file.write(b"x" * 2**20)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return path


def _free(disk: Path) -> int:
    now = os.statvfs(disk)
    return now.f_bavail * now.f_frsize


@contextmanager
def no_file_grows(pid: int, *, beyond_bytes: int = 4096) -> Iterator[None]:
    """No file of that process grows beyond so much; nobody has to be root for that."""
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of another process cannot be set here")
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (beyond_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def no_more_memory(pid: int, *, more_bytes: int = 0) -> Iterator[None]:
    """That process gets no address space beyond what it has, and so much more."""
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of another process cannot be set here")
    has = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    limit = has * resource.getpagesize() + more_bytes
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it may have died of it
            resource.prlimit(pid, resource.RLIMIT_AS, before)
