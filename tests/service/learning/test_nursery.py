"""Those that follow are forks of one process: as much apart as if they were not."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import psutil
import pytest
from support.service import async_test, eventually
from support.toy_bundle import toy_bundle

from hadua.models.errors import CalibrationError
from hadua.service.learning.nursery import MODULE, Nursery
from hadua.service.learning.nursery_process import NAME
from hadua.service.learning.online_messages import Begin
from hadua.service.learning.online_worker import OnlineWorker
from hadua.service.line_process import WorkerDiedError

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked"),
    pytest.mark.usefixtures("not_last"),
]
slow_test = partial(async_test, timeout_s=240.0)
BEGIN = Begin(bundle="", profiles="", participant="P", version=0, folder="")

# A service that has two followed, and then nothing to do.
_SERVICE = """
import asyncio
from hadua.service.learning.nursery import Nursery

async def main():
    nursery = Nursery()
    forks = [await nursery.fork() for _ in range(2)]
    for fork in forks:
        await fork.line(120.0, doing="begin")
    print("ready", flush=True)
    await asyncio.sleep(600.0)

asyncio.run(main())
"""

# As a system is that has no room for another process, for a moment.
_NO_SECOND_FORK = """
import os

fork, forks = os.fork, []

def first_and_third():
    forks.append(1)
    if len(forks) == 2:
        raise OSError(11, "no room")
    return fork()

