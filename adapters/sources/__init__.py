"""Where samples come from: LSL, the simulator, recordings."""
