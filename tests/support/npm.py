"""A package of npm, fetched once, or a skip that says why not."""

import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path.home() / ".cache" / "hadua-tests" / "npm"


def npm_package(name: str, version: str) -> Path:
    """The folder of a package."""
    prefix = CACHE / f"{name.replace('/', '+')}@{version}"
    folder = prefix / "node_modules" / name
    if (folder / "package.json").is_file():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"npm is not there to fetch {name}")
    command = [npm, "install", "--silent", "--ignore-scripts", "--prefix", str(prefix),
               f"{name}@{version}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120.0, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm could not fetch {name}@{version}: {done.stderr[-200:]}")
    return folder