os.fork = first_and_third
"""


def ours(process: psutil.Process | None = None) -> list[psutil.Process]:
    """The process that forks, and its forks."""
    found = []
    for below in (process or psutil.Process()).children(recursive=True):
        with suppress(psutil.Error):  # one that has just ended
            found += [below] if MODULE in below.cmdline() else []
    return found


def begin_in(folder: Path) -> Begin:
    place = folder / "online"
    place.mkdir(parents=True)
    return Begin(
        bundle=str(toy_bundle().path.absolute()),
        profiles=str(folder / "profiles"),
        participant="P01",
        version=0,
        folder=str(place),
    )


@slow_test
async def test_one_that_dies_takes_nobody_with_it_and_after_the_last_nothing_is_left(
    tmp_path: Path,
) -> None:
    nursery = Nursery()
    workers = [await OnlineWorker.start(nursery) for _ in range(3)]
    for k in (0, 1):
        await workers[k].begin(begin_in(tmp_path / str(k)))
    parent, *forks = sorted(ours(), key=lambda p: p.pid)
    assert {p.name() for p in forks} == {NAME}
    assert {p.ppid() for p in forks} == {parent.pid}
    os.kill(workers[0].pid, signal.SIGKILL)
    with pytest.raises(WorkerDiedError, match=r"died when it was to adapt: got exit -9"):
        await workers[0].begin(begin_in(tmp_path / "again"))
    await workers[2].begin(begin_in(tmp_path / "2"))

    for worker in workers[:2]:
        await worker.stop()
    await eventually(lambda: len(ours()) == 2)
    await workers[2].stop()
    await workers[2].stop()
    assert not ours()


@slow_test
async def test_after_the_one_that_forks_has_died_another_one_does(tmp_path: Path) -> None:
    nursery = Nursery()
    first = await OnlineWorker.start(nursery)
    await first.begin(begin_in(tmp_path / "1"))
    (parent,) = [p for p in ours() if p.name() != NAME]
    parent.kill()
    with pytest.raises(WorkerDiedError):  # its forks leave within half a second
        await first.begin(begin_in(tmp_path / "again"))
    second = await OnlineWorker.start(nursery)
    try:
        await second.begin(begin_in(tmp_path / "2"))
        await first.stop()
        assert second.pid in {p.pid for p in ours()}
    finally:
        await second.stop()
    assert not ours()


@slow_test
async def test_nobody_waits_for_what_is_not_wanted_before_it_is_there() -> None:
    nursery = Nursery()
    unwanted, wanted = [await OnlineWorker.start(nursery) for _ in range(2)]
    assert unwanted.pid == 0
    await unwanted.stop()
    (parent,) = ours()  # it still imports
    await wanted.stop()
    assert not parent.is_running()


@slow_test
async def test_what_is_not_wanted_any_more_is_not_left_over(tmp_path: Path) -> None:
    nursery = Nursery()
    unwanted, wanted = [await OnlineWorker.start(nursery) for _ in range(2)]
    await unwanted.stop()
    await wanted.begin(begin_in(tmp_path))
    await eventually(lambda: [p.pid for p in ours() if p.name() == NAME] == [wanted.pid])
    await wanted.stop()
    assert not ours()


@slow_test
async def test_what_it_cannot_import_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    worker = await OnlineWorker.start(Nursery())
    with pytest.raises(CalibrationError, match="ImportError: no torch today"):
        await worker.begin(begin_in(tmp_path))
    await worker.stop()
    assert not ours()


def test_all_leave_when_the_service_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVICE], stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "ready\n"
        left = ours(psutil.Process(service.pid))
        assert len(left) == 3
        service.kill()
        service.wait()
        gone, _ = psutil.wait_procs(left, timeout=20.0)
    assert len(gone) == 3


@slow_test
async def test_who_stops_one_may_be_cancelled_meanwhile_and_nothing_is_left() -> None:
    nursery = Nursery()
    fork = await nursery.fork()
    await fork.line(120.0, doing="begin")
    (parent,) = [p for p in ours() if p.name() != NAME]
    parent.suspend()  # so that nobody says that it has ended
    stopping = asyncio.create_task(fork.stop())
    await asyncio.sleep(0.1)
    stopping.cancel()
    await asyncio.wait([stopping])
    parent.resume()
    await eventually(lambda: not ours())
    await fork.stop()  # and now asyncio has heard of it, too


@pytest.fixture
def no_second_fork(not_last: Path) -> None:
    not_last.write_text(not_last.read_text() + _NO_SECOND_FORK)


@pytest.mark.usefixtures("no_second_fork")
@slow_test
async def test_one_too_many_is_refused_and_those_that_are_there_go_on(
    tmp_path: Path,
) -> None:
    nursery = Nursery()
    first = await OnlineWorker.start(nursery)
    await first.begin(begin_in(tmp_path / "1"))
    refused = await OnlineWorker.start(nursery)
    with pytest.raises(WorkerDiedError, match=r"could not be forked: .*no room"):
        await refused.begin(BEGIN)
    third = await OnlineWorker.start(nursery)
    await third.begin(begin_in(tmp_path / "3"))
    assert {first.pid, third.pid} == {p.pid for p in ours() if p.name() == NAME}
    for worker in (refused, first, third):
        await worker.stop()
    assert not ours()


@slow_test
async def test_one_that_cannot_be_asked_for_is_refused_in_words_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some 280 that begin while the one that forks is held up are: the socket is full then."""
    nursery = Nursery()
    first = await OnlineWorker.start(nursery)
    with monkeypatch.context() as full:
        full.setattr(socket, "send_fds", Mock(side_effect=BlockingIOError("no room")))
        refused = await OnlineWorker.start(nursery)
    third = await OnlineWorker.start(nursery)
    with pytest.raises(WorkerDiedError, match="could not be forked: no room"):
        await refused.begin(BEGIN)
    await third.begin(begin_in(tmp_path / "3"))
    await first.begin(begin_in(tmp_path / "1"))
    assert {first.pid, third.pid} == {p.pid for p in ours() if p.name() == NAME}
    for worker in (first, refused, third):
        await worker.stop()
    assert not ours()


@slow_test
async def test_a_start_that_is_cancelled_makes_no_other_connection_deaf(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one gets the number of its socket, which nobody may listen to any more."""
    begun = asyncio.Event()

    async def never(*_: object, **__: object) -> NoReturn:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", never)
    starting = asyncio.create_task(Nursery().fork())
    await begun.wait()
    starting.cancel()
    await asyncio.wait([starting])
    pairs = [socket.socketpair() for _ in range(4)]
    readers = [await asyncio.open_connection(sock=own) for own, _ in pairs]
    del starting  # and with it whatever it still held
    gc.collect()
    for (reader, writer), (_, its) in zip(readers, pairs, strict=True):
        with its:
            its.send(b"heard\n")
            assert await asyncio.wait_for(reader.readline(), 5.0) == b"heard\n"
        writer.close()
