"""The seal over a certificate, and its page."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue
from support.certificates import LEVEL

from hadua.models.errors import HaduaError
from hadua.service.certify.certificate import (
    certificate,
    key_of,
    machine_now,
    require_intact,
    sealed,
)
from hadua.service.certify.measured import Limits
from hadua.service.certify.page import page

KEY = bytes(range(32))


def told(limits: Limits = Limits()) -> dict[str, JsonValue]:  # noqa: B008 - frozen
    started = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    command = ("hadua", "certify", "--out", "<b>&")
    content = certificate(
        [LEVEL],
        limits,
        started=started,
        machine=machine_now(),
        command=command,
        bundle="demo@1",
    )
    return sealed(content, key=KEY)


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, indent=3), encoding="utf-8")
    return path


def test_what_was_sealed_is_intact_however_it_is_laid_out(tmp_path: Path) -> None:
    found = require_intact(written(tmp_path / "c.json", told()), key=KEY)

    assert found["passed"] is True
    assert found["holds_people"] == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["levels"][0]["arrival_to_client_ms"].update(p99=1.0),
        lambda c: c.update(passed=not c["passed"]),
        lambda c: c["machine"].update(cores=64),
        lambda c: c["seal"].update(value="0" * 64),
        lambda c: c.update(further="word"),
    ],
)
def test_whatever_is_changed_shows(tmp_path: Path, change: object) -> None:
    content = told()
    change(content)  # type: ignore[operator]

    with pytest.raises(HaduaError, match="was changed after it was sealed"):
        require_intact(written(tmp_path / "c.json", content), key=KEY)


def test_another_installation_cannot_tell(tmp_path: Path) -> None:
    with pytest.raises(HaduaError, match="sealed by another installation"):
        require_intact(written(tmp_path / "c.json", told()), key=bytes(32))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seal": 3}', '{"seal": {"by": "x"}}'])
def test_what_is_no_certificate_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)

    with pytest.raises(HaduaError, match="expected what `hadua certify` wrote"):
        require_intact(tmp_path / "c.json", key=KEY)


def test_a_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    key = key_of(tmp_path / "data")

    assert len(key) == 32
    assert key_of(tmp_path / "data") == key
    assert (tmp_path / "data" / "certify.key").stat().st_mode & 0o077 == 0


def test_a_failed_level_is_said(tmp_path: Path) -> None:
    content = told(Limits(p99_ms=1.0))

    assert (content["passed"], content["holds_people"]) == (False, 0)
    assert "It does not hold one person" in page(content)
    assert "p99 5.0 ms (limit 1 ms)" in page(content)


def test_the_page_needs_nothing_from_elsewhere_and_takes_nothing_for_markup() -> None:
    text = page(told())

    assert not re.search(r"<script|https?:|src=|url\(|@import|<link", text)
    assert "It holds 2 people at once" in text
    assert "&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    for figure in ("4.00", "5.0", "9.0", "62 \u00d7 1000", "101"):
        assert figure in text
