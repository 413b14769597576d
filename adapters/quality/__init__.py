"""How good the signal of a window is, and by which measure."""
