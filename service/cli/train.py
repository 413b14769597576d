"""`hadua train`: a bundle from recordings, with a card that says what its figures are worth."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hadua.models.cleaning import Cleaning, Reference
from hadua.models.errors import (
    HaduaError,
    InvalidInputError,
    RuntimeUnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from hadua.service.training.job import Report
    from hadua.service.training.kinds import DatasetName

OnProgress = Callable[[str, int, int], None]


class Asked(TypedDict):
    """The flags, as `Request` takes them."""

    dataset: "DatasetName"
    out: Path
    root: Path | None
    demo: bool
    people: int | None
    seconds: float | None
    seed: int
    context: int | None
    epochs: int | None
    replace: bool
    allow_pickle: bool
    licence: str | None
    data_licence: str | None
    check_set: bool
    cleaning: Cleaning | None
    keep_source: Path | None
    cluster: str | None


class Dataset(StrEnum):
    """What can be trained on."""

    SIM = "sim"
    MUSE_SSVEP = "muse-ssvep"
    SYNTHETIC = "synthetic"
    OWN = "own"
    SEED = "seed"
    SEED_IV = "seed-iv"
    SEED_V = "seed-v"
    SEED_VII = "seed-vii"
    OFFICIAL = "official"


class Preset(StrEnum):
    """Settings that belong together."""

    DEMO = "demo"


def train(
    dataset: Annotated[Dataset, typer.Option(help="What to train on.")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    preset: Annotated[Preset | None, typer.Option(help="Settings of the shipped demo.")] = None,
    people: Annotated[
        int | None, typer.Option(help="People to simulate [12; synthetic 15].")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds of each [240].")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Start of every random number.")] = 0,
    context: Annotated[int | None, typer.Option(help="Windows looked at [8; muse 3].")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data [sim 8; muse 40; else 6].")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a bundle there.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Read pickled features (SEED, SEED-V).")
    ] = False,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights.")] = None,
    data_licence: Annotated[str | None, typer.Option(help="Terms of the data.")] = None,
    notch: Annotated[float | None, typer.Option(help="EEG: mains to remove, 50 or 60.")] = None,
    high_pass: Annotated[float | None, typer.Option(help="EEG: remove what is slower, Hz.")] = None,
    average: Annotated[bool, typer.Option("--average", help="EEG: against its average.")] = False,
    rate: Annotated[float | None, typer.Option(help="EEG: bring to this rate, Hz.")] = None,
    check_set: Annotated[
        bool, typer.Option("--check-set", help="Carry some labelled windows of people put aside.")
    ] = False,
    keep_source: Annotated[
        Path | None, typer.Option(help="Keep the windows that trained it, for calibrations.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Ray head that trains instead.", metavar="HOST:PORT")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the result as JSON.")] = False,
) -> None:
    """Train a bundle; score it on people it did not see. The scores go into its card."""
    try:
        report = _run(
            shown=not as_json,
            dataset=dataset.value,
            out=out,
            root=root,
            demo=preset is Preset.DEMO,
            people=people,
            seconds=seconds,
            seed=seed,
            context=context,
            epochs=epochs,
            replace=replace,
            allow_pickle=allow_pickle,
            licence=licence,
            data_licence=data_licence,
            check_set=check_set,
            cleaning=_cleaning(rate, notch, high_pass, average=average),
            keep_source=keep_source,
            cluster=cluster,
        )
    except HaduaError as error:
        typer.echo(f"hadua train: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(json.dumps(report.to_plain()) if as_json else _text(report))


def _cleaning(
    rate_hz: float | None, notch_hz: float | None, high_pass_hz: float | None, *, average: bool
) -> Cleaning | None:
    """What is to be done to the EEG; None for nothing."""
    reference = Reference.AVERAGE if average else Reference.RECORDED
    try:
        cleaning = Cleaning(rate_hz, notch_hz, high_pass_hz, reference)
    except InvalidInputError as error:
        raise UsageError(error.what, got=error.got, expected=error.expected) from None
    return cleaning if cleaning.acts else None


def _run(*, shown: bool, **asked: Unpack[Asked]) -> "Report":
    """Train; what needs torch is imported only now, so that `hadua --help` does without."""
    for package in ("torch", "onnx"):
        if find_spec(package) is None:
            raise RuntimeUnavailableError(
                f"training needs the package {package!r}",
                got="not installed",
                hint="In a clone, `make dev` brings all of it. Else install torch by its exact "
                "version, then the rest: pip install torch==2.13.0, then 'hadua[cpu,train]'",
            )
    from hadua.service.training.job import run
    from hadua.service.training.request import Request

    with _progress(shown=shown) as on_progress:
        return run(Request(**asked), on_progress=on_progress)


@contextmanager
def _progress(*, shown: bool) -> Iterator[OnProgress]:
    """A bar per stage, with the time left, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    left = (TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *left, console=Console(stderr=True), disable=not shown) as bars:
        tasks: dict[str, TaskID] = {}

        def on_progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield on_progress


def _text(report: "Report") -> str:
    rows = [
        f"  {row.what}: accuracy {row.scores.accuracy:.3f}, macro-F1 {row.scores.macro_f1:.3f}, "
        f"chance {row.scores.chance:.3f} ({row.scores.n_windows} windows)"
        for row in report.outcome.rows
    ]
    return "\n".join([f"{report.bundle.id} is in {report.bundle.path}", *rows])
