"""The JSON frames that WebSocket clients receive, and their one encoder.

Each frame is an object with `v` (the contract's version, 1), `type`, `epoch` and `seq`.
`prediction`, `status`, `quality`, `calibration` and `marker` take the next `seq` of their session;
`hello`, `gap` and `bye` belong to one connection and repeat the `seq` up to which that client is
now informed.
A number that is not finite is never sent: it becomes null.
"""

from typing import Literal

import msgspec

from hadua.service.learning.statuses import AdaptationStatus, CalibrationStatus

CONTRACT_VERSION = 1


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every frame has."""

    v: Literal[1] = 1
    session_id: str | None = None
    epoch: int = 0
    seq: int = 0


class FeatureInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One modality's feature definition, as `POST predict` has to name it."""

    definition: str
    version: int
    n_features: int
    window_s: float
    hop_s: float
    cleaning: str = ""


class BundleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may know of a bundle."""

    id: str
    name: str
    version: str
    demo: bool
    notice: str
    classes: tuple[str, ...]
    context: int
    features: dict[str, FeatureInfo]


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of a session, as it is now.

    `state` is `waiting` (not found yet), `found` (no sample yet), `live`, `stale` (connected, but
    silent), `lost` (not there; it is looked for), `back` (live again, for some seconds), `changed`
    (live again, but not as it was: `change` says how), or `ended`. `outages` that are over,
    `last_outage_s` the length of the latest; `overflows` of a buffer that dropped the oldest
    samples; `twins` other senders with its source_id.
    """

    source: str
    state: str
    name: str | None = None
    nominal_rate_hz: float | None = None
    effective_rate_hz: float | None = None
    sample_age_s: float | None = None
    samples: int = 0
    gaps: int = 0
    lost_samples: int = 0
    chunks_dropped: int = 0
    chunks_before_start: int = 0
    chunks_withheld: int = 0
    overflows: int = 0
    outages: int = 0
    last_outage_s: float = 0.0
    twins: int = 0
    change: str = ""
    clock_offset_ms: float | None = None
    clock_uncertainty_ms: float | None = None
    lag_ms: float = 0.0
    lag_said_by: str = ""
    notes: tuple[str, ...] = ()
    last_error: str | None = None


class MappingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream's device was taken for, and whether a person has confirmed its mapping.

    `state` is `confirmed`, `unconfirmed`, or `changed`: another mapping of it was confirmed.
    `key` names the mapping in `POST sessions/{id}/mapping`. `coverage` is the share of the model's
    input that the device gives; `interpolated` and `missing` name the model's channels it lacks.
    """

    state: str
    key: str
    preset: str
    device: str
    coverage: float | None = None
    interpolated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class LatencySummary(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of the total latency over a session's latest predictions."""

    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class RecordingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A session's recording: `recording`, `stopped` or `failed`; `note` says why, or warns.

    `path` is the name of its file; operators find its place in `GET recordings`.
    """

    state: str
    path: str
    size_bytes: int
    duration_s: float
    free_mb: float
    waiting_mb: float
    samples: dict[str, int]
    predictions: int
    markers: int
    note: str = ""


class MarkerStreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A marker stream of a session: `found`, `live` or `lost`."""

    name: str
    source_id: str
    hostname: str
    state: str
    markers: int
    clock_offset_ms: float
    clock_uncertainty_ms: float | None
    last_error: str | None = None


class OutletStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a session sends over LSL: its streams, and whether anybody listens."""

    streams: tuple[str, ...]
    sent: int
    dropped: int
    listened_to: bool
    error: str | None = None


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """First frame of a connection. `seq` is the last one before what follows.

    On the socket of one session, `state` is that session's, and `last_seq` its newest frame.
    `time_unix` is the service's time now: how old what is sent first is, is told by it.
    """

    service: str
    bundle: BundleInfo
    sessions: tuple[str, ...] = ()
    last_seq: int = 0
    state: str = ""
    time_unix: float | None = None


class PredictionFrame(Frame, frozen=True, kw_only=True, tag="prediction"):
    """One window's answer. `time_unix` is when the window's last sample arrived.

    `latency_ms` runs from the arrival of the window's last sample to the hand-over to the
    clients' senders; its stages add up to `total`. `markers` are the texts of those in the last
    hop of the window, as far as they had come by then. `abstention` says in a word why there is no
    label: `unmapped`, `no-signal`, `poor-signal` or `low-confidence`; `interpolated` names the EEG
    channels whose features came from their neighbours, `left_out` the bad ones without any.
    `computed` says where the network ran: `here`, with a reason if a pool was to be asked, or which
    part of the pool.
    """

    start_s: float
    end_s: float
    time_unix: float
    probabilities: dict[str, float] | None
    label: str | None
    confidence: float | None
    abstained: bool
    reason: str
    modalities: dict[str, str]
    quality: dict[str, float]
    profile_version: int
    bundle: str
    latency_ms: dict[str, float]
    clock_uncertainty_ms: float | None
    markers: tuple[str, ...] = ()
    abstention: str | None = None
    interpolated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    computed: str = "here"


class StatusFrame(Frame, frozen=True, kw_only=True, tag="status"):
    """A session's state: at every change, and at intervals in between.

    `profile_version` answers; 0 is the bundle as shipped. `calibration` and `adaptation` are their
    states, in full in the frames of type `calibration`. `computed` is that of the latest
    prediction.
    """

    state: str
    reason: str
    streams: dict[str, StreamStatus]
    normalisation: str
    chunks_dropped: int
    predictions: int
    abstained: int
    latency: LatencySummary | None
    uptime_s: float = 0.0
    markers_dropped: int = 0
    losses: dict[str, int] = msgspec.field(default_factory=dict)
    mappings: dict[str, MappingStatus] = msgspec.field(default_factory=dict)
    recording: RecordingStatus | None = None
    outlet: OutletStatus | None = None
    markers: int = 0
    markers_late: int = 0
    marker_streams: tuple[MarkerStreamStatus, ...] = ()
    profile_version: int = 0
    calibration: str = ""
    adaptation: str = "off"
    computed: str = "here"


class EegQualityPart(msgspec.Struct, frozen=True, kw_only=True):
    """How good each EEG channel was. Lists run in the order of `names`, the model's channels.

    A state is `good`, `noisy` (used, but hum is stronger than the EEG), `bad` (not used) or
    `missing` (not in the stream). `flags` says of each channel with any what is wrong with it;
    `interpolated` names those whose features came from their neighbours, `left_out` the bad ones
    for which none could. `numbers` holds, by name with its unit, null where not measured.
    """

    names: tuple[str, ...]
    states: tuple[str, ...]
    flags: dict[str, tuple[str, ...]]
    interpolated: tuple[str, ...]
    left_out: tuple[str, ...]
    numbers: dict[str, tuple[float | None, ...]]


class EyePart(msgspec.Struct, frozen=True, kw_only=True):
    """One eye: `good`, `blinking`, `off-screen`, `frozen` or `lost`, and the shares behind that.

    `measured` is the share of the window in which it was seen, `on_screen` the share of that in
    which it looked at the screen.
    """

    state: str
    measured: float
    on_screen: float | None


class EyeQualityPart(msgspec.Struct, frozen=True, kw_only=True):
    """Both eyes, and how much of the window blinks closed them."""

    left: EyePart
    right: EyePart
    blink_share: float
    blinks_per_s: float


class BandsPart(msgspec.Struct, frozen=True, kw_only=True):
    """EEG power of the window by band and region of the head: a measure of signal, of no emotion.

    Lists run in the order of `names`; a band goes from `low_hz` to `high_hz`. A region is `head`
    (all of it), `frontal`, `central`, `temporal`, `parietal` or `occipital`; `channels` says how
    many measured ones it has, `power_uv2` their median, in microvolts squared over the whole band;
    null where there is none.
    """

    names: tuple[str, ...]
    low_hz: tuple[float, ...]
    high_hz: tuple[float, ...]
    channels: dict[str, int]
    power_uv2: dict[str, tuple[float | None, ...]]


class QualityFrame(Frame, frozen=True, kw_only=True, tag="quality"):
    """How good the signal behind a window was, about once a second, right after its prediction.

    `start_s` and `end_s` are those of the prediction; null in place of a modality that had no
    signal in it. `bands` is null, too, where the device does not cover what the model needs.
    """

    start_s: float
    end_s: float
    time_unix: float
    modalities: dict[str, str]
    eeg: EegQualityPart | None = None
    eye: EyeQualityPart | None = None
    bands: BandsPart | None = None


class CalibrationFrame(Frame, frozen=True, kw_only=True, tag="calibration"):
    """How learning stands: at every change, and about once a second while windows are collected.

    `calibration` is the latest of this session, null before the first; `note` says why one of an
    earlier session could not go on.
    """

    time_unix: float
    profile_version: int
    calibration: CalibrationStatus | None
    adaptation: AdaptationStatus
    note: str = ""


class MarkerFrame(Frame, frozen=True, kw_only=True, tag="marker"):
    """An event that was marked, in LSL seconds; ahead of the first prediction that ends after it.

    `NAME=VALUE` in `text` is a state that holds until the next marker of that name. `source` is the
    stream that it came by, `rest`, or empty. It lies in the last hop of the window that ends at
    `window_end_s`; one that comes late follows the prediction of that window.
    """

    t_s: float
    text: str
    source: str = ""
    window_end_s: float | None = None


SessionFrame = PredictionFrame | StatusFrame | QualityFrame | CalibrationFrame | MarkerFrame
"""What a session says."""


class GapFrame(Frame, frozen=True, kw_only=True, tag="gap"):
    """Of the frames `missed_from` to `missed_to` of a session, none reached this client."""

    missed_from: int
    missed_to: int
    reason: str


class ByeFrame(Frame, frozen=True, kw_only=True, tag="bye"):
    """Last frame of a connection."""

    reason: str


_encoder = msgspec.json.Encoder()


def encode(frame: msgspec.Struct) -> str:
    """The frame as JSON text."""
    return _encoder.encode(frame).decode("utf-8")
