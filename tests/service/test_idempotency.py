"""A request that is sent twice is carried out once."""

import asyncio
import threading

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from support.service import EEG, FakeSource, Parts, Running, async_test, ramps, running

from hadua.service.idempotency import OnceOnly
from hadua.service.remembered import (
    Answer,
    KeyReusedError,
    RememberedAnswers,
    RequestInProgressError,
)

BODY = {"eeg": "fake:eeg"}
PEOPLE = "/api/v1/participants"
PLACE = ("POST", "/x", "key")


def parts() -> Parts:
    return Parts(sources={"fake:eeg": FakeSource([*ramps(EEG, 3), threading.Event()])})


async def start(service: Running, key: str, body: object = BODY, **headers: str) -> httpx.Response:
    sent = {"Idempotency-Key": key, **headers}
    return await service.http.post("/api/v1/sessions", json=body, headers=sent)


@async_test
async def test_the_same_key_and_body_give_the_same_answer_and_one_session() -> None:
    async with running(parts()) as service:
        first, second = await start(service, "k"), await start(service, "k")
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert first.headers["location"] == second.headers["location"]
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert len(service.service.sessions.all()) == 1


@async_test
async def test_another_body_another_key_and_another_person_are_other_requests() -> None:
    async with running(parts()) as service:
        assert (await start(service, "k")).status_code == 201
        reused = await start(service, "k", {"eeg": "fake:eeg", "id": "b"})
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
        for again in (await start(service, "l"), await start(service, "k", Authorization="other")):
            assert again.status_code == 201
            assert "idempotent-replayed" not in again.headers
        assert len(service.service.sessions.all()) == 3


@async_test
async def test_what_was_refused_may_be_tried_again() -> None:
    async with running(parts()) as service:
        assert (await start(service, "k", {"eeg": "unknown"})).status_code == 422
        assert (await start(service, "k")).status_code == 201


@async_test
async def test_the_second_of_two_at_once_is_told_to_wait() -> None:
    remembered, gate, entered = RememberedAnswers(), asyncio.Event(), asyncio.Event()
    once = OnceOnly(remembered, place=PLACE, digest=b"1")

    async def work() -> Response:
        entered.set()
        await gate.wait()
        return Response(b"done", 201)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(once(work))
        await entered.wait()
        with pytest.raises(RequestInProgressError, match="still at work"):
            await once(work)
        gate.set()
    assert (await first).body == (await once(work)).body == b"done"


@async_test
async def test_work_that_is_cancelled_leaves_nothing_behind() -> None:
    remembered = RememberedAnswers()
    once = OnceOnly(remembered, place=PLACE, digest=b"1")
    task = asyncio.create_task(once(asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    assert remembered.find(PLACE, digest=b"2") is None


@given(sizes=st.lists(st.integers(0, 40), max_size=40))
def test_what_is_kept_is_bounded_and_the_newest(sizes: list[int]) -> None:
    remembered = RememberedAnswers(n_at_most=10, bytes_at_most=100)
    for k, size in enumerate(sizes):
        assert remembered.find((str(k),), digest=b"") is None
        remembered.keep((str(k),), Answer(200, {}, bytes(size)))
    kept = []
    for k in range(len(sizes)):
        answer = remembered.find((str(k),), digest=b"")
        if answer is None:
            remembered.forget((str(k),))
        else:
            kept.append((k, len(answer.body)))
    assert len(kept) <= 10
    assert sum(size for _, size in kept) <= 100
    assert [k for k, _ in kept] == list(range(len(sizes) - len(kept), len(sizes)))


def test_an_answer_is_forgotten_after_its_time() -> None:
    now_s = 0.0
    remembered = RememberedAnswers(clock=lambda: now_s, kept_s=10.0)
    remembered.find(PLACE, digest=b"1")
    remembered.keep(PLACE, Answer(200, {}, b""))
    now_s = 9.0
    with pytest.raises(KeyReusedError, match="another body"):
        remembered.find(PLACE, digest=b"2")
    now_s = 11.0
    assert remembered.find(PLACE, digest=b"2") is None


@async_test
async def test_erasing_a_participant_forgets_what_was_answered_about_them() -> None:
    async with running(parts()) as service:

        async def enter(name: str) -> httpx.Response:
            sent = {"Idempotency-Key": name}
            return await service.http.post(PEOPLE, json={"id": name}, headers=sent)

        assert [(await enter(name)).status_code for name in ("P1", "Q2")] == [201, 201]
        assert (await service.http.delete(f"{PEOPLE}/P1")).status_code == 200
        erased, other = await enter("P1"), await enter("Q2")
        known = await service.http.get(f"{PEOPLE}/P1")

    assert (erased.status_code, known.status_code) == (201, 200)
    assert "idempotent-replayed" not in erased.headers
    assert other.headers["idempotent-replayed"] == "true"
