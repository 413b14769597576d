"""`hadua-serve` asked for what cannot be, and the one message that it ends with."""

import os
import subprocess
import tempfile

from support.serving import SERVE
from typer.testing import CliRunner

from hadua.service.cli import serve

TIMEOUT_S = 30.0


def refusal(code: int, *flags: str, **environment: str) -> str:
    """The message for what is refused before anything is started, from this process."""
    with tempfile.TemporaryDirectory(prefix="hadua-refused-") as folder:
        told = {"HADUA_DATA_DIR": folder, **environment}
        result = CliRunner().invoke(serve.app, flags, env=told)
    assert isinstance(result.exception, SystemExit), result.exception  # all else is a traceback
    return _message(result.exit_code, result.stdout, result.stderr, expected=code)


def refusal_of_process(code: int, *flags: str) -> str:
    """The message of a process of its own, on any free port."""
    with tempfile.TemporaryDirectory(prefix="hadua-refused-") as folder:
        done = subprocess.run(
            [*SERVE, "--port", "0", *flags],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "NO_COLOR": "1"},
            cwd=folder,
            check=False,
        )
    return _message(done.returncode, done.stdout, done.stderr, expected=code)


def has_all(message: str, *parts: str) -> None:
    """Check that the parts are there, in this order."""
    at = 0
    for part in parts:
        assert part in message[at:], (part, message)
        at = message.index(part, at) + len(part)


def _message(code: int, out: str, err: str, *, expected: int) -> str:
    """The last line of stderr, once all the rest is what it should be."""
    assert code == expected, err
    assert out == ""
    assert "Traceback" not in err
    message = err.rstrip().splitlines()[-1]
    assert message.startswith(("hadua-serve: ", "Error: "))
    return message
