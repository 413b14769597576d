"""Booths of a fleet, by the latest word of each."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "booths",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("heard_unix", sa.Float, nullable=False),
        sa.Column("word", sa.Text, nullable=False),
    )
