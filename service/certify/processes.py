"""The processes of a measurement: the service, and the synthetic devices."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue

from hadua.models.errors import HaduaError
from hadua.service.certify.measured import Load

_READY_S = 60.0
_END_S = 10.0


class Told:
    """What a process says on stdout, line by line, with a time limit on each.

    Args:
        process: Started with a pipe from its output.
        what: Its name in messages.
    """

    def __init__(self, process: "subprocess.Popen[str]", what: str) -> None:
        self.process, self._what = process, what
        self._lines: Queue[str] = Queue()
        self._thread = threading.Thread(target=self._read, name=f"{what}-said", daemon=True)
        self._thread.start()

    def line(self, timeout_s: float) -> str:
        """The next line.

        Raises:
            HaduaError: none in time, or the process has ended.
        """
        with suppress(Empty):
            if line := self._lines.get(timeout=timeout_s):
                return line
        code = self.process.poll()
        raise HaduaError(
            f"the {self._what} of the measurement",
            got="no word" if code is None else f"its end with code {code}",
            expected=f"a line within {timeout_s:.0f} s",
        )

    def _read(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put("")


@contextmanager
def service(
    people: int, flags: Sequence[str], *, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """A service of its own, on a free port, that keeps nothing; its address and process id.

    `settings` are further variables of its environment.
    """
    with tempfile.TemporaryDirectory(prefix="hadua-certify-") as folder:
        own = {
            "HADUA_MAX_SESSIONS": str(people),
            "HADUA_OUTLET": "false",
            "HADUA_REQUESTS_PER_S": "10000",
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HADUA_")}
        command = ("hadua.service.cli.serve", "--port", "0", "--data-dir", folder, *flags)
        with _running(
            command, "service", kept | own | dict(settings or {}), Path(folder) / "service.log"
        ) as told:
            line = told.line(_READY_S)
            found = re.search(r"hadua is ready: (http://\S+)", line)
            if found is None:
                raise HaduaError("the service of the measurement", got=repr(line.strip()))
            yield found[1], told.process.pid


@contextmanager
def devices(prefix: str, load: Load, *, seconds: float) -> Iterator[Told]:
    """The synthetic amplifiers and trackers; they send from the moment that they say so."""
    command = (
        *("hadua.service.certify.load", prefix, "--people", str(load.people)),
        *("--channels", str(load.channels), "--rate", str(load.rate_hz)),
        *("--seconds", str(seconds)),
    )
    with tempfile.TemporaryDirectory(prefix="hadua-certify-") as folder:
        log = Path(folder) / "devices.log"
        with _running(command, "synthetic devices", dict(os.environ), log) as told:
            if "ready" not in json.loads(told.line(_READY_S)):
                raise HaduaError("the synthetic devices of the measurement", got="another word")
            yield told


@contextmanager
def _running(
    command: Sequence[str], what: str, environment: dict[str, str], log: Path
) -> Iterator[Told]:
    with log.open("wb") as errors:
        process = subprocess.Popen(
            (sys.executable, "-m", *command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
    try:
        yield Told(process, what)
    except HaduaError as error:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        if last:
            error.add_note(f"its last words: {last[0]}")
        raise
    finally:
        if process.stdin is not None:
            process.stdin.close()  # which ends the devices
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
