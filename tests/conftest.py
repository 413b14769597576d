"""What every test gets: an LSL world of its own, on the loopback, that other runs cannot see."""

import logging
import os
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before any LSL call of this process, and inherited by the processes that tests start. The clock
# probes, eight for each inlet, are by default 64 ms apart: half a second of every test that opens
# one. liblsl drops the whole file for a line that it does not understand; a test looks.
_SESSION_ID = f"hadua-test-{uuid.uuid4().hex[:12]}"
_LSL_CONFIG = f"""\
[ports]
PortRange = 256
IPv6 = disable
[multicast]
ResolveScope = machine
[lab]
SessionID = {_SESSION_ID}
[tuning]
TimeProbeInterval = 0.008
TimeProbeMaxRTT = 0.02
[log]
level = -2
"""
_config_file = Path(tempfile.mkdtemp(prefix="hadua-lsl-")) / "lsl_api.cfg"
_config_file.write_text(_LSL_CONFIG, encoding="utf-8")
os.environ["LSLAPICFG"] = str(_config_file)
# Tests that ask the library themselves are to report nothing either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# No test is timed: the machine may be busy.
settings.register_profile("hadua", deadline=None)
settings.load_profile("hadua")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings, or a skip that says how to get it."""
    root = os.environ.get("HADUA_RECORDINGS")
    if not root or not Path(root).is_dir():
        pytest.skip("HADUA_RECORDINGS does not name the folder of real recordings")
    return Path(root)


@pytest.fixture
def unique() -> str:
    """A name no other test has, for streams and source_ids."""
    return uuid.uuid4().hex[:12]


@pytest.fixture(autouse=True)
def _no_thread_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.is_alive() and not t.daemon]
    for thread in left:
        thread.join(timeout=2.0)
    left = [t for t in left if t.is_alive()]
    assert not left, f"threads left behind: {left}"


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A test that sets up the service's logs leaves none of it to the next."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
