"""What a session learns of its participant: the calibration, and the adaptation that follows."""
