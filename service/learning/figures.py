"""Figures of learning for Prometheus. No label ever carries a participant, nor a session."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_STEP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 1.0, 10.0, 60.0)


class LearningFigures:
    """Counters of calibrations, adaptation and the profiles that come of them.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calibrations = Counter(
            "hadua_calibrations", "Calibrations that reached a state.", ["state"], registry=registry
        )
        self.calibration_windows = Counter(
            "hadua_calibration_windows",
            "Windows that calibrations looked at, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self.windows_dropped = Counter(
            "hadua_learning_windows_dropped",
            "Windows that learning did not look at because too many waited.",
            ["by"],
            registry=registry,
        )
        self.swaps = Counter(
            "hadua_profile_swaps", "Changes of the profile that answers.", registry=registry
        )
        self.roll_backs = Counter(
            "hadua_roll_backs",
            "Times that something older was put back, by whom.",
            ["by"],
            registry=registry,
        )
        self.adaptation_windows = Counter(
            "hadua_adaptation_windows",
            "Windows that the online loop looked at, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self.adaptation_step_s = Histogram(
            "hadua_adaptation_step_seconds",
            "What a window cost the process that adapts.",
            buckets=_STEP_BUCKETS_S,
            registry=registry,
        )
