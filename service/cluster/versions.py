"""What a node computes with: two nodes that differ in any of it may give different numbers."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from hadua.service.evaluation.learning_code import code_hash

_SERVE = ("hadua", "numpy", "onnxruntime")
_LEARN = ("hadua", "numpy", "torch")


def versions_here() -> dict[str, str]:
    """Of this process, for learning; with a hash of the code that does."""
    return _versions(_LEARN) | {"code": code_hash()[:12]}


def serving_versions_here() -> dict[str, str]:
    """Of this process, for inference."""
    return _versions(_SERVE)


def differences(
    found: Mapping[str, str], expected: Mapping[str, str]
) -> tuple[tuple[str, str, str], ...]:
    """What differs: name, what was found, what was expected."""
    names = [*expected, *(name for name in found if name not in expected)]
    each = ((name, found.get(name, "none"), expected.get(name, "none")) for name in names)
    return tuple(row for row in each if row[1] != row[2])


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    return {"python": python_version()} | {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
