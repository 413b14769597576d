"""Rows and their table, as the suite has them, for the programs of this folder."""

from hadua.service.bench.row import Row, machine, markdown

__all__ = ["Row", "machine", "markdown"]
