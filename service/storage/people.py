"""Queries and changes about participants: who they are and what they agreed to."""

import secrets
from collections.abc import Collection

from sqlalchemy import Connection, delete, func, insert, select, update

from hadua.service.storage.errors import ParticipantExistsError, ParticipantUnknownError
from hadua.service.storage.records import Consent, Erased, Participant
from hadua.service.storage.tables import consents, frames, participants, sessions


def every(connection: Connection, *, after: str = "", limit: int = 100) -> list[Participant]:
    """Participants in the order of their ids, those after `after`."""
    query = select(participants.c.id).where(participants.c.id > after)
    ids = connection.execute(query.order_by(participants.c.id).limit(limit)).scalars().all()
    return [one(connection, each) for each in ids]


def entered(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of these who are entered."""
    query = select(participants.c.id).where(participants.c.id.in_(names))
    return set(connection.execute(query).scalars())


def withdrawn(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of these who consented once, and do not any more."""
    query = select(consents.c.participant, consents.c.withdrawn_unix).order_by(consents.c.n)
    rows = connection.execute(query.where(consents.c.participant.in_(names))).all()
    newest = {row.participant: row.withdrawn_unix for row in rows}
    return {name for name, withdrawn_unix in newest.items() if withdrawn_unix is not None}


def one(connection: Connection, participant: str) -> Participant:
    """A participant.

    Raises:
        ParticipantUnknownError: nobody of that id.
    """
    query = select(participants.c.created_unix).where(participants.c.id == participant)
    created_unix = connection.execute(query).scalar()
    if created_unix is None:
        raise _unknown(participant)
    given = connection.execute(
        select(consents).where(consents.c.participant == participant).order_by(consents.c.n)
    ).all()
    count = select(func.count()).select_from(sessions).where(sessions.c.participant == participant)
    return Participant(
        participant,
        created_unix,
        tuple(Consent(r.given_unix, r.notice, r.recorded_by, r.withdrawn_unix) for r in given),
        connection.execute(count).scalar() or 0,
    )


def token_of(connection: Connection, participant: str) -> str:
    """What stands for the participant in the audit trail.

    Raises:
        ParticipantUnknownError: nobody of that id.
    """
    query = select(participants.c.token).where(participants.c.id == participant)
    token = connection.execute(query).scalar()
    if token is None:
        raise _unknown(participant)
    return str(token)


def enter(connection: Connection, participant: str, *, now_unix: float) -> Participant:
    """Enter a participant.

    Raises:
        ParticipantExistsError: the id is taken, also by one that differs in case alone.
    """
    query = select(participants.c.id).where(func.lower(participants.c.id) == participant.lower())
    taken = connection.execute(query).scalar()
    if taken is not None:
        raise ParticipantExistsError(
            f"participant {participant!r} cannot be entered",
            got=f"{taken!r} is entered already",
            hint="Ids must differ in more than upper and lower case.",
        )
    row = {"id": participant, "created_unix": now_unix, "token": secrets.token_hex(16)}
    connection.execute(insert(participants).values(row))
    return Participant(participant, now_unix)


def consent(connection: Connection, participant: str, given: Consent) -> Participant:
    """Record that a participant agreed.

    Raises:
        ParticipantUnknownError: nobody of that id.
    """
    one(connection, participant)
    row = {
        "participant": participant,
        "given_unix": given.given_unix,
        "notice": given.notice,
        "recorded_by": given.recorded_by,
    }
    connection.execute(insert(consents).values(row))
    return one(connection, participant)


def withdraw(connection: Connection, participant: str, *, now_unix: float) -> Participant:
    """Record that a participant took their consent back; doing so twice changes nothing.

    Raises:
        ParticipantUnknownError: nobody of that id.
    """
    one(connection, participant)
    in_force = (consents.c.participant == participant) & consents.c.withdrawn_unix.is_(None)
    connection.execute(update(consents).where(in_force).values(withdrawn_unix=now_unix))
    return one(connection, participant)


def erase(connection: Connection, participant: str) -> Erased:
    """Delete every row of a participant.

    Raises:
        ParticipantUnknownError: nobody of that id.
    """
    one(connection, participant)
    theirs = select(sessions.c.id, sessions.c.epoch).where(sessions.c.participant == participant)
    n_frames = 0
    for session_id, epoch in connection.execute(theirs).all():
        of_session = (frames.c.session_id == session_id) & (frames.c.epoch == epoch)
        n_frames += connection.execute(delete(frames).where(of_session)).rowcount
    gone = [
        connection.execute(delete(table).where(table.c.participant == participant)).rowcount
        for table in (sessions, consents)
    ]
    connection.execute(delete(participants).where(participants.c.id == participant))
    return Erased(sessions=gone[0], frames=n_frames, consents=gone[1])


def _unknown(participant: str) -> ParticipantUnknownError:
    return ParticipantUnknownError(
        f"no participant {participant!r}",
        hint="Is it misspelt? `hadua participants list` and the page Participants list them.",
    )
