"""What a result was made with and from, so that it can be made again and defended."""

import hashlib
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, JsonValue

from hadua.models.errors import InvalidInputError
from hadua.models.features import FeatureSpec

_PACKAGES = ("hadua", "numpy", "torch", "scipy", "scikit-learn", "matplotlib", "onnxruntime")
_GIT_TIMEOUT_S = 10.0
_STORED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class DataOrigin:
    """Where the windows come from: files, or a generator.

    Args:
        name: Name of the data set.
        files: sha256 of every file by its path below the data set's folder.
        generator_seed: What it was generated with, if it was.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STORED

    name: str
    files: Mapping[str, str]
    generator_seed: int | None


@dataclass(frozen=True, slots=True)
class FeatureOrigin:
    """The definition of one modality's features.

    Args:
        modality: `eeg` or `eye`.
        definition: Name and version.
        n_features: How many.
        window_s: Length of a window.
        hop_s: From one window to the next.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STORED

    modality: str
    definition: str
    n_features: int
    window_s: float
    hop_s: float

    @classmethod
    def of(cls, spec: FeatureSpec) -> "FeatureOrigin":
        """What matters of a spec."""
        return cls(str(spec.modality), spec.label, len(spec.names), spec.window_s, spec.hop_s)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every result file carries.

    Args:
        versions: Of this package, Python and what computes, by name; None if not installed.
        platform: Operating system, processor and number of cores, in words.
        git_revision: Commit of the source, `-dirty` behind it if the tree differs; None if the
            package runs from no checkout.
        started: When, ISO 8601, UTC.
        command: The command line.
        seeds: Of every random number.
        data: Where the windows come from.
        features: What the windows hold.
        protocol: How people and stimuli were split, in words.
        methods: All settings of every method by its name.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STORED

    versions: Mapping[str, str | None]
    platform: str
    git_revision: str | None
    started: str
    command: tuple[str, ...]
    seeds: tuple[int, ...]
    data: DataOrigin
    features: tuple[FeatureOrigin, ...]
    protocol: str
    methods: Mapping[str, Mapping[str, JsonValue]]


def provenance(
    *,
    started: datetime,
    command: Iterable[str],
    seeds: Iterable[int],
    data: DataOrigin,
    specs: Iterable[FeatureSpec],
    protocol: str,
    methods: Mapping[str, Mapping[str, object]],
) -> Provenance:
    """Add to what only the caller knows what this machine says about itself.

    Raises:
        InvalidInputError: a setting that no file can hold, or a time without its zone.
    """
    if started.tzinfo is None:
        raise InvalidInputError("start of an evaluation", got=f"{started}", expected="a time zone")
    return Provenance(
        versions=versions(),
        platform=f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores",
        git_revision=git_revision(Path(__file__).parent),
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        command=tuple(command),
        seeds=tuple(seeds),
        data=data,
        features=tuple(FeatureOrigin.of(spec) for spec in specs),
        protocol=protocol,
        methods={
            name: {key: plain(value, where=f"{name}.{key}") for key, value in settings.items()}
            for name, settings in methods.items()
        },
    )


def versions() -> dict[str, str | None]:
    """Versions of what computes, found without importing it."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def git_revision(folder: Path) -> str | None:
    """Commit that a folder of tracked files is at, with `-dirty` if anything differs from it.

    A folder that only lies below some checkout, as an installed package may, has none.
    """
    if not _git(folder, "ls-files", "--", "."):
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    if not commit or changes is None:
        return None
    return f"{commit}-dirty" if changes else commit


def sha256_of(paths: Iterable[Path], *, root: Path) -> dict[str, str]:
    """Hash files; the keys are their paths below `root`, with forward slashes, in order."""
    hashes = {}
    for path in sorted(paths):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        hashes[path.relative_to(root).as_posix()] = digest.hexdigest()
    return hashes


def plain(value: object, *, where: str) -> JsonValue:
    """Turn a setting into what JSON holds: dataclasses become objects, tuples become lists.

    Raises:
        InvalidInputError: a value of another type, or a number that is not finite.
    """
    if isinstance(value, Enum):
        return plain(value.value, where=where)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | np.integer | np.floating):
        return _number(value, where=where)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value), where=where)
    if isinstance(value, Mapping):
        return {str(k): plain(v, where=f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v, where=f"{where}[{k}]") for k, v in enumerate(value)]
    raise InvalidInputError(
        f"setting {where!r}",
        got=f"a {type(value).__name__}",
        expected="numbers, texts, lists, mappings or dataclasses of these",
    )


def _number(value: float | np.integer | np.floating, *, where: str) -> JsonValue:
    if isinstance(value, np.integer):
        return int(value)
    if not math.isfinite(value):
        raise InvalidInputError(f"setting {where!r}", got=f"{value}", expected="a finite number")
    return float(value)


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of git in a folder; None if there is no git, no checkout, or no answer in time."""
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            env={k: v for k, v in os.environ.items() if k not in elsewhere},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
