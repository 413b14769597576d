"""`hadua`: the command for everything around the service; it imports what it is told to do."""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

_COMMANDS = {
    "serve": "hadua.service.cli.serve",
    "simulate": "hadua.service.cli.simulate",
    "train": "hadua.service.cli.train",
    "evaluate": "hadua.service.cli.evaluate",
    "export": "hadua.service.cli.export",
    "calibrate": "hadua.service.cli.calibrate",
    "doctor": "hadua.service.cli.doctor",
    "devices": "hadua.service.cli.devices",
    "participants": "hadua.service.cli.participants",
    "tokens": "hadua.service.cli.tokens",
    "backup": "hadua.service.cli.backup",
    "restore": "hadua.service.cli.backup",
    "record": "hadua.service.cli.record",
    "replay": "hadua.service.cli.replay",
    "verify": "hadua.service.cli.verify",
    "certify": "hadua.service.cli.certify",
    "bench": "hadua.service.cli.bench",
}


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command line with the command that `arguments` name; with all if they name none."""
    app = typer.Typer(
        help="Real-time emotion inference from EEG and eye tracking.",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_group)
    named = [name for name in arguments[:1] if name in _COMMANDS]
    for name in named or _COMMANDS:
        module = import_module(_COMMANDS[name])
        if hasattr(module, name):
            app.command(name)(getattr(module, name))
        else:  # a group of commands
            app.add_typer(module.app, name=name)
    return app


def main() -> None:
    """Entry point of `hadua`."""
    build(sys.argv[1:])(prog_name="hadua")


def _group() -> None:
    """Keep the commands a group, even if only one was imported."""
