"""Threads that each need much for a moment leave less behind where they share heaps."""

import subprocess
import sys

import pytest

CODE = """
import ctypes, sys, threading
from hadua.service.arenas import keep_few_arenas
said = keep_few_arenas() if sys.argv[1] == "few" else None
barrier = threading.Barrier(16)
def work():
    barrier.wait()
    held = [bytearray(60_000) for _ in range(50)]  # from the heap: below what is mapped by itself
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(16)]
[t.start() for t in threads]; [t.join() for t in threads]
info = ctypes.CDLL(None).malloc_info
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
f = libc.fopen(sys.argv[2].encode(), b"w")
info(0, ctypes.c_void_p(f)); libc.fclose(ctypes.c_void_p(f))
print(said, open(sys.argv[2]).read().count("<heap nr="))
"""


HOLES = """
import psutil
from hadua.service.arenas import give_back
mb = lambda: psutil.Process().memory_info().rss / 1e6
blocks = [bytearray(20_000) for _ in range(5_000)]  # 100 MB
kept = blocks[::50]
del blocks
full = mb()
print(give_back(), full - mb())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about glibc's heaps")
def test_what_lies_between_what_is_used_goes_back_to_the_system() -> None:
    command = [sys.executable, "-c", HOLES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    said, fell_mb = done.stdout.split()
    assert said == "True"
    assert float(fell_mb) > 70.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about glibc's heaps")
def test_sixteen_threads_share_two_heaps(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = str(tmp_path_factory.mktemp("heaps") / "info.xml")

    def run(which: str) -> list[str]:
        command = [sys.executable, "-c", CODE, which, out]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.split()

    said, heaps = run("few")
    assert said == "True"
    assert int(heaps) <= 2
    assert int(run("many")[1]) > 2
