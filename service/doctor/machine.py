"""The computer that the program really runs on, as `Host`."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path

from hadua.models.onnx_library import onnxruntime
from hadua.service.doctor.surroundings import Facts, Outcome, Room

_RULES = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"


class Machine:
    """This computer."""

    def facts(self) -> Facts:
        """What kind of computer it is."""
        major, minor, micro = sys.version_info[:3]
        # In a virtual environment of Windows, the firewall sees the Python that it was made from.
        base = str(getattr(sys, "_base_executable", sys.executable))
        return Facts(
            system=platform.system(),
            release=platform.release(),
            machine=platform.machine(),
            python=(major, minor, micro),
            bits=64 if sys.maxsize > 2**32 else 32,
            hadua=self.version_of("hadua") or "unknown",
            programs=(sys.executable, base),
        )

    def environment(self) -> Mapping[str, str]:
        """Environment variables."""
        return os.environ

    def read(self, path: Path) -> bytes | None:
        """A file's content; None if there is none, or none that may be read."""
        try:
            return path.read_bytes()
        except OSError:
            return None

    def command(self, *words: str, timeout_s: float) -> Outcome | None:
        """Run a program; None if there is no such program, or it does not end in time."""
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return Outcome(done.returncode, done.stdout)

    def firewall_rules(self) -> Sequence[str]:
        """Windows' firewall rules as the registry holds them; empty elsewhere."""
        if platform.system() != "Windows":
            return ()
        winreg = import_module("winreg")
        rules: list[str] = []
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _RULES) as key:
            for i in range(winreg.QueryInfoKey(key)[1]):
                rules.append(str(winreg.EnumValue(key, i)[1]))
        return rules

    def version_of(self, distribution: str) -> str | None:
        """Version of an installed package, or None."""
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return None

    def onnx_providers(self) -> Sequence[str]:
        """What ONNX Runtime can run on."""
        return list(onnxruntime().get_available_providers())

    def room(self, path: Path) -> Room:
        """Space on the disk of a path, or of what exists above it."""
        usage = shutil.disk_usage(_existing(path))
        return Room(free=usage.free, total=usage.total)

    def write_speed(self, path: Path, n_bytes: int) -> float:
        """Write so much into the folder, or what exists above it; bytes per second."""
        started_s = time.perf_counter()
        with tempfile.TemporaryFile(dir=_existing(path), prefix="hadua-doctor-") as file:
            file.write(bytes(n_bytes))
            file.flush()
            os.fsync(file.fileno())
        return n_bytes / max(time.perf_counter() - started_s, 1e-6)


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    for folder in (path, *path.parents):
        if folder.exists():
            return folder
    raise FileNotFoundError(f"no part of {path} exists")
