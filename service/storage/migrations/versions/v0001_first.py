"""People, consent, sessions, frames, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_PARTICIPANT = "participants.id"
_APPEND_ONLY = "the audit trail is append-only"


def upgrade() -> None:
    """Make the first tables, and triggers that keep the audit trail as it was written."""
    op.create_table(
        "participants",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("created_unix", sa.Float, nullable=False),
        sa.Column("token", sa.String(32), nullable=False, unique=True),
    )
    op.create_table(
        "consents",
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "participant",
            sa.String(64),
            sa.ForeignKey(_PARTICIPANT, ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("given_unix", sa.Float, nullable=False),
        sa.Column("notice", sa.String(64), nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("withdrawn_unix", sa.Float),
    )
    op.create_index("consents_of", "consents", ["participant"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("participant", sa.String(64), sa.ForeignKey(_PARTICIPANT, ondelete="CASCADE")),
        sa.Column("started_unix", sa.Float, nullable=False),
        sa.Column("ended_unix", sa.Float),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("bundle", sa.String(128), nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
    )
    op.create_index("sessions_of", "sessions", ["participant"])
    op.create_table(
        "frames",
        sa.Column("session_id", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at_unix", sa.Float, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id", "epoch"], ["sessions.id", "sessions.epoch"], ondelete="CASCADE"
        ),
    )
    op.create_index("frames_at", "frames", ["at_unix"])
    op.create_table(
        "audit",
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_unix", sa.Float, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("audit_of", "audit", ["token"])
    _make_append_only()


def _make_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_append_only()"
    )
