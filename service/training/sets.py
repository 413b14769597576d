"""The recordings that `hadua train` knows: simulated people, and Muse headbands before flicker."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.muse_csv import MuseRecording, MuseSubjects, subjects
from hadua.adapters.datasets.muse_stream import SPEC as MUSE
from hadua.adapters.datasets.muse_stream import chunks as muse_chunks
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.adapters.sources.simulated_states import STATES, DemoSchedule
from hadua.adapters.sources.simulator import Simulation, SimulatorSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec
from hadua.models.cleaning import Cleaning
from hadua.models.errors import RecordingError
from hadua.models.features import FeatureSpec, Modality, Smoothing
from hadua.service.training.data import Recorded, extract, label

HOP_S = 0.5
FIRST_PERSON = 1001
"""Number of the first simulated person to train on; demos show people with smaller numbers."""

MUSE_CHANNELS = ("TP9", "AF7", "AF8", "TP10")
FLICKER = ("flicker-30-hz", "flicker-20-hz")
STIMULUS_S = 3.0
"""How long the flicker surely lasts: onsets are at least 2.7 s apart, nearly always 3.4 s."""

_CHUNK_S = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Recordings with all that a bundle must say about them.

    Args:
        classes: Class names; labels index them.
        specs: Features of each modality.
        recordings: One after the other.
        people: Name of each person; `Recorded.subject` indexes them.
        provenance: What they are and where from, as lines of text.
        hashes: Content hash of every recording by name; empty for simulated ones.
        rest_s: Length of the rest with which every recording begins; 0 for none.
    """

    classes: tuple[str, ...]
    specs: Mapping[Modality, FeatureSpec]
    recordings: tuple[Recorded, ...]
    people: tuple[str, ...]
    provenance: tuple[str, ...]
    hashes: Mapping[str, str]
    rest_s: float = 0.0

    @property
    def baselines(self) -> tuple[float, ...]:
        """Ways to normalise a recording: without a baseline and, where there is a rest, with it."""
        return (0.0, self.rest_s) if self.rest_s else (0.0,)


