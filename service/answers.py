"""What REST answers, as structs: encoded from them, and described by them in `/openapi.json`."""

import msgspec

from hadua.adapters.sources.stream_summary import StreamSummary
from hadua.service.confirmed_mapping import ConfirmedMapping
from hadua.service.learning.statuses import AdaptationStatus, CalibrationStatus
from hadua.service.problem import Problem
from hadua.service.storage.records import AuditEntry, Participant, SessionRecord, TokenRecord
from hadua.service.wire import (
    BundleInfo,
    MappingStatus,
    MarkerFrame,
    PredictionFrame,
    QualityFrame,
    RecordingStatus,
    StatusFrame,
)


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A session as REST shows it; `quality` is the latest frame of that type."""

    id: str
    epoch: int
    last_seq: int
    participant: str | None
    status: StatusFrame
    reports: dict[str, dict[str, object]]
    last_marker: MarkerFrame | None
    quality: QualityFrame | None
    problem: Problem | None
    calibration: CalibrationStatus | None = None
    adaptation: AdaptationStatus | None = None


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, oldest first. `next`, sent as `after`, continues; null at the end."""

    sessions: tuple[SessionInfo, ...]
    next: str | None


class PredictionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions that are still kept, oldest first: the frames of the WebSocket.

    `next_after_seq` continues, within one epoch; `first_seq` above `after_seq` + 1 means that some
    were let go.
    """

    session_id: str
    epoch: int
    first_seq: int
    next_after_seq: int
    predictions: tuple[PredictionFrame, ...]


class ParticipantPage(msgspec.Struct, frozen=True, kw_only=True):
    """Participants in the order of their ids. `next`, sent as `after`, continues."""

    participants: tuple[Participant, ...]
    next: str | None


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that are kept, newest first. `next`, sent as `after`, continues."""

    sessions: tuple[SessionRecord, ...]
    next: str | None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """The audit trail, oldest first. `next`, sent as `after`, continues."""

    entries: tuple[AuditEntry, ...]
    next: int | None


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks; `with_token` is false on a service that asks nobody."""

    name: str
    role: str
    with_token: bool


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Opens one WebSocket within `valid_s` seconds, sent as `?ticket=`."""

    ticket: str
    valid_s: float


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens in force: whose, and what they allow."""

    tokens: tuple[TokenRecord, ...]


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token, shown once."""

    name: str
    role: str
    token: str


class StreamList(msgspec.Struct, frozen=True, kw_only=True):
    """What one search of the network found."""

    streams: tuple[StreamSummary, ...]


class MappingList(msgspec.Struct, frozen=True, kw_only=True):
    """The mappings of devices that were confirmed, oldest first."""

    mappings: tuple[ConfirmedMapping, ...]


class SessionMappings(msgspec.Struct, frozen=True, kw_only=True):
    """What a session's devices were taken for, and what became of their channels, by modality."""

    mappings: dict[str, MappingStatus]
    reports: dict[str, dict[str, object]]


class BundleList(msgspec.Struct, frozen=True, kw_only=True):
    """The bundles that sessions run."""

    bundles: tuple[BundleInfo, ...]


class Probabilities(msgspec.Struct, frozen=True, kw_only=True):
    """One row and one label per stretch of windows; a label is null where none is sure enough."""

    bundle: str
    classes: tuple[str, ...]
    probabilities: tuple[tuple[float, ...], ...]
    labels: tuple[str | None, ...]


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """The service's clock when a request came, `received_s`, and when it was answered, `sent_s`.

    Both are LSL seconds. With a client's own clock at sending, t1, and at the answer, t4:
    LSL time minus the client's time is ((received_s - t1) + (sent_s - t4)) / 2, and wrong by no
    more than ((t4 - t1) - (sent_s - received_s)) / 2. Keep the exchange whose bound is the least.
    """

    received_s: float
    sent_s: float
    sent_unix_s: float


class MarkerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A marker that was taken, and where on LSL's time line it was put.

    `offset_s` is LSL time minus the client's, and `uncertainty_ms` how wrong `t_s` may be because
    of it; both are null where the client gave no time of its own clock. `kept`: it is in the
    database, and outlives a service that is killed; not yet while a session waits for its streams.
    """

    session_id: str
    text: str
    t_s: float
    offset_s: float | None
    uncertainty_ms: float | None
    kept: bool = False


class RecordingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The latest recording of a session as it is now; null if there was none."""

    recording: RecordingStatus | None


class FileOfRecording(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `participant` is empty if it is nobody's, null if the file does not say."""

    path: str
    size_bytes: int
    changed_unix: float
    participant: str | None
    session_id: str | None


class RecordingList(msgspec.Struct, frozen=True, kw_only=True):
    """Recordings on the disk, newest first. `next`, sent as `after`, continues.

    `out_of_reach` are folders that were recorded into and are not there now.
    """

    recordings: tuple[FileOfRecording, ...]
    next: str | None
    out_of_reach: tuple[str, ...]


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The event loop turns."""

    status: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether clients should come here; if not, why not."""

    ready: bool
    reasons: tuple[str, ...]
