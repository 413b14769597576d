"""The tables, as the newest migration leaves them.

The audit trail names nobody: it holds a random token of the participant, which stands only in the
participant's own row. Once that row is erased, the trail stays and says nothing of a person.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

participants = Table(
    "participants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_unix", Float, nullable=False),
    Column("token", String(32), nullable=False, unique=True),
)

consents = Table(
    "consents",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column(
        "participant", String(64), ForeignKey("participants.id", ondelete="CASCADE"), nullable=False
    ),
    Column("given_unix", Float, nullable=False),
    Column("notice", String(64), nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("withdrawn_unix", Float),
    Index("consents_of", "participant"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("participant", String(64), ForeignKey("participants.id", ondelete="CASCADE")),
    Column("started_unix", Float, nullable=False),
    Column("ended_unix", Float),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("bundle", String(128), nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Index("sessions_of", "participant"),
)

frames = Table(
    "frames",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("at_unix", Float, nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(
        ("session_id", "epoch"), ("sessions.id", "sessions.epoch"), ondelete="CASCADE"
    ),
    Index("frames_at", "at_unix"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_unix", Float, nullable=False),
    Column("revoked_unix", Float),
)

booths = Table(
    "booths",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("heard_unix", Float, nullable=False),
    Column("word", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("at_unix", Float, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("token", String(32)),
    Column("detail", Text, nullable=False),
    Index("audit_of", "token"),
)

_migrated = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def make_tables(connection: Connection, *, version: str) -> None:
    """Make all of it in an empty SQLite database, as the migrations up to `version` would.

    A test compares both.
    """
    metadata.create_all(connection)
    for verb in ("UPDATE", "DELETE"):
        connection.execute(
            text(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
        )
    _migrated.create(connection)
    connection.execute(_migrated.insert().values(version_num=version))
