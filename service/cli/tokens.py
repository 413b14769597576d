"""`hadua tokens`: who may use a service that others on the network can reach."""

import re
import time
from typing import Annotated

import msgspec
import typer

from hadua.models.errors import UsageError
from hadua.service.access.roles import Role
from hadua.service.cli.stored import DATA_DIR, Database, DataDir, stored
from hadua.service.config import IDENTIFIER

app = typer.Typer(
    help="Tokens of a service that others on the network can reach.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, typer.Argument(help="Whose: a person or a program.")]
_COMMAND = "hadua tokens"


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="viewer, operator or admin.")] = Role.VIEWER,
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
) -> None:
    """Make a token and show it, this once."""
    with stored(_COMMAND, data_dir, database) as storage:
        typer.echo(storage.add_token(_checked(name), role))


@app.command("list")
def show(
    data_dir: DataDir = DATA_DIR,
    database: Database = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the tokens in force; none is ever shown."""
    with stored(_COMMAND, data_dir, database) as storage:
        known = list(storage.tokens().values())
    if json:
        typer.echo(msgspec.json.encode(known).decode())
        return
    for each in known:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.created_unix))
        typer.echo(f"{each.name:24} {each.role:10} since {since}")
    if not known:
        typer.echo("No token is in force.", err=True)


@app.command()
def revoke(name: Name, data_dir: DataDir = DATA_DIR, database: Database = None) -> None:
    """Take a token out of force; a running service notices within two seconds."""
    with stored(_COMMAND, data_dir, database) as storage:
        storage.revoke_token(name)


def _checked(name: str) -> str:
    if not re.fullmatch(IDENTIFIER, name):
        raise UsageError(
            "name of a token", got=repr(name), expected="1 to 64 letters, digits, '_' or '-'"
        )
    return name
