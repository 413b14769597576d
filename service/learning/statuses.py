"""How a calibration and an adaptation stand, as clients are told."""

import msgspec

from hadua.calibration.plan import Plan
from hadua.calibration.report import Report


class CalibrationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration as it is now.

    `state` is `idle`, `baseline` (the person rests), `collecting`, `fitting`, `ready` (somebody
    must decide), `accepted`, `rejected` or `failed`; `reason` says why for the last two, `words`
    how far it is. `share` and `eta_s` are of the present state; null: it cannot be told. `lacking`
    are windows still needed of each modality; `refused` counts windows that did not count, by
    reason, `dropped` those that were not looked at. `quality` is the mean share of usable signal
    of the windows that came, `balance` how many collected windows the model in force took for each
    class. `may_finish` says whether collecting may be ended now. `stage` is that of the fit.
    `report` is there once it is `ready`.
    """

    id: str
    participant: str
    bundle: str
    state: str
    reason: str
    words: str
    share: float
    eta_s: float | None
    plan: Plan
    policy: str
    rested: int
    collected: int
    measured: dict[str, int]
    lacking: dict[str, int]
    refused: dict[str, int]
    dropped: int
    quality: dict[str, float]
    balance: dict[str, int]
    may_finish: bool
    stage: str
    version: int | None
    report: Report | None


class RollBack(msgspec.Struct, frozen=True, kw_only=True):
    """Something older answers again: since when, which version, and why."""

    at_unix: float
    from_version: int
    to_version: int
    reason: str


class AdaptationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The online loop of a session as it is now.

    `state` is `off`, `starting`, `on`, `frozen` (nothing is learnt at the moment; `reason` says
    why) or `failed`. `learnt` counts windows that taught something, `refused` the others, by
    reason, `dropped` those that were not looked at because too many waited. `updates` counts the
    versions that it made, `relearnt` those among them that were learnt anew from all that is
    remembered. `labels` counts what it was told. `step_ms` is what its latest window cost the
    learning process.
    """

    state: str = "off"
    reason: str = ""
    learnt: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    dropped: int = 0
    updates: int = 0
    relearnt: int = 0
    labels: int = 0
    step_ms: float | None = None
    roll_backs: tuple[RollBack, ...] = ()
