"""The reference leaves nothing out: no command, flag, metric, route or public name is untold."""

import pytest
from reference_pages import pages
from reference_pages.commands import Command, commands
from reference_pages.python import PUBLIC

from hadua.service.app import create_app
from hadua.service.asyncapi import frames
from hadua.service.metrics import Metrics

PAGES = pages()
COMMANDS = [pytest.param(each, id=each.name) for each in commands()]
OPERATIONS = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for path, operations in create_app(lambda: pytest.fail("nothing is started"))
    .openapi()["paths"]
    .items()
    for method, operation in operations.items()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_described(command: Command) -> None:
    assert [flag for flag, told in command.flags.items() if not told] == []
    assert f"## {command.name}\n" in PAGES["reference/commands.md"]


def test_every_metric_is_described() -> None:
    page = PAGES["reference/metrics.md"]
    for family in Metrics().registry.collect():
        assert family.documentation.endswith(".")
        assert f"`{family.name}" in page
        assert family.documentation in page


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_route_and_parameter_is_described(
    method: str, path: str, operation: dict[str, list[dict[str, str]]]
) -> None:
    assert operation["description"]
    for parameter in operation.get("parameters", []):
        assert parameter.get("description"), f"{parameter['name']} is not described"
    assert f"### `{method.upper()} {path}`" in PAGES["reference/rest.md"]


def test_every_frame_is_described() -> None:
    page = PAGES["reference/frames.md"]
    for tag, frame in frames().items():
        assert f"### {frame.__name__}\n\n`type` is `{tag}`." in page


def test_every_public_name_is_there_with_its_docstring() -> None:
    page = PAGES["reference/python.md"]
    for path in PUBLIC:
        name = path.rpartition(".")[2]
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert len(section.splitlines()) > 4, f"{name} says nothing of itself"
