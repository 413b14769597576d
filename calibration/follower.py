"""What every baseline shares: a network of its own, and the person's own level and spread."""

import copy

from hadua.calibration.chance import Chance, one_thread
from hadua.calibration.learner import Start
from hadua.calibration.person import PersonStatistics
from hadua.calibration.stretches import fused_of_windows, logits_of_windows
from hadua.calibration.windows import Windows
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

PRIOR_WINDOWS = 30.0
"""Windows of the source that count beside a person's own; found on development populations."""


class Follower:
    """Standardises a person by their own statistics and answers; `adapt` is where methods differ.

    Args:
        start: Where to begin; it is copied, never changed.
        seed: Start of every random number.
        prior_windows: As in `PersonStatistics.of`; None leaves windows as they come.
    """

    def __init__(
        self, start: Start, seed: int, *, prior_windows: float | None = PRIOR_WINDOWS
    ) -> None:
        self.network = copy.deepcopy(start.network).eval()
        self.chance = Chance(seed)
        self._prior_windows = prior_windows
        self._statistics = PersonStatistics({})

    def learn(self, target: Windows, *, steps: int) -> None:
        """Take the statistics of all windows seen so far, then adapt.

        Raises:
            InvalidInputError: anything but windows without labels.
        """
        require_unlabelled(target)
        if self._prior_windows is not None:
            self._statistics = PersonStatistics.of(target, prior_windows=self._prior_windows)
        with self.chance.drawing():
            self.adapt(self._statistics.apply(target), steps=steps)

    def adapt(self, own: Windows, *, steps: int) -> None:
        """Change the network; here it stays as it is.

        Args:
            own: All windows seen so far, standardised.
            steps: Gradient steps to take.
        """

    def logits(self, windows: Windows) -> FloatArray:
        """Logits `(n, n_classes)`; asking changes nothing."""
        with one_thread():
            return logits_of_windows(self.network, self._standardised(windows))

    def fused(self, windows: Windows) -> FloatArray:
        """Fused features `(n, 384)`; asking changes nothing."""
        with one_thread():
            return fused_of_windows(self.network, self._standardised(windows))

    def _standardised(self, windows: Windows) -> Windows:
        require_unlabelled(windows)
        return self._with_new_sittings(windows).apply(windows)

    def _with_new_sittings(self, windows: Windows) -> PersonStatistics:
        """Statistics that know every sitting: a new one begins with the person's latest."""
        moments = dict(self._statistics.moments)
        known = sorted(moments)
        pairs = set(zip(windows.subject.tolist(), windows.session.tolist(), strict=True))
        for subject, session in pairs - set(known):
            before = [sitting for sitting in known if sitting[0] == subject]
            if before:
                moments[subject, session] = moments[before[-1]]
        return PersonStatistics(moments)


def require_unlabelled(windows: object) -> None:
    """Raise `InvalidInputError` for anything but `Windows`, whatever the type checker was told."""
    if not isinstance(windows, Windows):
        raise InvalidInputError(
            "windows of a person to adapt to",
            got=f"{type(windows).__name__!r}",
            expected="'Windows', which have no labels",
            hint="Hand over `.windows` of labelled windows.",
        )
