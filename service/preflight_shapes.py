"""What a pre-flight answers, as structs."""

import msgspec

from hadua.service.wire import EegQualityPart, EyeQualityPart


class PreflightFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; `stops` says that no session would run because of it.

    `check` is a heading of docs/doctor.md, `state` `ok`, `note`, `warning` or `problem`; `about`
    names the stream or the part of the computer, `fix` says what to do.
    """

    check: str
    state: str
    about: str
    found: str
    fix: str
    stops: bool


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the setting `expect` says of a stream; null where it says nothing."""

    name: str | None
    type: str | None
    rate_hz: float | None
    channels: int | None
    labels: tuple[str, ...]


class Electrode(msgspec.Struct, frozen=True, kw_only=True):
    """One channel of the model on the head seen from above: nose at y = 1, right ear at x = 1.

    `state` is `good`, `noisy`, `bad` or `missing` in the newest window, `bad_share` the share of
    the windows in which it was bad.
    """

    name: str
    x: float
    y: float
    state: str
    flags: tuple[str, ...]
    interpolated: bool
    bad_share: float


class GazeOnScreen(msgspec.Struct, frozen=True, kw_only=True):
    """Where gaze was, in halves of the screen from its middle, to the right and down.

    Beyond -1 and 1 it was beside the screen. `lost_left` and `lost_right` are the shares of the
    samples in which that eye was not measured.
    """

    points: tuple[tuple[float, float], ...]
    lost_left: float
    lost_right: float


class PreflightStream(msgspec.Struct, frozen=True, kw_only=True):
    """One stream that a session needs, or that is there where the settings name none.

    `state` is `missing`, `found` (no samples), `live`, `stale`, or what else the streams of a
    session can be. `windows` were judged; `eeg`, `electrodes`, `eye` and `gaze` are null or empty
    where nothing was heard.
    """

    about: str
    source: str
    role: str
    required: bool
    session_id: str | None
    state: str
    worst: str
    stops: bool
    expected: Expectation | None
    name: str | None
    type: str | None
    hostname: str | None
    n_channels: int | None
    labels: tuple[str, ...]
    units: tuple[str, ...]
    nominal_rate_hz: float | None
    effective_rate_hz: float | None
    sample_age_s: float | None
    gaps: int
    lost_samples: int
    clock_offset_ms: float | None
    clock_uncertainty_ms: float | None
    device: str
    coverage: float | None
    needed_coverage: float | None
    mapping: str | None
    windows: int
    eeg: EegQualityPart | None
    electrodes: tuple[Electrode, ...]
    eye: EyeQualityPart | None
    gaze: GazeOnScreen | None


class PreflightAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a session needs, and whether it is there. `ready`: nothing would stop a session."""

    ready: bool
    worst: str
    time_unix: float
    listened_s: float
    streams: tuple[PreflightStream, ...]
    findings: tuple[PreflightFinding, ...]
