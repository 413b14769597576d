"""What the process that adapts is told, and what it answers: one line of JSON each."""

import msgspec

from hadua.calibration.collected import CollectedWindow


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """Follow a participant from a version on.

    Args:
        bundle: Folder of the bundle.
        profiles: Folder of all profiles.
        participant: Pseudonym.
        version: Where it begins; 0 is the bundle as shipped.
        folder: Where to put what is made.
        source: Folder of the source's windows; None to use the bundle's embeddings.
        seed: Start of every random number.
        remember: Whether the windows of the participant's calibration are to be remembered.
        person_guard: Whether to ask if this is still the person of the profile.
        resume: Whether this sitting was followed before, by a process that is gone.
        owed: Whether that one was to learn all anew, and was not left the time.
    """

    bundle: str
    profiles: str
    participant: str
    version: int
    folder: str
    source: str | None = None
    seed: int = 0
    remember: bool = True
    person_guard: bool = True
    resume: bool = False
    owed: bool = False


class See(msgspec.Struct, frozen=True, kw_only=True, tag="see"):
    """A window that has been answered; the values as float32, NaN where not measured."""

    end_s: float
    eeg: bytes
    eye: bytes
    quality: tuple[float, float]
    usable: bool

    @classmethod
    def of(cls, window: CollectedWindow, *, usable: bool) -> "See":
        """From a window."""
        return cls(
            end_s=window.end_s,
            eeg=window.eeg.astype("<f4").tobytes(),
            eye=window.eye.astype("<f4").tobytes(),
            quality=window.quality,
            usable=usable,
        )


class Tell(msgspec.Struct, frozen=True, kw_only=True, tag="tell"):
    """A class that somebody has told for windows that end in a stretch of time."""

    label: int
    from_s: float
    until_s: float


class Kept(msgspec.Struct, frozen=True, kw_only=True, tag="kept"):
    """What was made last has this version now."""

    version: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Everything slow has been imported."""


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """It follows.

    Args:
        remembered: Windows of the calibration that it knows.
        resumed: Pieces of this sitting that it took over.
    """

    remembered: int
    resumed: int = 0


class Seen(msgspec.Struct, frozen=True, kw_only=True, tag="seen"):
    """What became of a window.

    Args:
        step_ms: What it cost.
        refused: Why it teaches nothing; empty if it does.
        made: Whether a profile lies in the folder.
        back_to: The version that answers again; None if nothing was wrong.
        reason: Why.
        relearning: Whether all is learnt anew now: `Relearnt` follows.
        labels: How many labels it was told so far.
    """

    step_ms: float
    refused: str = ""
    made: bool = False
    back_to: int | None = None
    reason: str = ""
    relearning: bool = False
    labels: int = 0


class Relearnt(msgspec.Struct, frozen=True, kw_only=True, tag="relearnt"):
    """What came of learning anew; `made` if a profile lies in the folder."""

    made: bool
    reason: str


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """It cannot do what it was told."""

    what: str


Told = Begin | See | Tell | Kept
Said = Ready | Begun | Seen | Relearnt | Failed

_encoder = msgspec.json.Encoder()


def line(message: Told | Said) -> bytes:
    """As sent, with its end."""
    return _encoder.encode(message) + b"\n"
