"""REST as a client meets it; every way to be wrong ends in a problem document."""

import asyncio
import threading
import time

import httpx
import pytest
from support.service import (
    EEG,
    FakePipeline,
    FakeSource,
    Parts,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)

from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.models.errors import StreamNotFoundError

EEG_WINDOWS = {"definition": "hadua-de", "version": 1, "values": [[[2.0, 0.0]], [[-2.0, 1.0]]]}


def is_problem(response: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == status
    problem = response.json()
    assert isinstance(problem, dict)
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in response.text
    return problem


@async_test
async def test_a_session_from_start_to_stop() -> None:
    parts = Parts(sources={"fake:eeg": FakeSource([*ramps(EEG, 5), threading.Event()])})
    async with running(parts) as service:
        body = {"eeg": "fake:eeg", "participant": "P-01", "id": "first"}
        created = await service.http.post("/api/v1/sessions", json=body)
        assert created.status_code == 201
        assert created.headers["location"] == "/api/v1/sessions/first"
        session = service.service.sessions.get("first")
        await eventually(lambda: session.publisher.predictions == 5)

        listed = (await service.http.get("/api/v1/sessions")).json()["sessions"]
        shown = (await service.http.get("/api/v1/sessions/first")).json()
        assert [s["id"] for s in listed] == ["first"]
        assert shown["status"]["state"] == "running"
        assert shown["status"]["streams"]["eeg"]["name"] == "fake EEG"
        assert shown["status"]["latency"]["n"] == 5
        assert shown["reports"] == {"eeg": {"coverage": 1.0}}
        assert shown["participant"] == "P-01"

        page = (await service.http.get("/api/v1/sessions/first/predictions?limit=2")).json()
        rest = await service.http.get(
            f"/api/v1/sessions/first/predictions?after_seq={page['next_after_seq']}"
        )
        ends = [p["end_s"] for p in page["predictions"] + rest.json()["predictions"]]
        assert ends == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])

        again = await service.http.post("/api/v1/sessions", json=body)
        is_problem(again, 409, "session-exists")
        stopped = await service.http.post("/api/v1/sessions/first/stop")
        assert stopped.json()["status"]["state"] == "stopped"


@async_test
async def test_a_session_whose_stream_is_not_found_shows_the_problem() -> None:
    source = FakeSource([], fail_open=StreamNotFoundError("no stream", hint="Is it on?"))
    async with running(Parts(sources={"fake:eeg": source})) as service:
        await service.http.post("/api/v1/sessions", json={"eeg": "fake:eeg", "id": "a"})
        await service.service.sessions.get("a").over.wait()
        shown = (await service.http.get("/api/v1/sessions/a")).json()
        assert shown["status"]["state"] == "failed"
        assert shown["problem"]["code"] == "stream-not-found"
        assert shown["problem"]["hint"] == "Is it on?"
        assert (await service.http.get("/readyz")).status_code == 200
        assert (await service.http.get("/healthz")).status_code == 200


WRONG: list[tuple[str, str, str | None, int, str]] = [
    ("GET", "/nowhere", None, 404, "not-found"),
    ("DELETE", "/api/v1/sessions", None, 405, "method-not-allowed"),
    ("GET", "/api/v1/sessions/nobody", None, 404, "session-unknown"),
    ("POST", "/api/v1/sessions/nobody/stop", None, 404, "session-unknown"),
    ("GET", "/api/v1/sessions/x/predictions?after_seq=-1", None, 422, "invalid-request"),
    ("GET", "/api/v1/sessions/x/predictions?limit=many", None, 422, "invalid-request"),
    ("POST", "/api/v1/sessions", "{", 422, "invalid-request"),
    ("POST", "/api/v1/sessions", "{}", 422, "bad-usage"),
    ("POST", "/api/v1/sessions", '{"eeg": "nonsense"}', 422, "bad-usage"),
    ("POST", "/api/v1/sessions", '{"eeg": "x", "eg": "y"}', 422, "invalid-request"),
    ("POST", "/api/v1/sessions", '{"eeg": "x", "participant": "a b"}', 422, "invalid-request"),
    ("POST", "/api/v1/predict", "{}", 422, "invalid-input"),
    (
        "POST",
        "/api/v1/predict",
        '{"eeg": {"definition": "hadua-de", "version": 1, "values": [[[NaN, 0]]]}}',
        422,
        "invalid-request",
    ),
    (
        "POST",
        "/api/v1/predict",
        '{"eeg": {"definition": "hadua-de", "version": 1, "values": [[[1e999, 0]]]}}',
        422,
        "invalid-request",
    ),
]


@async_test
async def test_every_way_to_be_wrong_is_a_problem_document() -> None:
    headers = {"content-type": "application/json"}
    async with running(Parts()) as service:
        for method, path, body, status, code in WRONG:
            got = await service.http.request(method, path, content=body, headers=headers)
            is_problem(got, status, code)


@async_test
async def test_an_unexpected_fault_is_a_problem_without_a_traceback() -> None:
    def broken(timeout_s: float) -> list[StreamSummary]:
        raise ZeroDivisionError("a secret")

    async with running(Parts(list_streams=broken)) as service:
        got = await service.http.get("/api/v1/streams")
        is_problem(got, 500, "internal-error")
        assert "secret" not in got.text


