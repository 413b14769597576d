"""What commands share that look into the database of a service, running or not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError, UsageError

if TYPE_CHECKING:
    from hadua.service.storage.storage import Storage

DATA_DIR = Path("hadua-data")
DataDir = Annotated[Path, typer.Option(envvar="HADUA_DATA_DIR", help="Data folder of the service.")]
Database = Annotated[
    str | None, typer.Option(envvar="HADUA_DATABASE", help="URL of its database, if it has one.")
]


@contextmanager
def stored(
    command: str, data_dir: Path, database: str | None, *, begin: bool = False
) -> Iterator["Storage"]:
    """What a service keeps; errors end the command in words.

    Args:
        command: As in `hadua tokens`, for the words.
        data_dir: Its data folder, which must be there.
        database: URL of its database, or None.
        begin: Make the folder where it is not there: whoever comes first need not have measured.
    """
    from hadua.service.storage.storage import Storage

    try:
        if begin and database is None:
            data_dir.mkdir(parents=True, exist_ok=True)
        if database is None and not data_dir.is_dir():
            raise UsageError(
                f"data folder {str(data_dir)!r} is not there",
                hint="Say where it is with --data-dir, or start hadua-serve once.",
            )
        storage = Storage.open(data_dir, url=database, unix_clock=time.time)
        try:
            yield storage
        finally:
            storage.close()
    except HaduaError as error:
        typer.echo(f"{command}: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
