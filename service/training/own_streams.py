"""What streams a laboratory's recordings have, and which features to extract from them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import SEED_62, canonical, is_electrode
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.adapters.sources.source import StreamSpec
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.adapters.sources.xdf_file import stream_name_and_type, walk_xdf
from hadua.models.cleaning import Cleaning
from hadua.models.errors import RecordingError, StreamInvalidError
from hadua.models.features import FeatureSpec, Modality

StreamNames = Mapping[Modality, str]
Streams = Mapping[Modality, StreamSpec]

STREAMS: StreamNames = MappingProxyType({Modality.EEG: "eeg", Modality.EYE: "gaze"})
"""The stream of type EEG, and the one of type Gaze."""

EEG_WINDOW_S, EYE_WINDOW_S, HOP_S = 1.0, 4.0, 0.5


def streams_of(path: Path, names: StreamNames) -> Streams:
    """Find the EEG and gaze streams of an XDF file, without reading its samples.

    Args:
        path: The file.
        names: What each is called: a stream's name, or `eeg` or `gaze` for its type.

    Raises:
        RecordingError: not a whole XDF file, none of the streams, or one that cannot be used.
    """
    headers = list(walk_xdf(path).headers.values())
    found: dict[Modality, StreamSpec] = {}
    for modality, wanted in names.items():
        xml = next((x for x in headers if _answers(x, wanted)), None)
        if xml is not None:
            found[modality] = _parsed(xml, path, regular=modality is Modality.EEG)
    if not found:
        known = [f"{name!r} (type {kind!r})" for name, kind in map(stream_name_and_type, headers)]
        raise RecordingError(
            f"recording {str(path)!r}",
            got=f"the streams {', '.join(known)}" if known else "no streams at all",
            expected=f"one that is called or of type {' or '.join(map(repr, names.values()))}",
        )
    return found


def default_specs(
    found: Sequence[Streams], *, cleaning: Cleaning | None = None
) -> Mapping[Modality, FeatureSpec]:
    """Choose features of what every recording with such a stream can give.

    EEG is `hadua-de/1`, 1 s, of the 62 channels of SEED if all are there, otherwise of the
    electrodes that the recordings have in common; gaze is `hadua-eye/1`, 4 s; every 0.5 s.

    Raises:
        RecordingError: EEG streams without a common electrode.
    """
    specs: dict[Modality, FeatureSpec] = {}
    eeg = [streams[Modality.EEG] for streams in found if Modality.EEG in streams]
    if eeg:
        channels = _common(eeg)
        specs[Modality.EEG] = eeg_feature_spec(
            channels, window_s=EEG_WINDOW_S, hop_s=HOP_S, cleaning=cleaning
        )
    if any(Modality.EYE in streams for streams in found):
        specs[Modality.EYE] = eye_feature_spec(window_s=EYE_WINDOW_S, hop_s=HOP_S)
    return specs


def _answers(xml: str, wanted: str) -> bool:
    name, kind = stream_name_and_type(xml)
    return name == wanted or (wanted in STREAMS.values() and kind.lower() == wanted)


def _parsed(xml: str, path: Path, *, regular: bool) -> StreamSpec:
    try:
        return parse_stream_info(xml, regular=regular).spec
    except StreamInvalidError as error:
        raise RecordingError(
            f"recording {str(path)!r}: {error.what}",
            got=error.got,
            expected=error.expected,
            hint=error.hint,
        ) from error


def _common(streams: Sequence[StreamSpec]) -> tuple[str, ...]:
    """Electrodes of all streams: those of SEED if these are all there, else by the first stream."""
    each = [_electrodes(stream) for stream in streams]
    common = [name for name in each[0] if all(name in other for other in each)]
    if not common:
        poorest = min(zip(each, streams, strict=True), key=lambda pair: len(pair[0]))[1]
        labels = ", ".join(map(repr, poorest.labels[:6]))
        raise RecordingError(
            "recordings: their EEG streams have no electrode in common",
            got=f"stream {poorest.name!r} without a channel name"
            if poorest.synthesised_labels
            else f"stream {poorest.name!r} with channels {labels}",
            expected="names of the 10-20 system in every EEG stream",
            hint="Name the channels in the outlet before recording: an order is never guessed.",
        )
    return SEED_62 if set(SEED_62) <= set(common) else tuple(common)


def _electrodes(stream: StreamSpec) -> tuple[str, ...]:
    """Canonical names of the channels that a model could use, each once, in the stream's order."""
    names: Iterable[str] = (canonical(x) for x in stream.labels if is_electrode(x))
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return ()
    return tuple(channel.name for channel in map_eeg(stream, wanted).report.found)
