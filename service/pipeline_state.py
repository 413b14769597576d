"""What a pipeline remembers between two steps, as bytes for a recording, and from them again.

Msgpack of plain values (`hadua.adapters.state`): no file names a class, and nothing is executed.
"""

from dataclasses import dataclass
from typing import cast

import msgspec

from hadua.adapters.features.normalisation import Baseline
from hadua.adapters.sources.source import StreamSpec
from hadua.adapters.state import restored, state_of
from hadua.models.errors import RecordingError
from hadua.models.features import FeatureWindow, Modality

FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class LaneState:
    """Of one modality.

    Args:
        stream: The stream as it is now.
        changed: What is said of windows since it came back changed; None if it never did.
        usable: Whether the stream, as it came back, is of use.
        given_s: End of its last window, if there was one.
        baseline: What was seen of the person's rest, if that was asked for.
        extractor: The extractor, or what was kept of it.
    """

    stream: StreamSpec
    changed: str | None
    usable: bool
    given_s: float | None
    baseline: Baseline | None
    extractor: object


@dataclass(frozen=True, slots=True, eq=False)
class PipelineState:
    """Of a pipeline, without its network and a profile's normalisation: these have names.

    Args:
        baseline_s: Length of the resting baseline that is being observed; 0 for none.
        baseline_until_s: Until when.
        recent: The windows that the network looks back on, by their end.
        unmapped: Modalities of no use, with the reason.
        lanes: Of each modality.
        aligner: What waits for the other modality, or what was kept of it.
        context: What the network sees, or what was kept of it.
    """

    baseline_s: float
    baseline_until_s: float | None
    recent: list[tuple[float, dict[Modality, FeatureWindow]]]
    unmapped: dict[Modality, str]
    lanes: dict[Modality, LaneState]
    aligner: object
    context: object


def pack(state: PipelineState) -> bytes:
    """As bytes."""
    return msgspec.msgpack.encode([FORMAT, state_of(state)])


def unpack(data: bytes) -> PipelineState:
    """From bytes.

    Raises:
        RecordingError: not such a state, or of another format.
    """
    try:
        found = msgspec.msgpack.decode(data, type=list[object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordingError("state of the pipeline", got=str(error)) from error
    if len(found) != 2 or found[0] != FORMAT:
        raise RecordingError(
            "state of the pipeline",
            got=f"format {found[0] if found else None!r}",
            expected=f"format {FORMAT}",
            hint="Another version of hadua made the recording: verify it with that one.",
        )
    return cast("PipelineState", restored(PipelineState, found[1], where="pipeline"))
