"""The commands `hadua-serve` and `hadua`."""