@async_test
async def test_a_page_from_elsewhere_cannot_start_anything() -> None:
    async with running(Parts()) as service:
        headers = {"origin": "https://evil.example"}
        got = await service.http.post("/api/v1/sessions", json={}, headers=headers)
        is_problem(got, 403, "origin-refused")


@async_test
async def test_no_more_sessions_than_were_allowed() -> None:
    sources = {f"fake:{k}": FakeSource([threading.Event()]) for k in range(2)}
    parts = Parts(sources=sources, settings=settings_for_tests(max_sessions=1))
    async with running(parts) as service:
        first = await service.http.post("/api/v1/sessions", json={"eeg": "fake:0"})
        assert first.status_code == 201
        second = await service.http.post("/api/v1/sessions", json={"eeg": "fake:1"})
        problem = is_problem(second, 503, "limit-reached")
        assert problem["got"] == "1 running"


@async_test
async def test_predict_answers_for_windows_of_its_own_features() -> None:
    async with running(Parts()) as service:
        got = (await service.http.post("/api/v1/predict", json={"eeg": EEG_WINDOWS})).json()
    assert got["labels"] == ["calm", "tense"]
    # The fake's logits are (x / 2, 0): probabilities in closed form.
    assert got["probabilities"][0][0] == pytest.approx(1 / (1 + 2.718281828459045**-1))
    assert [sum(p) for p in got["probabilities"]] == pytest.approx([1.0, 1.0])


NOT_TRAINED_ON: list[tuple[dict[str, object], str, str, str]] = [
    ({"definition": "seed-de"}, "feature-mismatch", "seed-de/1", "hadua-de/1"),
    ({"version": 2}, "feature-mismatch", "hadua-de/2", "hadua-de/1"),
    ({"values": [[[1.0]]]}, "invalid-input", "(1, 1, 1)", "(n, T, 2)"),
    ({"values": [[[1.0, 2.0], [1.0]]]}, "invalid-input", "different lengths", "[n][T][d]"),
    ({"values": [[[1.0, 2.0]] * 4]}, "invalid-input", "(1, 4, 2)", "T = 1 to 3"),
]


@async_test
async def test_predict_refuses_what_the_model_was_not_trained_on() -> None:
    async with running(Parts()) as service:
        for change, code, got, expected in NOT_TRAINED_ON:
            body = {"eeg": {**EEG_WINDOWS, **change}}
            problem = is_problem(await service.http.post("/api/v1/predict", json=body), 422, code)
            assert got in problem["got"]
            assert expected in problem["expected"]


@async_test
async def test_bundles_streams_metrics_and_the_schema_are_there() -> None:
    found = StreamSummary("Muse", "EEG", "id", "host", 5, 256.0, "lsl:name=Muse")
    async with running(Parts(list_streams=lambda _: [found])) as service:
        bundle = (await service.http.get("/api/v1/bundles")).json()["bundles"][0]
        assert bundle["features"]["eeg"]["definition"] == "hadua-de"
        streams = (await service.http.get("/api/v1/streams")).json()["streams"]
        assert streams[0]["source"] == "lsl:name=Muse"
        text = (await service.http.get("/metrics")).text
        assert "hadua_latency_seconds" in text
        schema = await service.http.get("/openapi.json")
        assert "/api/v1/predict" in schema.json()["paths"]
        assert "HTTPValidationError" not in schema.text  # a failure is a problem document


@async_test
async def test_no_participant_is_ever_a_metric_label_or_a_session_id() -> None:
    parts = Parts(sources={"fake:eeg": FakeSource(ramps(EEG, 3))})
    async with running(parts) as service:
        body = {"eeg": "fake:eeg", "participant": "secretname"}
        created = (await service.http.post("/api/v1/sessions", json=body)).json()
        await service.service.sessions.get(created["id"]).over.wait()
        assert "secretname" not in created["id"]
        assert "secretname" not in (await service.http.get("/metrics")).text


@async_test
async def test_the_loop_turns_while_sources_and_pipeline_block() -> None:
    gate = threading.Event()
    slow = FakeSource(ramps(EEG, 3), open_gate=gate)
    stuck = FakeSource([*ramps(EEG, 3), threading.Event()])
    parts = Parts(sources={"slow": slow, "stuck": stuck}, pipeline=FakePipeline(gate=gate))
    async with running(parts) as service:
        for name in ("slow", "stuck"):
            await service.http.post("/api/v1/sessions", json={"eeg": name})
        worst_s = 0.0
        for _ in range(20):
            asked_s = time.perf_counter()
            await asyncio.sleep(0)
            assert (await service.http.get("/healthz")).status_code == 200
            worst_s = max(worst_s, time.perf_counter() - asked_s)
        gate.set()
    assert worst_s < 1.0  # either of them blocks for five seconds and more


@async_test
async def test_a_search_for_streams_does_not_hold_up_the_end() -> None:
    searching, gate = threading.Event(), threading.Event()

    def search(timeout_s: float) -> list[StreamSummary]:
        searching.set()
        gate.wait(20.0)
        return []

    async with running(Parts(list_streams=search)) as service, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(service.http.get("/api/v1/streams?timeout_s=10"))
        await eventually(searching.is_set)
        service.service.hub.close("the service stops")
        answer = await asked
    gate.set()
    assert answer.status_code == 503
    assert answer.json()["code"] == "service-stopping"
