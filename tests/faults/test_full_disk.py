"""A real process whose disk is full in the middle: in words, without damage, and not for ever."""

import asyncio
import errno
import os
import sys
from pathlib import Path

import httpx
import pytest
from support.narrow import fill, no_file_grows, small_disk
from support.real_booth import booth, eventually, status
from support.service import Parts, running
from support.without_disk import (
    require_all_of_it,
    require_that_it_goes_on,
    require_words_while_nothing_can_be_written,
)

from hadua.service.storage.people_shelf import PeopleShelf

STOPS_AT_MB = 6
SETTINGS = f"min_free_mb = {STOPS_AT_MB}.0"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts and limits of Linux")


def test_a_disk_that_fills_up_stops_first_the_recording_then_what_must_be_kept(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", size_mb=40) as disk:
        with booth(disk, settings=SETTINGS, versions=2) as it:
            assert it.begin("before").status_code == 201
            it.predicts("before")
            nearly = fill(disk, leave_bytes=(STOPS_AT_MB - 2) * 10**6)
            eventually(lambda: "nearly full" in str(status(it.session("before"))["reason"]))
            it.predicts("before")  # without a recording
            again = it.http.post("/api/v1/sessions/before/recording")
            assert (again.status_code, again.json()["code"]) == (507, "disk-full")
            nearly.unlink()

            theirs = fill(disk)
            require_words_while_nothing_can_be_written(it, "before")
            unready = it.http.get("/readyz")
            assert unready.status_code == 503
            assert "disk" in str(unready.json()["reasons"])
            theirs.unlink()

            require_that_it_goes_on(it)
            assert "disk is nearly full" in it.log
            it.leave()
        require_all_of_it(disk)


def test_files_that_may_not_grow_any_more_are_told_of_and_the_service_goes_on_with_those_that_may(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with booth(disk, settings=SETTINGS, versions=2) as it:
        assert it.begin("before").status_code == 201
        it.predicts("before")
        with no_file_grows(it.pid):
            require_words_while_nothing_can_be_written(it, "before")
        require_that_it_goes_on(it)
        it.leave()
    require_all_of_it(disk)


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=lambda number: errno.errorcode[number]
)
def test_a_file_that_cannot_be_written_is_no_internal_error(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    async def scenario() -> None:
        async with running(Parts()) as service, httpx.AsyncClient() as http:
            monkeypatch.setattr(PeopleShelf, "participants", refuse)
            answer = await http.get(f"{service.url}/api/v1/participants")
            assert (answer.status_code, answer.json()["code"]) == (503, "storage-failed")
            assert os.strerror(number) in answer.json()["detail"]

    asyncio.run(scenario())
