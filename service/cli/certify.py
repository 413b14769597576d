"""`hadua certify`: measures which rates and latencies this machine holds, and writes it down."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hadua.models.errors import HaduaError, UsageError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from hadua.service.certify.run import Asked


def certify(
    out: Annotated[Path, typer.Option(help="Folder of the certificate.")] = Path("certificate"),
    minutes: Annotated[float, typer.Option(help="Of measurement, all levels together.")] = 4.0,
    people: Annotated[str, typer.Option(help="Levels: sessions at once.")] = "1,2,4,8",
    channels: Annotated[int, typer.Option(help="EEG channels of each.")] = 62,
    rate: Annotated[float, typer.Option(help="EEG samples a second.")] = 1000.0,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder [demo bundle].")] = None,
    p99_ms: Annotated[float, typer.Option(help="Limit of 99 in 100 decisions.")] = 50.0,
    p999_ms: Annotated[float, typer.Option(help="Limit of 999 in 1000.")] = 100.0,
    lag_ms: Annotated[float, typer.Option(help="Limit of the event loop's lag, p99.")] = 25.0,
    lost: Annotated[int, typer.Option(help="Limit of what may be lost.")] = 0,
    data_dir: Annotated[Path, typer.Option(help="Where the seal's key is.")] = Path("hadua-data"),
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Look whether one is unchanged.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the result as JSON.")] = False,
) -> None:
    """Load this machine with synthetic devices; say what it holds. Exit code 1: a limit broke."""
    from hadua.service.certify.measured import Limits
    from hadua.service.certify.run import Asked

    try:
        if check is not None:
            told = _checked(check, data_dir)
        else:
            asked = Asked(
                out=out,
                data_dir=data_dir,
                minutes=minutes,
                people=_levels(people),
                channels=channels,
                rate_hz=rate,
                limits=Limits(p99_ms, p999_ms, lag_ms, lost),
                bundle=bundle,
                command=("hadua", *sys.argv[1:]),
            )
            told = _run(asked, shown=not as_json)
    except HaduaError as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        typer.echo(f"hadua certify: {error}{notes}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(json.dumps(told) if as_json else _text(told, check or out))
    if check is None and not told["passed"]:
        raise typer.Exit(1)


def _checked(path: Path, data_dir: Path) -> "dict[str, JsonValue]":
    from hadua.service.certify.certificate import KEY, key_of, require_intact

    if not (data_dir / KEY).exists():
        raise UsageError(
            f"--data-dir {str(data_dir)!r}",
            got=f"no {KEY} in it",
            expected="the data folder of the installation that sealed it",
        )
    return require_intact(path, key=key_of(data_dir))


def _levels(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise UsageError("--people", got=repr(text), expected="numbers, as 1,2,4,8") from None


def _run(asked: "Asked", *, shown: bool) -> "dict[str, JsonValue]":
    from hadua.service.certify.run import run

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bars:
        tasks: dict[str, TaskID] = {}

        def on_progress(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=1.0)
            bars.update(tasks[what], completed=share)

        return run(asked, on_progress=on_progress)


def _text(told: "dict[str, JsonValue]", where: Path) -> str:
    levels = told["levels"]
    each = levels if isinstance(levels, list) else []
    lines = [_line(level) for level in each if isinstance(level, dict)]
    return "\n".join([*lines, f"holds {told['holds_people']} at once; all of it is in {where}"])


def _line(level: "dict[str, JsonValue]") -> str:
    ms, failures = level["arrival_to_client_ms"], level["failures"]
    told = ms.items() if isinstance(ms, dict) else ()
    figures = ", ".join(f"{name} {value} ms" for name, value in told)
    why = "; ".join(map(str, failures)) if isinstance(failures, list) else ""
    return (
        f"{level['people']} at once, {level['channels']} channels x {level['rate_hz']} Hz: "
        f"{level['decisions_per_s']} decisions/s, {figures}: "
        + ("pass" if level["passed"] else f"FAIL: {why}")
    )
