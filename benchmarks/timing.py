"""How every row is timed, as the suite does it, for the programs of this folder."""

from hadua.service.bench.timing import Quantiles, in_turn

__all__ = ["Quantiles", "in_turn"]
