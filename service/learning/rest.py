"""The rest at the beginning of a calibration, and the normalisation that it gives."""

from collections.abc import Mapping

from hadua.adapters.features.normalisation import Normaliser
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.features import FeatureWindow, Modality


class Rest:
    """Looks at the windows of a rest.

    Args:
        bundle: Whose statistics the rest shifts.
        windows: Usable windows that make it complete; 1 at least.
    """

    def __init__(self, bundle: Bundle, *, windows: int) -> None:
        self._normalisers = {
            m: Normaliser(own.mean, own.std).begin_baseline(windows)
            for m, own in bundle.normalisation.items()
        }

    def observe(self, windows: Mapping[Modality, FeatureWindow]) -> None:
        """Take the usable windows of one moment."""
        for modality, window in windows.items():
            normaliser = self._normalisers[modality]
            if normaliser.observing:
                self._normalisers[modality] = normaliser.observe(window.values, window.present)

    def normalisation(self) -> dict[Modality, Normalisation]:
        """What normalises the features once the rest is over; the bundle's where it saw nothing."""
        over = {m: normaliser.end_baseline() for m, normaliser in self._normalisers.items()}
        return {m: Normalisation(n.mean, n.std) for m, n in over.items()}
