"""`hadua bench`: how fast this machine does it, against floors and peers, and against before."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError, UsageError

if TYPE_CHECKING:
    from hadua.service.bench.history import Run, Worse
    from hadua.service.bench.row import Row


def bench(
    groups: Annotated[
        list[str] | None, typer.Argument(metavar="[GROUP]...", help="Rows to measure [all].")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say which groups there are.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="See that it runs; the figures are worth little.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(help="Of rows that listen [60]; 600 tell growth.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with 1 if a ratio is worse than before.")
    ] = False,
    save: Annotated[
        bool, typer.Option("--save", help="Append to the history, and keep the table.")
    ] = False,
    results: Annotated[
        Path | None, typer.Option(help="Folder of history.jsonl [the clone's].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Measure how fast this machine is, against floors and peers.

    All of a row is taken in the same run. Groups that --list marks need a clone. Peers are
    optional: a row whose peer is not installed says so. --check compares each ratio with the median
    of earlier runs on such a machine (history.jsonl) and allows 1.3 times that, from three runs on.
    See docs/benchmarks.md.
    """
    try:
        code = run(
            tuple(groups or ()),
            listed=listed,
            quick=quick,
            seconds=seconds,
            check=check,
            save=save,
            results=results,
            as_json=as_json,
        )
    except HaduaError as error:
        typer.echo(f"hadua bench: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    raise typer.Exit(code)


def run(
    names: tuple[str, ...],
    *,
    listed: bool,
    quick: bool,
    seconds: float | None,
    check: bool,
    save: bool,
    results: Path | None,
    as_json: bool,
) -> int:
    """Measure, say, keep and compare; the exit code."""
    from hadua.service.bench.effort import QUICK, THOROUGH
    from hadua.service.bench.history import worse_than_before
    from hadua.service.bench.keeping import Results
    from hadua.service.bench.row import machine
    from hadua.service.bench.suite import CLONE, chosen, measured

    groups = chosen(names)
    if listed:
        typer.echo(_listed({name: group.about for name, group in groups.items()}, as_json=as_json))
        return 0
    effort = QUICK if quick else THOROUGH
    if seconds is not None:
        effort = replace(effort, seconds=_sensible(seconds))
    kept = Results.of(results)
    if kept is None and (save or check):
        raise _nowhere()
    before = kept.history() if kept is not None else []
    about = machine()
    rows: list[Row] = []
    for name, made in measured(groups, effort):
        typer.echo(f"{name}: {len(made)} rows", err=True)
        rows += made
    now = _run(rows, about, CLONE)
    worse = worse_than_before(now, before) if check else []
    typer.echo(_as_json(rows, now, worse) if as_json else _as_text(rows, about, worse))
    if save and kept is not None:
        kept.keep(now, rows, whole=not names)
    return 1 if worse else 0


def _run(rows: "list[Row]", about: dict[str, str], clone: Path) -> "Run":
    from hadua.service.bench.history import Run, commit_of, ratios_of

    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Run(when, commit_of(clone), about, ratios_of(rows))


def _as_text(rows: "list[Row]", about: dict[str, str], worse: "list[Worse]") -> str:
    from hadua.service.bench.row import markdown, missed

    parts = [markdown(rows, about)]
    if short := missed(rows):
        parts.append(f"{len(short)} of the targets are missed: " + "; ".join(r.name for r in short))
    parts += [f"worse than before: {each}" for each in worse]
    return "\n".join(parts)


def _as_json(rows: "list[Row]", now: "Run", worse: "list[Worse]") -> str:
    from hadua.service.bench.history import plain

    said = {
        "when": now.when,
        "commit": now.commit,
        "machine": dict(now.machine),
        "rows": [plain(row) for row in rows],
        "worse": [str(each) for each in worse],
    }
    return json.dumps(said)


def _listed(about: dict[str, str], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(about)
    return "\n".join(f"{name:<12} {words}" for name, words in about.items())


def _sensible(seconds: float) -> float:
    if not 1.0 <= seconds <= 24 * 3600.0:
        raise UsageError("--seconds", got=f"{seconds:g}", expected="1 to 86400")
    return seconds


def _nowhere() -> UsageError:
    return UsageError(
        "history of benchmarks",
        got="an installed package, which has none",
        expected="a folder for it",
        hint="Name one: --results DIR.",
    )
