"""Migrations of the database, run by Alembic at the start where one is due."""
