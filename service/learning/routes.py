"""Calibration, adaptation and roll-back over REST."""

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hadua.calibration.participant_id import require_participant
from hadua.calibration.policy import POLICIES
from hadua.service.idempotency import ONCE, Once
from hadua.service.learning.answers import (
    AdaptationAnswer,
    CalibrationAnswer,
    LabelAnswer,
    ProfileHistory,
    RollBackAnswer,
)
from hadua.service.learning.errors import NotRunningError
from hadua.service.learning.requests import Adapt, GoBack, Label, Reject, StartCalibration
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.learning.told import history_told, nothing_of, plan_told
from hadua.service.openapi import answers
from hadua.service.rest import Asked, Asker, answer, api_router
from hadua.service.service import Service

router: APIRouter = api_router("learning")
SessionId = Annotated[str, Path(description="Id of a session.", examples=["demo"])]
Id = Annotated[str, Path(description="Pseudonym of a participant.", examples=["P-01"])]
_PERSON = (
    *("session-unknown", "session-not-running", "participant-missing", "participant-busy"),
    *("calibration-failed", "profile-invalid", "storage-failed", "participant-unknown"),
    "invalid-input",
)
_BEGUN = ("calibration-active", *_PERSON)
_DECIDED = ("calibration-unknown", "invalid-request", *_PERSON)


@router.get(
    "/sessions/{session_id}/calibration",
    responses=answers(CalibrationAnswer, "session-unknown", "session-not-running"),
)
async def get_calibration(asked: Asked, session_id: SessionId) -> Response:
    """The latest calibration of a session, with its progress and its report."""
    return answer(_shown(_learning(asked, session_id)))


@router.post(
    "/sessions/{session_id}/calibration",
    status_code=201,
    responses=answers(CalibrationAnswer, *_BEGUN, *ONCE, status=201, body=True),
)
async def start_calibration(
    asked: Asked,
    asker: Asker,
    session_id: SessionId,
    once: Once,
    body: StartCalibration | None = None,
) -> Response:
    """Begin a calibration: a rest, then a few minutes of viewing that nobody labels.

    Frames of type `calibration` tell how it goes on. Predictions go on as before.
    """
    learning, wanted = _learning(asked, session_id), body or StartCalibration.model_validate({})

    async def begin() -> Response:
        plan = learning.proposed(seconds=wanted.seconds)
        if plan is not None and wanted.plan is not None:
            plan = wanted.plan.applied_to(plan)
        await learning.calibrate(plan, policy=wanted.policy, actor=asker.name)
        return answer(_shown(learning), status=201)

    return await once(begin)


@router.post(
    "/sessions/{session_id}/calibration/finish",
    responses=answers(CalibrationAnswer, *_DECIDED, *ONCE),
)
async def finish_collecting(
    asked: Asked, asker: Asker, session_id: SessionId, once: Once
) -> Response:
    """End collecting with less than the plan asks for, and fit; see `may_finish`."""
    learning = _learning(asked, session_id)
    return await once(functools.partial(_then_shown, learning, learning.finish, asker.name))


@router.post(
    "/sessions/{session_id}/calibration/accept",
    responses=answers(CalibrationAnswer, *_DECIDED, *ONCE),
)
async def accept_calibration(
    asked: Asked, asker: Asker, session_id: SessionId, once: Once
) -> Response:
    """Let the fitted profile answer from the next window on."""
    learning = _learning(asked, session_id)
    return await once(functools.partial(_then_shown, learning, learning.accept, asker.name))


@router.post(
    "/sessions/{session_id}/calibration/reject",
    responses=answers(CalibrationAnswer, *_DECIDED, *ONCE, body=True),
)
async def reject_calibration(
    asked: Asked, asker: Asker, session_id: SessionId, once: Once, body: Reject | None = None
) -> Response:
    """Discard the fitted profile; what answers goes on."""
    learning = _learning(asked, session_id)
    reject = functools.partial(learning.reject, (body or Reject.model_validate({})).reason)
    return await once(functools.partial(_then_shown, learning, reject, asker.name))


@router.post(
    "/sessions/{session_id}/calibration/cancel",
    responses=answers(CalibrationAnswer, *_DECIDED, *ONCE),
)
async def cancel_calibration(
    asked: Asked, asker: Asker, session_id: SessionId, once: Once
) -> Response:
    """End a calibration, whatever it is doing; what answers goes on."""
    learning = _learning(asked, session_id)
    return await once(functools.partial(_then_shown, learning, learning.cancel, asker.name))


