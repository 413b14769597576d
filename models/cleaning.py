"""What is done to the EEG of a window before it is measured, by name and version."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from hadua.models.errors import InvalidInputError

DEFINITION = "hadua-clean"
VERSION = 1

MAINS_HZ = (50.0, 60.0)


class Reference(StrEnum):
    """What potentials are measured against."""

    RECORDED = "recorded"  # as the device has it
    AVERAGE = "average"  # the mean of the model's channels that the device has and that are good


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How the EEG is cleaned: what a model was trained with is what it is served with.

    A window is cleaned by itself: resampled, then freed from mains hum and slow drift, then
    referenced. What comes out depends on its own samples alone (and, where it is resampled, on
    those within the filter's reach before and after it), so that nothing in one window can spoil a
    later one. How each step is done belongs to `label`; see `adapters/features/cleaning.py`.

    Args:
        rate_hz: Sampling rate to bring it to; None for the device's own.
        notch_hz: Frequency of the mains, 50 or 60, to be removed with two harmonics; None for none.
        high_pass_hz: Oscillations slower than this are removed, and the mean; None for none.
        reference: What potentials are measured against.
        definition: Name of the way in which all this is done.
        version: Version of it.
    """

    rate_hz: float | None = None
    notch_hz: float | None = None
    high_pass_hz: float | None = None
    reference: Reference = Reference.RECORDED
    definition: str = DEFINITION
    version: int = VERSION

    def __post_init__(self) -> None:
        if (self.definition, self.version) != (DEFINITION, VERSION):
            expected = f"{DEFINITION}/{VERSION}"
            raise _wrong("definition", self.label, expected, "Use the hadua version that made it.")
        if self.rate_hz is not None and not (isfinite(self.rate_hz) and self.rate_hz >= 1.0):
            raise _wrong("sampling rate", f"{self.rate_hz} Hz", "1 Hz or more")
        if self.notch_hz is not None and self.notch_hz not in MAINS_HZ:
            raise _wrong("notch", f"{self.notch_hz:g} Hz", "50 or 60, the frequency of the mains")
        cutoff_hz = self.high_pass_hz
        if cutoff_hz is not None and not (isfinite(cutoff_hz) and 0.0 < cutoff_hz <= 10.0):
            raise _wrong("high-pass", f"{cutoff_hz:g} Hz", "above 0 and at most 10 Hz")

    @property
    def label(self) -> str:
        """Name and version, as in `hadua-clean/1`."""
        return f"{self.definition}/{self.version}"

    @property
    def acts(self) -> bool:
        """Whether it does anything at all."""
        numbers = (self.rate_hz, self.notch_hz, self.high_pass_hz)
        return any(n is not None for n in numbers) or self.reference is not Reference.RECORDED

    def __str__(self) -> str:
        steps = [
            f"at {self.rate_hz:g} Hz" if self.rate_hz is not None else "",
            f"without {self.notch_hz:g} Hz" if self.notch_hz is not None else "",
            f"without what is below {self.high_pass_hz:g} Hz" if self.high_pass_hz else "",
            "against the average" if self.reference is Reference.AVERAGE else "",
        ]
        return f"{self.label}: {', '.join(filter(None, steps)) or 'as recorded'}"


def _wrong(what: str, got: str, expected: str, hint: str | None = None) -> InvalidInputError:
    return InvalidInputError(f"cleaning of the EEG: {what}", got=got, expected=expected, hint=hint)
