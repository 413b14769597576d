"""A laboratory's own XDF recordings with their labels, as features by the live path's steps."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hadua.adapters.datasets.feature_files import FileLog, OnFile, no_report
from hadua.adapters.datasets.feature_set import UNLABELLED, FeatureSet, FeatureTrial
from hadua.adapters.datasets.own_recordings import LabelTable, OwnRecording, read_label_table
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.features.eeg_definitions import eeg_channels
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk
from hadua.models.cleaning import Cleaning
from hadua.models.errors import InvalidInputError, RecordingError, StreamInvalidError
from hadua.models.features import FeatureSpec, Modality
from hadua.service.training.data import extract
from hadua.service.training.own_streams import (
    STREAMS,
    StreamNames,
    Streams,
    default_specs,
    streams_of,
)
from hadua.service.training.own_trials import Played, numbered, trials_of

Specs = Mapping[Modality, FeatureSpec]

NAME = "own"
_CHUNK_S = 0.25


def read_own(
    root: Path,
    *,
    specs: Specs | None = None,
    cleaning: Cleaning | None = None,
    streams: StreamNames = STREAMS,
    on_file: OnFile = no_report,
) -> FeatureSet:
    """Read a folder of XDF files with a `labels.csv` beside them.

    Every labelled interval becomes a trial of the windows that lie wholly inside it: those of the
    modality with the shorter windows, the longer ones end with them. Where the grid of windows has
    a hole, a new trial begins. What has no label is left out, but it is the past of what follows:
    smoothing has seen it, as in a session.

    Args:
        root: The folder.
        specs: Features to extract; without them, those of `default_specs`.
        cleaning: What is done to the EEG of `default_specs` before it is measured.
        streams: Name of the stream of each modality, or `eeg` and `gaze` for its type.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: a table or recording that is not as it should be, with file and line.
    """
    table = read_label_table(root)
    log = FileLog(root, total=1 + len(table.recordings), on_file=on_file)
    log.add(table.path)
    found = [streams_of(recording.path, streams) for recording in table.recordings]
    chosen = default_specs(found, cleaning=cleaning) if specs is None else specs
    people = tuple(dict.fromkeys(recording.subject for recording in table.recordings))
    trials: list[FeatureTrial] = []
    notes: list[str] = []
    for recording, there in zip(table.recordings, found, strict=True):
        log.add(recording.path)
        notes += _notes(recording, there, chosen)
        played = _play(recording, {m: s for m, s in chosen.items() if m in there}, streams)
        subject = people.index(recording.subject)
        trials += trials_of(recording, played, table, specs=chosen, subject=subject)
    return FeatureSet(
        name=NAME,
        classes=table.classes,
        specs=MappingProxyType(dict(chosen)),
        people=people,
        trials=numbered(trials),
        provenance=(_summary(table, trials), *notes),
        hashes=log.hashes,
        licence="the laboratory's own recordings",
    )


def _notes(recording: OwnRecording, there: Streams, specs: Specs) -> list[str]:
    """What is not there in a recording, in words.

    Raises:
        RecordingError: nothing of what is wanted, or an EEG stream of which nothing can be used.
    """
    absent = [m for m in specs if m not in there]
    if len(absent) == len(specs):
        raise RecordingError(
            f"recording {str(recording.path)!r}",
            got=f"streams for {' and '.join(there)}",
            expected=f"one for {' or '.join(specs)}, of which features are wanted",
        )
    notes = [f"{recording.file}: no stream for {m}, read as not measured" for m in absent]
    if Modality.EEG in specs and Modality.EEG in there:
        report = map_eeg(there[Modality.EEG], eeg_channels(specs[Modality.EEG])).report
        if report.problem:
            raise RecordingError(
                f"recording {str(recording.path)!r}: its EEG cannot be used",
                hint=report.summary(),
            )
        if report.missing or report.assumed_units:
            notes.append(f"{recording.file}: {report.summary()}")
    return notes


def _play(recording: OwnRecording, specs: Specs, names: StreamNames) -> Played:
    """Extract the windows of a recording, as fast as it can be read."""
    sources = {m: XdfSource(recording.path, stream=names[m], chunk_s=_CHUNK_S) for m in specs}
    span_s: list[float] = []
    try:
        opened = {m: (s.open(1.0), _chunks(s, span_s)) for m, s in sources.items()}
        windows = extract(opened, specs)
    except (StreamInvalidError, InvalidInputError) as error:
        raise RecordingError(
            f"recording {str(recording.path)!r}: {error.what}",
            got=error.got,
            expected=error.expected,
            hint=error.hint,
        ) from error
    finally:
        for source in sources.values():
            source.close()
    if not span_s:
        raise RecordingError(
            f"recording {str(recording.path)!r}", got="streams without a sample", expected="signal"
        )
    return Played(windows, min(span_s), max(span_s))


def _chunks(source: XdfSource, span_s: list[float]) -> Iterator[SampleChunk]:
    """All chunks; first and last instant of each are noted."""
    try:
        while (chunk := source.read(1.0)) is not None:
            if len(chunk):
                span_s += (float(chunk.t_s[0]), float(chunk.t_s[-1]))
            yield chunk
    except EndOfStreamError:
        return


def _summary(table: LabelTable, trials: Sequence[FeatureTrial]) -> str:
    n = sum(int(np.count_nonzero(trial.y != UNLABELLED)) for trial in trials)
    intervals = sum(len(recording.intervals) for recording in table.recordings)
    return (
        f"Own recordings: {len(table.recordings)} files, {intervals} labelled intervals, "
        f"{len(trials)} trials of {n} windows."
    )
