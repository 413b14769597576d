"""`/v2`: asked by a client of the protocol that nobody here wrote, and asked wrongly."""

import json

import httpx
import onnxruntime
import pytest
from open_inference.openapi.client import AsyncOpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.types import InferenceRequest
from support.service import Parts, Running, async_test, running

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.runtime import InputShape
from hadua.service.tensors import inputs_of

N, T = 2, 3  # windows of two people, the longest stretch that the fake takes
EEG = [[[float(10 * k + t), 0.0] for t in range(T)] for k in range(N)]
REQUEST: dict[str, object] = {
    "id": "seven",
    "inputs": [
        {"name": "eeg", "shape": [N, T, 2], "datatype": "FP32", "data": EEG},
        {"name": "eye", "shape": [N, T, 3], "datatype": "FP32", "data": [0.0] * (N * T * 3)},
        {"name": "present", "shape": [N, T, 2], "datatype": "BOOL", "data": [True] * (N * T * 2)},
    ],
}


def changed(index: int, **values: object) -> dict[str, object]:
    """The request with another input in the place of one."""
    inputs = REQUEST["inputs"]
    assert isinstance(inputs, list)
    return {"inputs": [each | values if k == index else each for k, each in enumerate(inputs)]}


@async_test
async def test_a_client_of_the_protocol_is_served() -> None:
    async with running(Parts()) as service, httpx.AsyncClient(base_url=service.url) as http:
        client = AsyncOpenInferenceClient(base_url=service.url, httpx_client=http)
        await client.check_server_liveness()
        await client.check_server_readiness()
        assert (await client.read_server_metadata()).name == "hadua"
        told = await client.read_model_metadata("fake")
        await client.check_model_readiness("fake")
        got = await client.model_infer("fake", request=InferenceRequest.parse_obj(REQUEST))
        with pytest.raises(ApiError, match="another"):
            await client.read_model_metadata("another")

    assert [(t.name, t.datatype, t.shape) for t in told.inputs or []] == [
        ("eeg", "FP32", [-1, -1, 2]),
        ("eye", "FP32", [-1, -1, 3]),
        ("present", "BOOL", [-1, -1, 2]),
    ]
    assert (got.id, got.model_name, got.model_version) == ("seven", "fake", "0" * 12)
    # The fake's logits are the newest window's first EEG feature, and 0.
    assert [(o.name, o.shape) for o in got.outputs] == [("logits", [N, 2])]
    assert got.outputs[0].data.__root__ == [2.0, 0.0, 12.0, 0.0]


def test_the_tensors_are_those_of_the_onnx_graph() -> None:
    bundle = load_bundle(demo_bundle_path())
    graph = onnxruntime.InferenceSession(
        (bundle.path / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"]
    )
    kinds = {"tensor(float)": "FP32", "tensor(bool)": "BOOL"}
    assert {(i.name, kinds[i.type], i.shape[2]) for i in graph.get_inputs()} == {
        (kind.name, kind.datatype, kind.shape[2]) for kind in inputs_of(InputShape.of(bundle))
    }
    assert [o.name for o in graph.get_outputs()] == ["logits"]


WRONG: list[tuple[dict[str, object], str]] = [
    ({"inputs": []}, "invalid-request"),
    (changed(0, name="gaze"), "invalid-input"),
    (changed(1, name="eeg"), "invalid-input"),
    (changed(0, shape=[N, T, 7]), "invalid-input"),
    (changed(0, shape=[0, T, 2]), "invalid-input"),
    (changed(0, shape=[T, 2]), "invalid-input"),
    (changed(0, shape=[N, 2, 2], data=[0.0] * 8), "invalid-input"),  # T differs from the others'
    (changed(0, datatype="BOOL"), "invalid-input"),
    (changed(0, datatype="FP64"), "invalid-request"),
    (changed(0, data=[1.0, 2.0]), "invalid-input"),
    (changed(0, data=[[[1.0], [2.0, 3.0]]]), "invalid-input"),
    (changed(0, data=[1e39] * (N * T * 2)), "invalid-input"),
    (changed(0, data=["1"] * (N * T * 2)), "invalid-request"),
    (changed(2, data=[0.5] * (N * T * 2)), "invalid-input"),
    (REQUEST | {"outputs": [{"name": "probabilities"}]}, "invalid-input"),
    (REQUEST | {"outputs": [{"name": "logits", "binary_data": "x"}]}, ""),
]


async def refused(service: Running, body: dict[str, object]) -> str:
    """The code of the problem, which speaks the protocol's dialect too; empty if there is none."""
    got = await service.http.post("/v2/models/fake/infer", json=body)
    told = got.json()
    if got.status_code == 200:
        return ""
    assert got.status_code == 422
    assert told["error"] == told["detail"]
    return str(told["code"])


@async_test
async def test_what_is_wrong_is_refused_in_the_words_of_the_protocol() -> None:
    async with running(Parts()) as service:
        for body, code in WRONG:
            assert await refused(service, body) == code, json.dumps(body)[:200]


@async_test
async def test_a_problem_outside_the_protocol_says_things_once() -> None:
    async with running(Parts()) as service:
        got = await service.http.get("/api/v1/sessions/nobody")
    assert "error" not in got.json()
