"""Five amplifiers that are killed, frozen, changed and doubled, and one service that they feed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hadua.adapters.sources.clock import lsl_now_s

SENDER = Path(__file__).with_name("eeg_sender.py")
RATE_HZ, OTHER_RATE_HZ = 250.0, 500.0

Fault = Literal["killed", "frozen", "relabelled", "another-rate", "doubled"]
FAULTS: tuple[Fault, ...] = ("killed", "frozen", "relabelled", "another-rate", "doubled")


@dataclass(slots=True)
class Sender:
    """One amplifier, what is done to it, and between which times nothing was measured.

    Args:
        fault: What happens to it; also the id of its session.
        source_id: Of its stream; the same whatever happens.
    """

    fault: Fault
    source_id: str
    changed: bool = False
    gap_s: tuple[float, float] = (0.0, 0.0)
    _child: subprocess.Popen[str] | None = None
    _twin: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Start to send; LSL time of the first sample."""
        self._child = self._spawn()
        return _first_s(self._child)

    def harm(self) -> float:
        """Do to it what is to be done; LSL time at which that was."""
        if self.fault == "doubled":
            self._twin = self._spawn()
            _first_s(self._twin)
            return lsl_now_s()
        at_s = lsl_now_s()
        self._send(signal.SIGSTOP if self.fault == "frozen" else signal.SIGKILL)
        self.gap_s = (at_s, at_s)
        return at_s

    def heal(self) -> float:
        """Let it send again; LSL time of its first sample, or at which its twin was ended."""
        if self.fault == "doubled":
            ended_s = lsl_now_s()
            _end(self._twin)
            self._twin = None
            return ended_s
        if self.fault == "frozen":
            self._send(signal.SIGCONT)
            first_s = _first_s(self._child)
        else:
            _end(self._child)
            self.changed = self.fault != "killed" and not self.changed
            first_s = self.start()
        self.gap_s = (self.gap_s[0], first_s)
        return first_s

    def end(self) -> None:
        """End it, and its twin."""
        for child in (self._child, self._twin):
            _end(child)

    def _spawn(self) -> subprocess.Popen[str]:
        rate_hz = OTHER_RATE_HZ if self.changed and self.fault == "another-rate" else RATE_HZ
        command = [sys.executable, str(SENDER), self.source_id, "--rate", str(rate_hz)]
        if self.changed and self.fault == "relabelled":
            command.append("--reversed")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None:
            os.kill(self._child.pid, number)


@contextmanager
def five_senders(unique: str) -> Iterator[list[Sender]]:
    """One for each fault, sending, until the block ends."""
    senders = [Sender(fault, f"{fault}-{unique}") for fault in FAULTS]
    try:
        for sender in senders:
            sender.start()
        yield senders
    finally:
        for sender in senders:
            sender.end()


@dataclass(slots=True)
class Serving:
    """A service with a session for each sender, and where it logs to."""

    url: str
    log: Path
    sources: Mapping[str, str] = field(default_factory=dict)

    def logged(self) -> list[dict[str, object]]:
        """What it has logged about streams."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        said = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in said if line.get("logger") == "hadua.streams"]


@contextmanager
def service(folder: Path) -> Iterator[Serving]:
    """`hadua-serve` on a free port, with no session yet."""
    command = [sys.executable, "-m", "hadua.service.cli.serve", "--port", "0"]
    log = folder / "log.jsonl"
    environment = {**os.environ, "HADUA_LOG_JSON": "true", "OMP_NUM_THREADS": "1"}
    with log.open("w", encoding="utf-8") as errors:
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=environment,
        )
    try:
        line = "" if child.stdout is None else child.stdout.readline()
        if not line.startswith("hadua is ready: "):
            raise SystemExit(f"hadua-serve did not become ready: {log.read_text()}")
        yield Serving(line.removeprefix("hadua is ready: ").strip(), log)
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=10.0)
        finally:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()


def _first_s(child: subprocess.Popen[str] | None) -> float:
    if child is None or child.stdout is None or not (line := child.stdout.readline()):
        raise SystemExit("a sender did not start")
    return float(json.loads(line)["first_s"])


def _end(child: subprocess.Popen[str] | None) -> None:
    if child is None:
        return
    child.kill()
    child.wait()
    if child.stdout is not None:
        child.stdout.close()
