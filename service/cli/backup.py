"""`hadua backup` and `hadua restore`: the data folder in one file, and back."""

import time
from pathlib import Path
from typing import Annotated

import typer

from hadua.models.errors import HaduaError
from hadua.service.cli.stored import DATA_DIR, DataDir


def backup(
    out: Annotated[Path, typer.Argument(help="File to write, as hadua-2026-11-26.zip.")],
    data_dir: DataDir = DATA_DIR,
    recordings: Annotated[bool, typer.Option(help="Recordings of raw signals too.")] = False,
) -> None:
    """Write the data folder into one file.

    The service may go on meanwhile.

    Whoever has the file has everything about the participants: keep it as you keep the folder.
    A PostgreSQL database is backed up by its own tools.
    """
    from hadua.service.backup import back_up

    try:
        done = back_up(data_dir, out, recordings=recordings, now_unix=time.time())
    except HaduaError as error:
        typer.echo(f"hadua backup: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    typer.echo(f"{out}: {done.files} files, {done.bytes / 1e6:.1f} MB")


def restore(
    archive: Annotated[Path, typer.Argument(help="File that hadua backup has written.")],
    data_dir: Annotated[Path, typer.Option(help="New or empty folder.")],
) -> None:
    """Make a data folder from a back-up.

    It is whole and checked, or not made at all.
    """
    from hadua.service.backup import restore as make_anew

    try:
        done = make_anew(archive, data_dir)
    except HaduaError as error:
        typer.echo(f"hadua restore: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    typer.echo(f"{data_dir}: {done.files} files, {done.bytes / 1e6:.1f} MB")
