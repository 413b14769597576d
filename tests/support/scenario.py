"""Scenarios: long rows of steps, drawn from a seed, written down and read again."""

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

SIGNAL_FAULTS = (
    "nan", "inf", "flat", "railed", "one-bad", "slow", "drift", "jitter", "doubled", "reordered",
    "holes",
)  # fmt: skip
STEPS: dict[str, float] = {
    "feed": 30.0, "fault": 16.0, "start": 8.0, "stop": 3.0, "lose": 3.0, "freeze": 3.0,
    "clock": 4.0, "swap": 2.0, "end": 1.0, "crash": 1.0, "marker": 4.0, "label": 2.0,
    "record": 2.0, "connect": 3.0, "leave": 2.0, "deaf": 1.0, "rude": 1.0, "flood": 1.0,
    "lock": 1.0, "slow-disk": 1.0, "erase": 1.0, "consent": 1.0, "withdraw": 1.0, "ask": 3.0,
    "restart": 0.5, "wall-clock": 0.5,
}  # fmt: skip
"""Each step and its weight where nothing is learnt."""
LEARNING: dict[str, float] = {
    "calibrate": 2.0, "collect": 2.0, "finish": 2.0, "accept": 2.0, "reject": 0.7, "cancel": 0.7,
    "adapt": 0.5, "rollback": 1.0, "kill-learner": 0.3,
}  # fmt: skip
"""Those that start processes, and what belongs to them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens.

    Args:
        name: Of `STEPS` or `LEARNING`.
        who: Whose session, client or stream; folded onto those that there are.
        size: From 0 to 1: how long, how much, which way.
        what: A fault's name, or another choice; empty where there is none.
    """

    name: str
    who: int = 0
    size: float = 0.5
    what: str = ""


def steps_of(seed: int, n: int, *, learning: bool) -> list[Step]:
    """So many steps; the same for a seed."""
    chance = random.Random(seed)
    weights = STEPS | (LEARNING if learning else {})
    names = chance.choices(list(weights), list(weights.values()), k=n)
    return [
        Step(name, chance.randrange(6), round(chance.random(), 3), _what(name, chance))
        for name in names
    ]


def _what(name: str, chance: random.Random) -> str:
    if name == "fault":
        return chance.choice(SIGNAL_FAULTS)
    if name == "start":
        return chance.choice(("both", "both", "both", "eeg", "gaze"))
    if name == "connect":
        return chance.choice(("latest", "lossless"))
    return chance.choice(("eeg", "gaze", "both"))


def save(path: Path, steps: list[Step]) -> None:
    """One step a line, so that a scenario can be cut down by hand."""
    lines = ",\n".join(json.dumps(asdict(step)) for step in steps)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def load(path: Path) -> list[Step]:
    """What was saved."""
    return [Step(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
