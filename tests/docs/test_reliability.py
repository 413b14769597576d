"""Every fault that the page on reliability names has a test, and it is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:[\w/]+/)?test_\w+\.py)`|`(adapters/\w+)`|`(benchmarks/restarts\.py)`")
ASKED_FOR = (
    *("killed", "frozen", "slowed", "doubled", "reordered", "NaN", "infinity", "flat", "railed"),
    *("back or forward", "drift", "wrong rate", "disk full", "read-only", "slow", "held by"),
    *("kill -9", "no memory", "mute", "greedy", "malformed", "truncated", "swapped", "hostile"),
    *("never converges", "two hours"),
)
"""Of the list of faults that the service was to be proved against."""


def rows() -> list[list[str]]:
    """Fault, test, what is seen; of the table of faults."""
    part = TEXT.partition("## Faults")[2].partition("\nNot tested")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][1:]


def test_every_fault_names_a_test_that_is_there() -> None:
    for fault, tests, _ in rows():
        named = ["".join(groups) for groups in NAMED.findall(tests)]
        assert named or "scenarios" in tests, fault
        for name in named:
            found = [p for p in (ROOT / "tests").rglob(Path(name).name) if str(p).endswith(name)]
            assert found or (ROOT / name).exists(), (fault, name)


def test_every_fault_that_was_asked_for_is_there() -> None:
    faults = " ".join(fault for fault, _, _ in rows())
    assert [each for each in ASKED_FOR if each not in faults] == []
