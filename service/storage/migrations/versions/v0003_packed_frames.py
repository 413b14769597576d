"""Frames may be packed: no table changes, but an older hadua could not read them."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing: rows that are there are read as they are."""
