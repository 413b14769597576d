"""The page of commands, from the commands themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

from typer.core import TyperGroup
from typer.main import get_command

from hadua.service.cli import serve
from hadua.service.cli.main import build

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Command:
    """What can be typed.

    Args:
        name: All words of it, as `hadua tokens add`.
        help: What its `--help` says.
        flags: Each flag with what is said of it.
    """

    name: str
    help: str
    flags: dict[str, str]


def commands() -> Iterator[Command]:
    """Every command; groups before what they hold."""
    for name, app in (("hadua", build([])), ("hadua-serve", serve.app)):
        waiting = [(name, get_command(app))]
        while waiting:
            words, command = waiting.pop(0)
            context = command.make_context(
                words, [], resilient_parsing=True, terminal_width=_WIDTH, max_content_width=_WIDTH
            )
            told = {
                flag: getattr(parameter, "help", None) or ""
                for parameter in command.params
                for flag in (*parameter.opts, *parameter.secondary_opts)
                if flag.startswith("-")
            }
            yield Command(words, command.get_help(context), told | {"--help": "Show it."})
            if isinstance(command, TyperGroup):
                below = [(f"{words} {child}", it) for child, it in command.commands.items()]
                waiting = below + waiting


def commands_page() -> str:
    """What `--help` of every command says."""
    parts = [
        "# Commands",
        "What `--help` says of each. Exit codes: 0 done, 1 the work failed, 2 bad usage.",
    ]
    parts += [f"## {each.name}\n\n```text\n{each.help}\n```" for each in commands()]
    return "\n\n".join(parts) + "\n"
