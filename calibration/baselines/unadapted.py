"""No adaptation of the network: what it is worth on a person as it comes, and after a z-score."""

from hadua.calibration.follower import PRIOR_WINDOWS, Follower
from hadua.calibration.learner import Learner, Method, Start


def source_only(start: Start, seed: int) -> Learner:
    """The source network on windows normalised by the source's statistics."""
    return Follower(start, seed, prior_windows=None)


def person_z(start: Start, seed: int) -> Learner:
    """The source network on windows standardised by the person's own statistics, per sitting."""
    return Follower(start, seed)


SOURCE_ONLY = Method("source-only", "Source only", source_only, normalisation="source")
PERSON_Z = Method(
    "person-z", "z-score per person", person_z, settings={"prior_windows": PRIOR_WINDOWS}
)
