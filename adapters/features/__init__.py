"""Windows to named numbers: differential entropy and eye movements."""
