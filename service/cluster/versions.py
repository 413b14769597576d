"""What a node computes with: two nodes that differ in any of it may give different numbers."""

from collections.abc import Mapping

from hadua.service.evaluation.plan import code_hash
from hadua.service.evaluation.provenance import versions

_COUNT = ("hadua", "python", "numpy", "torch")


def versions_here() -> dict[str, str]:
    """Versions of this process, and a hash of the code that learns."""
    there = versions()
    return {name: there[name] or "none" for name in _COUNT} | {"code": code_hash()[:12]}


def differences(
    found: Mapping[str, str], expected: Mapping[str, str]
) -> tuple[tuple[str, str, str], ...]:
    """What differs: name, what was found, what was expected."""
    names = [*expected, *(name for name in found if name not in expected)]
    each = ((name, found.get(name, "none"), expected.get(name, "none")) for name in names)
    return tuple(row for row in each if row[1] != row[2])
