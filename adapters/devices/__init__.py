"""What a device's channels mean: labels, units, montage, gaze."""
