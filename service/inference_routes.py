"""`/v2`: the network itself over the Open Inference Protocol, as Triton and KServe speak it.

Unlike `POST /api/v1/predict` it neither knows feature definitions nor normalises, and answers with
logits: whoever asks here has done what a pipeline does.
"""

import functools
from importlib.metadata import version
from typing import Annotated, ClassVar

import msgspec
from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from hadua.models.errors import HaduaError, InvalidInputError
from hadua.models.runtime import InputShape
from hadua.service.access.roles import Role, needs
from hadua.service.openapi import answers, refusals
from hadua.service.rest import TURNED_AWAY, Asked, admitted, answer
from hadua.service.service import Service
from hadua.service.tensors import LOGITS, Infer, Tensor, TensorKind, arrays_of, inputs_of

router: APIRouter = APIRouter(
    prefix="/v2",
    tags=["inference"],
    dependencies=[Depends(admitted)],
    responses=refusals(*TURNED_AWAY),
)
health: APIRouter = APIRouter(prefix="/v2", tags=["inference"])

_Asked = Annotated[str, Path(description="Name of the bundle, as GET /api/v1/bundles says it.")]
_REFUSED = (
    *("model-unknown", "invalid-input", "runtime-unavailable"),
    *("bundle-invalid", "service-stopping", "cluster-unavailable"),
)


class ModelUnknownError(HaduaError):
    """A model that this service does not serve."""

    code: ClassVar[str] = "model-unknown"


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The service is alive."""

    live: bool


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether inference may be asked for."""

    ready: bool


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What serves."""

    name: str
    version: str
    extensions: tuple[str, ...]


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What the network takes and gives."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorKind, ...]
    outputs: tuple[TensorKind, ...]


class Inferred(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Logits of every window of the batch's last token."""

    model_name: str
    model_version: str
    outputs: tuple[Tensor, ...]
    id: str | None = None
    parameters: dict[str, str] | None = None


@health.get("/health/live", responses=answers(Live))
async def live() -> Response:
    """The event loop turns."""
    return answer(Live(live=True))


@health.get("/health/ready", responses=answers(Ready) | answers(Ready, status=503))
async def ready(asked: Asked) -> Response:
    """Whether clients should come here; `/readyz` says why not."""
    stopping = asked.hub.closed
    return answer(Ready(ready=not stopping), status=503 if stopping else 200)


@router.get("", responses=answers(ServerMetadata))
async def server(asked: Asked) -> Response:
    """What serves."""
    return answer(ServerMetadata(name="hadua", version=version("hadua"), extensions=()))


@router.get("/models/{name}", responses=answers(ModelMetadata, "model-unknown"))
async def model(name: _Asked, asked: Asked) -> Response:
    """What the network takes and gives."""
    _require(name, asked)
    return answer(
        ModelMetadata(
            name=name,
            versions=(asked.bundle.digest[:12],),
            platform="onnxruntime_onnx",
            inputs=inputs_of(InputShape.of(asked.bundle)),
            outputs=(TensorKind(name=LOGITS, datatype="FP32", shape=(-1, _n_classes(asked))),),
        )
    )


@router.get("/models/{name}/ready", responses=answers(Ready, "model-unknown"))
async def model_ready(name: _Asked, asked: Asked) -> Response:
    """The network can be asked."""
    _require(name, asked)
    return answer(Ready(ready=True))


@router.post(
    "/models/{name}/infer",
    responses=answers(Inferred, *_REFUSED, body=True),
    openapi_extra=needs(Role.VIEWER),
)
async def infer(name: _Asked, asked: Asked, body: Infer) -> Response:
    """Logits of normalised features; nothing is kept."""
    _require(name, asked)
    if any(output.name != LOGITS for output in body.outputs or ()):
        raise InvalidInputError("outputs", got=str(body.outputs), expected=f"{LOGITS!r} alone")
    given = arrays_of(body.inputs, InputShape.of(asked.bundle))
    call = functools.partial(asked.predictor.logits_from, *given)
    rows, who = await asked.blocking(asked.predictor.executor, call)
    logits = Tensor(
        name=LOGITS, datatype="FP32", shape=rows.shape, data=tuple(rows.ravel().tolist())
    )
    digest = asked.bundle.digest[:12]
    return answer(
        Inferred(
            model_name=name,
            model_version=digest,
            outputs=(logits,),
            id=body.id,
            parameters={"computed": who},
        )
    )


def _n_classes(asked: Service) -> int:
    return len(asked.bundle.classes)


def _require(name: str, asked: Service) -> None:
    served = asked.bundle.manifest.name
    if name != served:
        raise ModelUnknownError(f"model {name!r} is not served here", expected=repr(served))
