"""What README and docs tell people to type can be typed, and their Python runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from reference_pages.commands import Command, commands
from support.serving import serving

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^[ ]*```(\w+)\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
COMMANDS = {command.name: command for command in commands()}
# A command as it stands in a line of shell, or alone between backticks, up to what ends it.
SAID = re.compile(r"(?:^|[\s`/\\])(hadua(?:-serve)? [^`\n#|;(]*|hadua-serve)", re.MULTILINE)
SHELLS = ("sh", "powershell", "bash", "console")


def said(text: str) -> list[str]:
    """Every command line that a text names."""
    text = re.sub(r"^docker .*$", "", text, flags=re.MULTILINE)  # there, hadua names an image
    blocks = [code for language, code in BLOCK.findall(text) if language in SHELLS]
    inline = re.findall(r"`(hadua(?:-serve)? [^`]*)`", BLOCK.sub("", text))
    return [line.strip() for part in (*blocks, *inline) for line in SAID.findall(part)]


def command_of(line: str) -> tuple[Command, list[str]]:
    """The command that a line names, and the words that are left."""
    words = line.split()
    for n in (3, 2, 1):
        if (command := COMMANDS.get(" ".join(words[:n]))) is not None:
            return command, words[n:]
    raise AssertionError(f"{line!r} is no command")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_command_and_flag_that_is_named_exists(path: Path) -> None:
    for line in said(path.read_text(encoding="utf-8")):
        command, words = command_of(line)
        assert command.name != "hadua" or not words or words[0] == "...", (
            f"{line!r}: no such command"
        )
        flags = [word.partition("=")[0].rstrip(",.") for word in words if word.startswith("--")]
        assert set(flags) <= set(command.flags), f"{line!r}: no such flag"


def test_what_is_looked_for_is_found() -> None:
    text = "Type `hadua doctor --json`.\n```sh\n.venv/bin/hadua tokens add x  # why\n```\n"
    assert said(text) == ["hadua tokens add x", "hadua doctor --json"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_python_in_the_docs_is_python(path: Path) -> None:
    for language, code in BLOCK.findall(path.read_text(encoding="utf-8")):
        if language == "python":
            compile(code, str(path), "exec")


def test_the_readmes_python_runs_against_the_demo() -> None:
    blocks = [
        c for lang, c in BLOCK.findall(TEXTS[0].read_text(encoding="utf-8")) if lang == "python"
    ]
    assert blocks
    with serving("--demo") as (_, url):
        for code in blocks:
            assert "127.0.0.1:8000" in code
            here = code.replace("127.0.0.1:8000", url.removeprefix("http://"))
            with subprocess.Popen(
                [sys.executable, "-u", "-c", here], stdout=subprocess.PIPE, text=True
            ) as child:
                assert child.stdout is not None
                lines = [child.stdout.readline() for _ in range(2)]
                child.kill()
            for line in lines:
                assert re.match(r"(negative|neutral|positive|None) ", line, re.IGNORECASE)
