"""What the models are, and `POST predict`, which remembers nothing."""

import functools

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Modality
from hadua.service.access.roles import Role, needs
from hadua.service.answers import BundleList, Probabilities
from hadua.service.openapi import answers
from hadua.service.requests import Predict, Windows
from hadua.service.rest import Asked, answer, api_router
from hadua.service.stateless import Block

router: APIRouter = api_router("models")
_REFUSED = (
    "invalid-input",
    "feature-mismatch",
    "runtime-unavailable",
    "bundle-invalid",
    "service-stopping",
    "cluster-unavailable",
)


@router.get("/bundles", responses=answers(BundleList))
async def bundles(asked: Asked) -> Response:
    """The bundle that sessions run, with its feature definitions."""
    return answer(BundleList(bundles=(asked.bundle_info,)))


@router.post(
    "/predict",
    responses=answers(Probabilities, *_REFUSED, body=True),
    openapi_extra=needs(Role.VIEWER),
)
async def predict(asked: Asked, body: Predict) -> Response:
    """Probabilities of feature windows, null for a label that is not sure; nothing is kept."""
    sent = {Modality.EEG: body.eeg, Modality.EYE: body.eye}
    blocks = {m: _block(m, windows) for m, windows in sent.items() if windows is not None}
    predictor = asked.predictor
    predict_all = functools.partial(predictor.predict, blocks)
    rows = await asked.blocking(predictor.executor, predict_all)
    classes, abstain_below = asked.bundle_info.classes, asked.bundle.manifest.abstain_below
    return answer(
        Probabilities(
            bundle=asked.bundle.id,
            classes=classes,
            probabilities=tuple(map(tuple, rows.tolist())),
            labels=tuple(
                classes[int(row.argmax())] if row.max() >= abstain_below else None for row in rows
            ),
        )
    )


def _block(modality: Modality, windows: Windows) -> Block:
    return Block(windows.definition, windows.version, _array(modality, windows))


def _array(modality: Modality, windows: Windows) -> FloatArray:
    try:
        return np.array(windows.values, np.float64)
    except ValueError:
        raise InvalidInputError(
            f"{modality} values",
            got="rows of different lengths",
            expected="[n][T][d], every row of the same length",
            hint="Leave out windows of which a part was not measured.",
        ) from None
