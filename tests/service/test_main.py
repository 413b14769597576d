"""`hadua` imports the command that is named, and knows all of them."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hadua.service.cli.main import _COMMANDS, build


def test_the_service_is_a_command_too() -> None:
    result = CliRunner().invoke(build(["serve"]), ["serve", "--help"])
    assert result.exit_code == 0
    assert "--demo" in result.output


def test_the_list_of_commands_says_what_each_does_in_a_line() -> None:
    result = CliRunner().invoke(
        build([]), ["--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    )
    listed = result.output.split("Commands:")[1].splitlines()
    assert [line for line in listed if line.endswith("...")] == []
    assert {line.split()[0] for line in listed if line.strip()} == set(_COMMANDS)


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_every_command_has_help_and_imports_nothing_heavy_for_it(name: str) -> None:
    script = (
        "import sys; sys.argv = ['hadua', *sys.argv[1:]]\n"
        "from hadua.service.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n"
        "    heavy = {'torch', 'scipy', 'onnxruntime', 'fastapi'} & set(sys.modules)\n"
        "    sys.exit(f'imported {heavy}' if heavy else end.code)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, name, "--help"],
        capture_output=True,
        text=True,
        timeout=30.0,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Usage: hadua" in result.stdout
    assert len(result.stdout.splitlines()) <= 40  # it fits a screen
