"""`hadua evaluate`: how well methods follow people they were not trained on, fold by fold."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hadua.models.errors import HaduaError, RuntimeUnavailableError, UsageError

if TYPE_CHECKING:
    from hadua.calibration.protocols import ProtocolName
    from hadua.service.evaluation.computing import OnProgress
    from hadua.service.evaluation.plan import Plan
    from hadua.service.evaluation.results import Evaluation
    from hadua.service.evaluation.run import Request

_INTERRUPTED = 130


class DatasetOption(StrEnum):
    """What can be evaluated on."""

    SYNTHETIC = "synthetic"
    OFFICIAL = "official"
    SEED = "seed"
    SEED_IV = "seed-iv"
    SEED_V = "seed-v"
    SEED_VII = "seed-vii"
    MUSE_SSVEP = "muse-ssvep"
    OWN = "own"


class SplitOption(StrEnum):
    """Who and what is left out."""

    LOSO = "loso"
    BOTH = "leave-subject-and-stimulus-out"


def evaluate(
    dataset: Annotated[DatasetOption, typer.Option(help="What to evaluate on.")],
    out: Annotated[Path, typer.Option(help="Folder of the results.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    methods: Annotated[str, typer.Option(help="a,b,c or all [baselines and ours].")] = "",
    protocols: Annotated[
        str, typer.Option(help="Some of them.")
    ] = "transductive,inductive,prequential",
    split: Annotated[
        SplitOption, typer.Option(help="What is left out.", metavar="SPLIT")
    ] = SplitOption.LOSO,
    seeds: Annotated[int, typer.Option(help="How many.")] = 5,
    first_seed: Annotated[int, typer.Option(help="Where they begin.")] = 0,
    people: Annotated[int | None, typer.Option(help="Use this many [all].")] = None,
    validation: Annotated[int, typer.Option(help="People who set the temperature.")] = 1,
    epochs: Annotated[int, typer.Option(help="Passes over the source.")] = 6,
    context: Annotated[int, typer.Option(help="Windows looked at.")] = 8,
    steps: Annotated[int, typer.Option(help="Steps of an adaptation.")] = 120,
    online_steps: Annotated[int, typer.Option(help="Steps after each block.")] = 6,
    block: Annotated[int | None, typer.Option(help="Windows of a block [a trial].")] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(help="Try each value; repeatable.", metavar="NAME=A,B")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Folds at a time [cores].")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Ray head that computes instead.", metavar="HOST:PORT")
    ] = None,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Read pickles; they can run code.")
    ] = False,
    leaky: Annotated[bool, typer.Option("--leaky", help="Add best step on test labels.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say the result as JSON.")] = False,
) -> None:
    """Score methods on people left out. A run that was stopped goes on with the same command."""
    try:
        _require_packages(plots=not no_plots)
        from hadua.service.evaluation.run import Request

        plan = _plan(
            dataset, methods, protocols, split, seeds, first_seed, people, validation, epochs,
            context, steps, online_steps, block, leaky=leaky,
        )  # fmt: skip
        request = Request(
            out=out,
            root=root,
            jobs=_least("--jobs", os.cpu_count() or 1 if jobs is None else jobs, 1),
            cluster=cluster,
            allow_pickle=allow_pickle,
            fresh=fresh,
            plots=not no_plots,
            command=("hadua", *sys.argv[1:]),
        )
        if sweep:
            said = _sweep(plan, sweep, request, as_json=as_json)
        else:
            evaluation = _run(plan, request, shown=not as_json)
            said = json.dumps(_plain(evaluation, out)) if as_json else _text(evaluation, out)
    except HaduaError as error:
        typer.echo(f"hadua evaluate: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo(
            f"hadua evaluate: stopped. Finished folds are kept in {str(out)!r}; the same command "
            "goes on from there.",
            err=True,
        )
        raise typer.Exit(_INTERRUPTED) from None
    typer.echo(said)


def _plan(
    dataset: DatasetOption,
    methods: str,
    protocols: str,
    split: SplitOption,
    seeds: int,
    first_seed: int,
    people: int | None,
    validation: int,
    epochs: int,
    context: int,
    steps: int,
    online_steps: int,
    block: int | None,
    *,
    leaky: bool,
) -> "Plan":
    """Check what can be checked before anything is read."""
    from hadua.service.evaluation.methods import DEFAULT
    from hadua.service.evaluation.plan import Plan, known_methods

    everything = tuple(method.name for method in known_methods())
    if people is not None:
        _least("--people", people, 2)
    if context == 2:
        raise UsageError("--context", got="2", expected="1, or 3 and more")
    return Plan(
        dataset=dataset.value,
        methods=everything if methods == "all" else _names("--methods", methods) or DEFAULT,
        protocols=_protocols(protocols),
        split=split.value,
        seeds=_least("--seeds", seeds, 1),
        first_seed=_least("--first-seed", first_seed, 0),
        people=people,
        epochs=_least("--epochs", epochs, 1),
        context=_least("--context", context, 1),
        steps=_least("--steps", steps, 0),
        online_steps=_least("--online-steps", online_steps, 0),
        block=None if block is None else _least("--block", block, 1),
        validation=_least("--validation", validation, 0),
        leaky=leaky,
    )


def _protocols(text: str) -> "tuple[ProtocolName, ...]":
    from hadua.calibration.protocols import PROTOCOL_NAMES

    asked = _names("--protocols", text)
    for name in asked:
        if name not in PROTOCOL_NAMES:
            expected = f"some of {', '.join(PROTOCOL_NAMES)}"
            raise UsageError("--protocols", got=repr(name), expected=expected)
    if not asked:
        raise UsageError("--protocols", got="none", expected="at least one")
    return tuple(name for name in PROTOCOL_NAMES if name in asked)


def _names(flag: str, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if len(set(names)) < len(names):
        raise UsageError(flag, got=repr(text), expected="each name once")
    return names


def _least(flag: str, value: int, least: int) -> int:
    if value < least:
        raise UsageError(flag, got=f"{value}", expected=f"{least} or more")
    return value


def _require_packages(*, plots: bool) -> None:
    """Fail before hours of work rather than after."""
    for package in ("torch", *(("matplotlib", "sklearn") if plots else ())):
        if find_spec(package) is None:
            raise RuntimeUnavailableError(
                f"this evaluation needs the package {package!r}",
                got="not installed",
                hint="In a clone, `make dev` brings all of it."
                + ("" if package == "torch" else " Or leave the plots out with --no-plots."),
            )


def _run(plan: "Plan", request: "Request", *, shown: bool) -> "Evaluation":
    from hadua.service.evaluation.run import run

    with _progress(shown=shown) as on_progress:
        return run(plan, request, on_progress=on_progress)


def _sweep(plan: "Plan", sweep: Sequence[str], request: "Request", *, as_json: bool) -> str:
    from hadua.service.evaluation.sweep import Axis, run_sweep, sweep_table

    axes = [Axis.of(text) for text in sweep]
    with _progress(shown=not as_json) as on_progress:
        found = run_sweep(plan, axes, request, on_progress=on_progress)
    if as_json:
        each = {name: _plain(one, request.out / name) for name, one in found.items()}
        return json.dumps({"out": str(request.out), "settings": each})
    return f"{sweep_table(found)}\nAll of it is in {request.out}"


@contextmanager
def _progress(*, shown: bool) -> "Iterator[OnProgress]":
    """A bar per stage on standard error, with the time left and what was found so far."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    left = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    note_of = TextColumn("{task.fields[note]}")
    console = Console(stderr=True)
    with Progress(*columns, *left, note_of, console=console, disable=not shown) as bars:
        tasks: dict[str, TaskID] = {}

        def on_progress(what: str, done: int, total: int, note: str = "") -> None:
            if what not in tasks:
                # Begun with what an earlier run finished, which says nothing about the pace.
                tasks[what] = bars.add_task(what, total=total, completed=done, note=note)
            bars.update(tasks[what], completed=done, total=total, note=note)

        yield on_progress


def _plain(evaluation: "Evaluation", out: Path) -> dict[str, object]:
    names = ("method", "protocol", "n_people", "n_seeds", "mean", "sd", "worst", "p_holm")
    rows = [{name: getattr(row, name) for name in names} for row in evaluation.rows]
    return {"out": str(out), "protocol": evaluation.provenance.protocol, "rows": rows}


def _text(evaluation: "Evaluation", out: Path) -> str:
    from hadua.service.evaluation.table import table

    return f"{table(evaluation.rows)}\nAll of it is in {out}"
