"""What REST answers about learning."""

import msgspec

from hadua.service.learning.statuses import (
    AdaptationStatus,
    CalibrationPlan,
    CalibrationReport,
    CalibrationStatus,
    RollBack,
)


class CalibrationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The latest calibration of a session; null if there was none.

    `proposed` is the plan of one that says nothing of its own, null where there can be none;
    `policies` are the names of who may decide. `note` says why a calibration that was cut off
    could not go on.
    """

    calibration: CalibrationStatus | None
    proposed: CalibrationPlan | None
    policies: tuple[str, ...]
    note: str = ""


class AdaptationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The online loop of a session as it is now, and the version that answers."""

    session_id: str
    profile_version: int
    adaptation: AdaptationStatus


class LabelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A label that was taken: for windows that end after `from_s` and up to `until_s`.

    `kept`: it is in the database, as `last_label` of a `calibration` frame.
    """

    session_id: str
    label: str
    from_s: float
    until_s: float
    kept: bool = False


class RollBackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What answers from the next window on."""

    session_id: str
    profile_version: int
    roll_back: RollBack


class ProfileVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a participant's profile. `origin` is `calibration` or `online`."""

    version: int
    parent: int
    origin: str
    bundle: str
    n_seen: int
    report: CalibrationReport


class ProfileEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a version: saved, activated, rolled back, discarded or imported."""

    at_unix: float
    event: str
    version: int
    reason: str


class ProfileHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's profiles. `active` answers, 0 is the bundle as shipped.

    `versions` are oldest first; of `damaged` ones it is said why they cannot be read. `events` are
    the newest, oldest first.
    """

    participant: str
    active: int
    good: int
    versions: tuple[ProfileVersion, ...]
    damaged: dict[str, str]
    events: tuple[ProfileEvent, ...]
