"""Which streams are wanted, by all that the settings say: `expect`, `eeg`, `gaze`, `markers`."""

from collections.abc import Iterator
from dataclasses import dataclass

from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.expected import ExpectedStream, Role

ROLES: dict[Modality, Role] = {Modality.EEG: "eeg", Modality.EYE: "gaze"}
MODALITIES = {role: modality for modality, role in ROLES.items()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stream that is asked for.

    Args:
        text: Its SOURCE.
        role: What it is for.
        expected: What is expected of it, or None.
    """

    text: str
    role: Role
    expected: ExpectedStream | None = None

    @property
    def modality(self) -> Modality | None:
        """What it would be taken for; None for markers."""
        return MODALITIES.get(self.role)

    @property
    def required(self) -> bool:
        """Whether a session is not to begin without it; one runs without its markers."""
        if self.expected is not None:
            return self.expected.required
        return self.role != "markers"


def wanted_streams(settings: Settings) -> tuple[Wanted, ...]:
    """Each stream that is asked for, once."""
    known: dict[tuple[Role, str], Wanted] = {}
    for wanted in _wanted(settings):
        known.setdefault((wanted.role, wanted.text), wanted)
    return tuple(known.values())


def _wanted(settings: Settings) -> Iterator[Wanted]:
    named: dict[Role, tuple[str, ...]] = {
        "eeg": (settings.eeg,) if settings.eeg else (),
        "gaze": (settings.gaze,) if settings.gaze else (),
        "markers": settings.markers,
    }
    for expected in settings.expect:
        otherwise = next(iter(named[expected.role]), None)
        yield Wanted(expected.query_or(otherwise), expected.role, expected)
    for role, texts in named.items():
        for text in texts:
            yield Wanted(text, role)
