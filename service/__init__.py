"""Everything an operator or a client touches."""