def simulated(
    *,
    people: int,
    seconds: float,
    seed: int,
    rest_s: float = 60.0,
    cleaning: Cleaning | None = None,
    on_recording: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingSet:
    """Simulate people who rest and then go through states of 20 to 40 s, 62 channels and gaze.

    Args:
        people: How many.
        seconds: Length of each person's recording.
        seed: Number of the first session; each person has a session of their own.
        rest_s: Neutral stretch at the start of each.
        cleaning: What is done to the EEG before it is measured.
        on_recording: Called after each with (done, total).
    """
    specs = {
        Modality.EEG: eeg_feature_spec(
            SEED_62,
            window_s=1.0,
            hop_s=HOP_S,
            smoothing=Smoothing(q=0.05, r=1.0, p0=1.0),
            cleaning=cleaning,
        ),
        Modality.EYE: eye_feature_spec(window_s=4.0, hop_s=HOP_S),
    }
    recordings = []
    for k in range(people):
        schedule = DemoSchedule(seed=seed + k, rest_s=rest_s)
        simulation = Simulation(person=FIRST_PERSON + k, seed=seed + k, schedule=schedule)
        recordings.append(simulated_person(k, simulation, specs, seconds))
        on_recording(k + 1, people)
    last = FIRST_PERSON + people - 1
    return TrainingSet(
        classes=tuple(STATES),
        specs=specs,
        recordings=tuple(recordings),
        people=tuple(f"simulated person {FIRST_PERSON + k}" for k in range(people)),
        provenance=(
            f"Simulated people {FIRST_PERSON} to {last}, {seconds:g} s each, sessions from "
            f"{seed} on: {rest_s:g} s of rest, then emotional states of 20 to 40 s.",
            "62-channel EEG at 1000 Hz and binocular gaze at 120 Hz. No human being was recorded.",
        ),
        hashes={},
        rest_s=rest_s,
    )


def muse_ssvep(
    root: Path,
    *,
    cleaning: Cleaning | None = None,
    on_recording: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingSet:
    """Read Muse recordings of people who looked at flicker of 30 or 20 Hz.

    Args:
        root: Their folder.
        cleaning: What is done to the EEG before it is measured.
        on_recording: Called after each with (done, total).

    Raises:
        RecordingError: no such folder, nothing in it, or a file that cannot be read.
    """
    found = subjects(root)
    eeg = eeg_feature_spec(MUSE_CHANNELS, window_s=2.0, hop_s=HOP_S, cleaning=cleaning)
    specs = {Modality.EEG: eeg}
    files = [(k, r) for k, group in enumerate(found.recordings.values()) for r in group]
    recordings = []
    for done, (k, recording) in enumerate(files, start=1):
        recordings.append(_muse_recording(k, recording, specs))
        on_recording(done, len(files))
    return TrainingSet(
        classes=FLICKER,
        specs=specs,
        recordings=tuple(recordings),
        people=tuple(found.recordings),
        provenance=_muse_provenance(found, len(files)),
        hashes={r.path.name: r.sha256 for _, r in files},
    )


def simulated_person(
    subject: int, simulation: Simulation, specs: Mapping[Modality, FeatureSpec], seconds: float
) -> Recorded:
    """Simulate one person from the first sample on, as fast as it can be read.

    Args:
        subject: Index that the person gets.
        simulation: Who, and which states when: the labels.
        specs: Features to extract.
        seconds: Length of the recording.
    """

    def state_of(start_s: float, end_s: float) -> int | None:
        block = simulation.schedule.block_at(start_s)
        return STATES.index(block.state) if end_s <= block.end_s + 1e-9 else None

    streams = {}
    for modality in specs:
        source = SimulatorSource(
            simulation,
            modality=modality,
            origin_s=0.0,
            speed=None,
            duration_s=seconds,
            chunk_s=_CHUNK_S,
        )
        streams[modality] = (source.open(1.0), _until_end(source))
    windows = extract(streams, specs)
    return Recorded(subject, windows, label(windows, state_of))


def _until_end(source: SimulatorSource) -> Iterator[SampleChunk]:
    try:
        while (chunk := source.read(1.0)) is not None:
            yield chunk
    except EndOfStreamError:
        source.close()


def _muse_recording(
    subject: int, recording: MuseRecording, specs: Mapping[Modality, FeatureSpec]
) -> Recorded:
    stream: tuple[StreamSpec, Iterator[SampleChunk]] = (MUSE, muse_chunks(recording))
    windows = extract({Modality.EEG: stream}, specs)
    onsets = np.flatnonzero(recording.markers)
    unknown = set(recording.markers[onsets].tolist()) - {1, 2}
    if unknown:
        raise RecordingError(
            f"Muse recording {str(recording.path)!r}: a marker that is not known",
            got=str(min(unknown)),
            expected="0 (none), 1 (30 Hz) or 2 (20 Hz)",
        )
    starts_s, stimuli = recording.t_s[onsets], recording.markers[onsets]

    def stimulus_of(start_s: float, end_s: float) -> int | None:
        k = int(np.searchsorted(starts_s, start_s, side="right")) - 1
        next_s = chain(starts_s[k + 1 : k + 2], (np.inf,))
        if k < 0 or end_s > min(starts_s[k] + STIMULUS_S, next(next_s)):
            return None
        return int(stimuli[k]) - 1

    return Recorded(subject, windows, label(windows, stimulus_of))


def _muse_provenance(found: MuseSubjects, n: int) -> tuple[str, ...]:
    counts = ", ".join(f"{name} {len(group)}" for name, group in found.recordings.items())
    left_out = (
        f"Left out as second copies: {', '.join(copy.name for _, copy in found.duplicates)}."
        if found.duplicates
        else "No recording appeared twice."
    )
    return (
        f"{n} recordings of {len(found.recordings)} people ({counts}) with a Muse headband at "
        "256 Hz over LSL, looking at flicker of 30 Hz (marker 1) or 20 Hz (marker 2).",
        "Source: NeuroTechX/eeg-notebooks_v0.1, data/visual/SSVEP; licence BSD-3-Clause.",
        left_out,
    )
