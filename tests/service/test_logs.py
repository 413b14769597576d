"""Logs: one line a message, for people or for machines, on stderr."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hadua.service.logs import configure_logs


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def test_json_lines_carry_our_fields_and_those_of_libraries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(level="info", json=True)
    structlog.get_logger("hadua.test").info("session running", session="demo")
    logging.getLogger("library").warning("something %s", "odd")
    logging.getLogger("library").debug("not shown")

    out, err = capsys.readouterr()

    assert out == ""
    ours, theirs = [json.loads(line) for line in err.splitlines()]
    assert (ours["event"], ours["session"], ours["level"]) == ("session running", "demo", "info")
    assert (theirs["event"], theirs["logger"]) == ("something odd", "library")


def test_text_is_one_line_and_a_fault_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="warning", json=False)
    structlog.get_logger("hadua.test").info("not shown")
    structlog.get_logger("hadua.test").warning("client does not read", frames_dropped=3)
    assert capsys.readouterr().err.count("\n") == 1
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger("hadua.test").exception("session failed")
    assert "test_logs.py" in capsys.readouterr().err