@router.get(
    "/sessions/{session_id}/adaptation",
    responses=answers(AdaptationAnswer, "session-unknown", "session-not-running"),
)
async def get_adaptation(asked: Asked, session_id: SessionId) -> Response:
    """The online loop of a session: state, what it has learnt, roll-backs with their reasons."""
    return answer(_adapting(_learning(asked, session_id), session_id))


@router.post(
    "/sessions/{session_id}/adaptation",
    responses=answers(AdaptationAnswer, *_PERSON, *ONCE, body=True),
)
async def adapt(
    asked: Asked, asker: Asker, session_id: SessionId, once: Once, body: Adapt
) -> Response:
    """Follow the participant, or learn no more; what answers now goes on.

    Each accepted step is a version of their profile. Switched on, it is `starting` until the
    process that adapts is there.
    """
    learning = _learning(asked, session_id)

    async def switch() -> Response:
        await learning.adapt(body.on, actor=asker.name)
        return answer(_adapting(learning, session_id))

    return await once(switch)


@router.post(
    "/sessions/{session_id}/labels",
    status_code=201,
    responses=answers(LabelAnswer, *_PERSON, *ONCE, status=201, body=True),
)
async def post_label(asked: Asked, session_id: SessionId, once: Once, body: Label) -> Response:
    """Say what was felt, as the person reports or the experimenter knows: a trusted sample.

    A marker `label=CLASS` does the same from its time to the next marker that begins with `label=`.
    """
    now_s = asked.clock()  # before anything else: it happens as it arrives
    learning = _learning(asked, session_id)

    async def take() -> Response:
        from_s, until_s = body.stretch(now_s=now_s)
        told = learning.label(body.label, from_s=from_s, until_s=until_s)
        taken = LabelAnswer(
            session_id=session_id,
            label=body.label,
            from_s=told.from_s,
            until_s=told.until_s,
            kept=await asked.kept(asked.sessions.get(session_id)),
        )
        return answer(taken, status=201)

    return await once(take)


@router.post(
    "/sessions/{session_id}/rollback",
    responses=answers(RollBackAnswer, *_PERSON, *ONCE, body=True),
)
async def roll_back(
    asked: Asked, asker: Asker, session_id: SessionId, once: Once, body: GoBack | None = None
) -> Response:
    """Let an older version of the participant's profile answer from the next window on."""
    learning, wanted = _learning(asked, session_id), body or GoBack.model_validate({})

    async def back() -> Response:
        done = await learning.roll_back(wanted.version, reason=wanted.reason, actor=asker.name)
        told = RollBackAnswer(
            session_id=session_id, profile_version=learning.profile_version, roll_back=done
        )
        return answer(told)

    return await once(back)


@router.get(
    "/participants/{participant}/profiles",
    responses=answers(
        ProfileHistory,
        *("profile-invalid", "invalid-input", "participant-unknown", "storage-failed"),
        "service-stopping",
    ),
)
async def get_profiles(asked: Asked, participant: Id) -> Response:
    """Every version of a participant's profile with its report, and what happened to them."""
    return answer(await asked.blocking(asked.pool, functools.partial(_history, asked, participant)))


def _history(asked: Service, participant: str) -> ProfileHistory:
    require_participant(participant)
    asked.storage.participant(participant)
    profiles = asked.people.profiles
    if participant not in profiles.participants():
        return nothing_of(participant)
    return history_told(profiles.history(participant))


def _learning(asked: Service, session_id: str) -> SessionLearning:
    learning = asked.sessions.get(session_id).learning
    if learning is None:
        raise NotRunningError(
            f"session {session_id!r}", got="a service whose sessions learn nothing"
        )
    return learning


async def _then_shown(
    learning: SessionLearning, act: Callable[..., Awaitable[None]], actor: str
) -> Response:
    await act(actor=actor)
    return answer(_shown(learning))


def _adapting(learning: SessionLearning, session_id: str) -> AdaptationAnswer:
    return AdaptationAnswer(
        session_id=session_id,
        profile_version=learning.profile_version,
        adaptation=learning.adaptation(),
    )


def _shown(learning: SessionLearning) -> CalibrationAnswer:
    plan = learning.proposed()
    return CalibrationAnswer(
        calibration=learning.calibration(),
        proposed=None if plan is None else plan_told(plan),
        policies=tuple(POLICIES),
        note=learning.note,
    )
