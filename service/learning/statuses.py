"""How a calibration and an adaptation stand, as clients are told."""

import msgspec


class CalibrationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a calibration asks for.

    A rest of `baseline_s` (0: none), then `windows`, of which `least` must have each modality;
    with `fewest` it may be ended early. `min_quality` is the share of the signal that must have
    been usable, `most_s` when it gives up, seconds from the first window on.
    """

    baseline_s: float
    windows: int
    fewest: int
    least: dict[str, int]
    min_quality: float
    most_s: float


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a profile without a label of the person.

    `windows_used`, `windows_refused` by reason, `measured` by modality; `balance` is the share of
    each class in the answers; `agreement_*` how often EEG alone and eyes alone say the same;
    `expected_gain` an estimate of how many more answers are right, `changed` the share of other
    answers than before, `divergence` how far they are from those (nats), `consistency` how much
    the same is said from other windows of the person, `check_*` the share right on the bundle's
    check set. Null is what cannot be told. `risk` is `low`, `medium` or `high`; `reasons` say why.
    """

    windows_used: int
    windows_refused: dict[str, int]
    measured: dict[str, int]
    balance: dict[str, float]
    agreement_before: float | None
    agreement_after: float | None
    expected_gain: float | None
    changed: float
    divergence: float
    consistency: float | None
    check_before: float | None
    check_after: float | None
    risk: str
    reasons: tuple[str, ...]


class CalibrationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration as it is now.

    `state` is `idle`, `baseline` (the person rests), `collecting`, `fitting`, `ready` (somebody
    must decide), `accepted`, `rejected` or `failed`; `reason` says why for the last two, `words`
    how far it is. `share` and `eta_s` are of the present state; null: it cannot be told. `lacking`
    are windows still needed of each modality; `refused` counts windows that did not count, by
    reason, `dropped` those that were not looked at. `quality` is the mean share of usable signal
    of the windows that came, `balance` how many collected windows the model in force took for each
    class. `may_finish` says whether collecting may be ended now. `stage` is that of the fit, or
    its place in the line of a pool.
    `report` is there once it is `ready`. `labels` counts what it was told. `computed` says where
    the profile was fitted: `here`, `pool ADDRESS, WHO`, or `here: pool WHY` where that was asked
    for and did not work: `away`, `late`, `refused` or `wrong`.
    """

    id: str
    participant: str
    bundle: str
    state: str
    reason: str
    words: str
    share: float
    eta_s: float | None
    plan: CalibrationPlan
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
    report: CalibrationReport | None
    labels: int = 0
    computed: str = ""


class RollBack(msgspec.Struct, frozen=True, kw_only=True):
    """Something older answers again: since when, which version, and why."""

    at_unix: float
    from_version: int
    to_version: int
    reason: str


class ToldLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What was felt by windows that end after `from_s` and up to `until_s`, LSL seconds."""

    label: str
    from_s: float
    until_s: float


class AdaptationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The online loop of a session as it is now.

    `state` is `off`, `starting`, `on`, `frozen` (nothing is learnt at the moment; `reason` says
    why) or `failed`. `learnt` counts windows that taught something, `refused` the others, by
    reason, `dropped` those that were not looked at because too many waited. `updates` counts the
    versions that it made, `relearnt` those among them that were learnt anew from all that is
    remembered, `relearning` says what came of the latest time. `labels` counts what was told,
    `last_label` is the latest: each is in a frame of its own; `labels_known` is what of it the
    learning process knows: a new one learns of all with the next window. `step_ms` is what its
    latest window cost the learning process.
    """

    state: str = "off"
    reason: str = ""
    learnt: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    dropped: int = 0
    updates: int = 0
    relearnt: int = 0
    relearning: str = ""
    labels: int = 0
    labels_known: int = 0
    last_label: ToldLabel | None = None
    step_ms: float | None = None
    roll_backs: tuple[RollBack, ...] = ()
