"""A few seconds of what `make fuzz` does for hours, and everything that it has ever found.

A regression is a file in `found`, named after its parser: `TARGET-SEED-NUMBER.bin`.
"""

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from fuzz.all_targets import TARGETS, target_named
from fuzz.campaign import run_all
from fuzz.http import FaultyAnswerError, ServedWithoutSocket
from fuzz.target import Feed, Target, UnclearError, refused
from fuzz.worker import Outcome, _feed

from hadua.models.errors import HaduaError

FOUND = sorted((Path(__file__).parent / "found").glob("*.bin"))
BUDGET_S, AT_MOST = 0.3, 1500


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_damaged_input_gets_past_a_parser(target: Target, tmp_path: Path) -> None:
    seeds, feed = target.seeds(), target.opened(tmp_path)
    # A database takes more room than an input has: such a back-up is refused at the last step.
    assert target.name == "backup" or not all(refused(feed, whole) for whole in seeds)
    seed, until_s = int(time.time()) // 86_400, time.monotonic() + BUDGET_S  # others every day
    for index in range(AT_MOST):
        data = target.input(seeds, seed=seed, index=index)
        try:
            refused(feed, data)
        except Exception as error:  # noqa: BLE001 - which input it was is the finding
            pytest.fail(f"{target.name}, seed {seed}, input {index}: {error!r}")
        if time.monotonic() > until_s:
            break


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_once_is_refused_or_read(path: Path, tmp_path: Path) -> None:
    target = target_named(path.stem.split("-")[0])
    refused(target.opened(tmp_path), path.read_bytes())


def test_there_is_something_that_was_found() -> None:
    assert {path.stem.split("-")[0] for path in FOUND} >= {"header", "session", "settings", "frame"}


def test_inputs_are_the_same_on_every_run() -> None:
    for target in TARGETS:
        seeds = target.seeds()
        again = [target.input(seeds, seed=3, index=k) for k in range(len(seeds), len(seeds) + 20)]
        assert again == [
            target.input(seeds, seed=3, index=k) for k in range(len(seeds), len(seeds) + 20)
        ]
        assert len(set(again)) > 10


def a_target(feed: Feed) -> Target:
    return Target(
        "made", "a test", lambda: [b"a"], lambda numbers, _: numbers.randbytes(2), lambda _: feed
    )


def odd(data: bytes) -> None:
    if data[-1] % 2:
        raise ZeroDivisionError


def test_a_fault_is_kept_once_with_its_input(tmp_path: Path) -> None:
    outcome, numbers = Outcome(), Random(1)
    for k in range(100):
        _feed(odd, numbers.randbytes(2), outcome, place=tmp_path / f"made-{k}")
    assert 20 < sum(outcome.kinds.values()) < 80
    assert outcome.faults == len(list(tmp_path.glob("*.bin"))) == 1
    assert next(tmp_path.glob("*.bin")).read_bytes()[-1] % 2
    assert "ZeroDivisionError" in next(tmp_path.glob("*.txt")).read_text()


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "x" * 20_000, "\u202e"])
def test_an_error_says_nothing_that_a_log_or_a_terminal_would_act_on(text: str) -> None:
    def feed(data: bytes) -> None:
        raise HaduaError(f"file {text}", got=text, expected=text)

    assert refused(feed, b"")


def test_a_text_that_is_unclear_is_a_fault() -> None:
    class RawError(HaduaError):
        def __str__(self) -> str:
            return "two\nlines"

    def feed(data: bytes) -> None:
        raise RawError("x")

    with pytest.raises(UnclearError, match="control characters"):
        refused(feed, b"")


def test_a_campaign_counts_what_its_workers_did(tmp_path: Path) -> None:
    names, out = ["source", "header"], tmp_path / "out.jsonl"
    tallies = list(run_all(names, seed=7, count=300, found=tmp_path, out=out, workers=2))
    told = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {tally.target for tally in tallies} == set(names)
    assert sorted(each["target"] for each in told) == sorted(names)
    for tally in tallies:
        assert (tally.inputs, tally.faults) == (300, [])
        assert 100 < tally.refused < 300


def test_a_service_that_fails_at_a_request_is_a_fault(tmp_path: Path) -> None:
    request = b"GET /api/v1/participants HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(ServedWithoutSocket(tmp_path)) as service:
        assert service.feed(request, linger_s=10.0).startswith(b"HTTP/1.1 200")
        whole, service.app.state.service = service.app.state.service, None
        with pytest.raises(FaultyAnswerError, match="500 Internal"):
            service.feed(request, linger_s=10.0)
        service.app.state.service = whole


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of address space there")
def test_memory_of_a_worker_is_bounded() -> None:
    import subprocess

    program = "from fuzz.memory import limit_memory; limit_memory(); b'x' * 2**31"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert "MemoryError" in done.stderr
