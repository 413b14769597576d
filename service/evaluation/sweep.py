"""Settings tried against each other: every combination is an evaluation with a folder of its own.

Their folds are computed as one lot, so that no core waits for the last fold of a setting. A folder
is what `hadua evaluate` without a sweep would have made, and is gone on with in the same way; a
sweep that has got more values computes those alone.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hadua.models.errors import UsageError
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.computing import OnProgress
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import PROTOCOL_TITLES, PROTOCOLS, Evaluation
from hadua.service.evaluation.resume import WORK
from hadua.service.evaluation.run import Request, room, run_all
from hadua.service.evaluation.table import accuracy
from hadua.service.folder_lock import LOCK

SWEPT: Mapping[str, tuple[int, Callable[[Plan, int], Plan]]] = {
    "epochs": (1, lambda plan, n: replace(plan, epochs=n)),
    "context": (1, lambda plan, n: replace(plan, context=n)),
    "steps": (0, lambda plan, n: replace(plan, steps=n)),
    "online-steps": (0, lambda plan, n: replace(plan, online_steps=n)),
    "block": (1, lambda plan, n: replace(plan, block=n)),
    "validation": (0, lambda plan, n: replace(plan, validation=n)),
}
"""What can be swept, the least that it may be, and what it changes."""
MOST = 64
TABLE = "sweep.md"
_FOLDER = re.compile(rf"({'|'.join(SWEPT)})=[0-9]+(,({'|'.join(SWEPT)})=[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Axis:
    """Values of one setting.

    Args:
        name: As its flag is called.
        values: In the order of the table.
    """

    name: str
    values: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> "Axis":
        """From `NAME=VALUE,VALUE...`.

        Raises:
            UsageError: no such setting, or a value that it cannot have.
        """
        name, _, rest = text.partition("=")
        values = [part.strip() for part in rest.split(",")]
        known = name in SWEPT and all(v.isdecimal() and int(v) >= SWEPT[name][0] for v in values)
        if not known or len(set(values)) < len(values) or (name == "context" and "2" in values):
            raise UsageError(
                "--sweep",
                got=repr(text),
                expected=f"NAME=VALUE,VALUE with one of {', '.join(SWEPT)} and each value once",
            )
        return cls(name, tuple(map(int, values)))


def combinations(plan: Plan, axes: Sequence[Axis]) -> dict[str, Plan]:
    """The plan of every combination, by the name of its folder.

    Raises:
        UsageError: a setting twice, or too many combinations.
    """
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise UsageError("--sweep", got=", ".join(names), expected="each setting once")
    plans = {}
    for values in itertools.product(*(axis.values for axis in axes)):
        chosen = dict(zip(names, values, strict=True))
        folder = ",".join(f"{name}={value}" for name, value in chosen.items())
        own = plan
        for name, value in chosen.items():
            own = SWEPT[name][1](own, value)
        plans[folder] = own
    if len(plans) > MOST:
        raise UsageError("--sweep", got=f"{len(plans)} combinations", expected=f"{MOST} at most")
    return plans


def run_sweep(
    plan: Plan, axes: Sequence[Axis], request: Request, *, on_progress: OnProgress
) -> dict[str, Evaluation]:
    """Evaluate every combination; what earlier runs finished is not computed again.

    Raises:
        UsageError: flags that do not go together, or a folder with something else in it.
        RecordingError: a data set that cannot be read.
        HaduaError: folds that failed; the others are kept.
    """
    plans = combinations(plan, axes)
    _require_sweep(request.out)
    with room(request.out):
        evaluations = run_all(plans, request, on_progress=on_progress)
        found = dict(zip(plans, evaluations, strict=True))
        write_whole(request.out / TABLE, sweep_table(found).encode())
    return found


def sweep_table(found: Mapping[str, Evaluation]) -> str:
    """A row for every setting and method, a column for each protocol."""
    rows = [row for evaluation in found.values() for row in evaluation.rows]
    protocols = [p for p in PROTOCOLS if any(row.protocol == p for row in rows)]
    head = ["setting", "method", *(PROTOCOL_TITLES[p] for p in protocols)]
    lines = [head, ["---", "---", *("---:" for _ in protocols)]]
    for setting, evaluation in found.items():
        cells = {(row.method, row.protocol): row for row in evaluation.rows}
        for method, title in {row.method: row.title for row in evaluation.rows}.items():
            said = [accuracy(cells.get((method, p)), None) for p in protocols]
            lines.append([setting.replace(",", ", "), title, *said])
    note = (
        "Accuracy in per cent, mean ± sd over people (worst person). A setting that is chosen by "
        "these figures has seen the people that it was scored on: evaluate it on others."
    )
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", note, ""])


def _require_sweep(out: Path) -> None:
    there = [p.name for p in out.iterdir()] if out.is_dir() else []
    ours = (LOCK, TABLE, WORK)
    other = sorted(name for name in there if name not in ours and not _FOLDER.fullmatch(name))
    if other:
        raise UsageError(
            f"--out {str(out)!r}",
            got=f"a folder with {', '.join(other[:3])} in it",
            expected="a folder to make, an empty one, or one of a sweep to go on with",
        )
