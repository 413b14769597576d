"""`/openapi.json` is true: every shape is there, every status is, and a fuzzer finds no other."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from support.service import (
    EEG,
    FakeSource,
    Parts,
    Running,
    async_test,
    ramps,
    running,
    settings_for_tests,
)

from hadua.models.features import Modality
from hadua.service import problems
from hadua.service.app import create_app

DOCUMENT = create_app(lambda: pytest.fail("nothing is started")).openapi()
PROBLEMS_PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
OPERATIONS = [
    pytest.param(path, operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]

NOT_READY = ("/readyz", "/v2/health/ready")  # a 503 that is an answer


def test_every_reference_of_the_document_leads_somewhere() -> None:
    text = str(DOCUMENT)
    named = set(re.findall(r"'#/components/schemas/([^']+)'", text))
    assert named
    assert named <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_answer_has_a_shape(path: str, operation: dict[str, dict[str, object]]) -> None:
    for status, answer in operation["responses"].items():
        assert isinstance(answer, dict)
        (kind, content), *more = answer["content"].items()
        assert not more
        if path != "/metrics":
            assert content["schema"], f"{status} has no shape"
            assert (kind == problems.MEDIA_TYPE) == (status >= "400" and path not in NOT_READY)
        if path.startswith("/api/v1"):
            assert "403" in operation["responses"]


def test_every_problem_is_described() -> None:
    page = PROBLEMS_PAGE.read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([\w-]+)` \| (\d+) \|", page, flags=re.MULTILINE))
    assert told == {code: str(problems.status_of(code)) for code in problems.codes()}


async def fuzz(service: Running, *flags: str, folder: Path) -> str:
    """What schemathesis says of a running service; empty where it finds nothing."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--no-color", "run",
        f"{service.url}/openapi.json", "--checks", "all", "--continue-on-failure", *flags,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        cwd=folder, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    said, _ = await child.communicate()
    return "" if child.returncode == 0 else said.decode()


def test_a_fuzzer_finds_no_fault_and_no_undocumented_status(tmp_path: Path) -> None:
    async def check() -> None:
        sources = {"lsl:type=EEG": FakeSource(ramps(EEG, 3))}
        startup = {Modality.EEG: FakeSource(ramps(EEG, 20))}
        settings = settings_for_tests(
            demo=True, data_dir=tmp_path, min_free_mb=0
        )  # its session is `demo`, the documented example
        async with running(Parts(sources, startup=startup, settings=settings)) as service:
            # Not every text is a SOURCE, and not every id is known: a 422 of a request that the
            # schema allows is no fault.
            flags = ("--exclude-checks", "positive_data_acceptance", "--seed", "1",
                     "--max-examples", "10", "--request-timeout", "10")  # fmt: skip
            assert not await fuzz(service, *flags, folder=tmp_path)

    async_test(check, timeout_s=240.0)()
