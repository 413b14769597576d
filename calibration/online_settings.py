"""How the online loop learns, and when it stops believing itself; chosen on development people."""

from dataclasses import asdict, dataclass, field

from hadua.calibration.profile import Setting
from hadua.calibration.timed_weighting import TimedSettings
from hadua.models.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Bounds whose crossing rolls the model back.

    Args:
        most_entropy: Entropy, as a share of the greatest, above which a piece teaches nothing.
        least_spread: Entropy of the mean prediction of the buffer's pieces, as a share of the
            greatest, below which the classes have collapsed, if they were told apart before.
        spread_margin: By how much the mean of what was predicted when they came must have more.
        most_divergence: Mean Kullback-Leibler divergence (nats) from the model it started from.
        check_loss: Fall of the share right on the check set.
        most_novelty: Mean squared distance of the person's mean features from the profile's, in
            deviations, above which this is somebody else; each feature counts 4 at most, so that
            with a bound of 4 nobody is.
        novelty_windows: Windows from which that is told.
        tau_s: Memory of the divergence's average.
        probation: Pieces after which a state that no bound has objected to is a good one.
    """

    most_entropy: float = 0.9
    least_spread: float = 0.35
    spread_margin: float = 0.4
    most_divergence: float = 2.5
    check_loss: float = 0.25
    most_novelty: float = 0.65
    novelty_windows: int = 36
    tau_s: float = 120.0
    probation: int = 4


@dataclass(frozen=True, slots=True)
class OnlineSettings:
    """The loop.

    Args:
        piece: Windows of a piece.
        capacity: Pieces in the buffer.
        stretch_s: Seconds of the stream that make one stretch for the buffer.
        per_stretch: Most pieces of one stretch.
        least_pieces: Pieces before the weights move.
        steps: Gradient steps after a piece.
        batch: Pieces a step.
        rate: Learning rate.
        teacher_keep: Share of the teacher's old weights that a step keeps.
        anchor: Weight of the squared distance from the weights it started from.
        gamma_mmd: Weight of MMD to the source.
        gamma_cmmd: Weight of class-conditional MMD.
        noise_sd: Noise on what the student sees.
        feature_drop: Share of features that it does not see.
        smooth_windows: Distance over which pseudo-labels are averaged in time.
        statistics: Whether the normalisation follows the person.
        prior_windows: Windows that what it started from counts like in the normalisation.
        growth: A relearning is due when the pieces seen have grown by this factor; 0 for never.
        first_pieces: Pieces before the first relearning.
        weighting: Memory of the pseudo-labels' averages.
        guard: When to roll back.
    """

    piece: int = 12
    capacity: int = 60
    stretch_s: float = 120.0
    per_stretch: int = 6
    least_pieces: int = 6
    steps: int = 3
    batch: int = 4
    rate: float = 3e-4
    teacher_keep: float = 0.95
    anchor: float = 1.0
    gamma_mmd: float = 0.5
    gamma_cmmd: float = 0.5
    noise_sd: float = 0.5
    feature_drop: float = 0.2
    smooth_windows: float = 20.0
    statistics: bool = True
    prior_windows: float = 60.0
    growth: float = 1.5
    first_pieces: int = 12
    weighting: TimedSettings = field(default_factory=TimedSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)

    def __post_init__(self) -> None:
        counts = (self.piece, self.capacity, self.per_stretch, self.batch, self.first_pieces)
        shares = (self.teacher_keep, self.feature_drop)
        fits = min(counts) >= 1 and self.steps >= 0 and self.rate > 0.0
        if not fits or not all(0.0 <= share < 1.0 for share in shares) or self.stretch_s <= 0.0:
            raise InvalidInputError(
                "settings of the online loop",
                got=f"{self}",
                expected="counts of 1 or more, shares from 0 to 1, and positive times and rates",
            )

    def record(self) -> dict[str, Setting]:
        """As plain values, nested ones with a dot."""
        flat: dict[str, Setting] = {}
        for name, value in asdict(self).items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            flat |= {f"{name}.{key}".rstrip("."): v for key, v in inner}
        return flat
