"""SEED-VII: 20 people, four sessions of 20 film clips, seven emotions.

`EEG_features/{person}.mat` holds `de_1..80` and `de_LDS_1..80` of shape (n, 5, 62),
`EYE_features/{person}.mat` holds `1..80` of shape (n, 33); a window is 4 s, and the clips of the
four sessions are numbered through. The files hold no labels: they are the data set's known lists.
"""

from pathlib import Path
from typing import Literal

from hadua.adapters.datasets.channel_order import check_orders
from hadua.adapters.datasets.feature_arrays import channel_major, rows
from hadua.adapters.datasets.feature_files import FileLog, OnFile, Table, no_report
from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.adapters.datasets.found_files import FoundFiles, find_whole_people
from hadua.adapters.datasets.mat_file import read_numbered
from hadua.adapters.datasets.seed_specs import (
    LDS,
    PLAIN,
    by_modality,
    eeg_spec,
    eye_spec,
    licence,
)
from hadua.adapters.datasets.trial_maker import TrialMaker

CLASSES = ("disgust", "fear", "sad", "neutral", "happy", "anger", "surprise")
_DISGUST, _FEAR, _SAD, _NEUTRAL, _HAPPY, _ANGER, _SURPRISE = range(len(CLASSES))
_HALVES = (
    (_HAPPY, _NEUTRAL, _DISGUST, _SAD, _ANGER, _ANGER, _SAD, _DISGUST, _NEUTRAL, _HAPPY),
    (_ANGER, _SAD, _FEAR, _NEUTRAL, _SURPRISE, _SURPRISE, _NEUTRAL, _FEAR, _SAD, _ANGER),
    (_HAPPY, _SURPRISE, _DISGUST, _FEAR, _ANGER, _ANGER, _FEAR, _DISGUST, _SURPRISE, _HAPPY),
    (_DISGUST, _SAD, _FEAR, _SURPRISE, _HAPPY, _HAPPY, _SURPRISE, _FEAR, _SAD, _DISGUST),
)
LABELS = tuple(half * 2 for half in _HALVES)
"""Class of each trial, session by session, the same for everybody."""

WINDOW_S = 4.0
N_EYE = 33
N_SESSIONS, PER_SESSION = len(LABELS), len(LABELS[0])

Smoothing = Literal["none", "LDS"]


def read_seed_vii(
    root: Path,
    *,
    smoothing: Smoothing = "LDS",
    allow_pickle: bool = False,
    on_file: OnFile = no_report,
) -> FeatureSet:
    """Read the published features of SEED-VII.

    Args:
        root: Folder with `EEG_features` and, if there are eye features, `EYE_features`.
        smoothing: `LDS` for `de_LDS_*`, `none` for `de_*`; only the latter can also be had live.
        allow_pickle: Without effect: nothing is pickled.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: names file, key and shape of what is missing or not as published.
    """
    files = find_whole_people(
        root,
        title="SEED-VII",
        eeg="EEG_features",
        eye="EYE_features",
        pattern=r"(\d+)\.mat",
        example="'1.mat', '2.mat', ...",
    )
    prefix = "de_LDS_" if smoothing == "LDS" else "de_"
    log = files.log(on_file)
    order_note = check_orders(files.others, log)
    maker = TrialMaker(n_eye=N_EYE if files.has_eye else None)
    for subject, person in enumerate(files.eeg):
        _add_person(maker, subject, person, prefix=prefix, files=files, log=log)
    return FeatureSet(
        name="seed-vii",
        classes=CLASSES,
        specs=by_modality(
            eeg_spec(LDS if smoothing == "LDS" else PLAIN, window_s=WINDOW_S),
            eye_spec(N_EYE, window_s=WINDOW_S) if files.has_eye else None,
        ),
        people=files.people,
        trials=maker.trials,
        provenance=(
            f"SEED-VII, published features of {len(files.people)} people, EEG from '{prefix}*'",
            "labels: the data set's known lists, the feature files hold none",
            order_note,
            *maker.notes,
        ),
        hashes=log.hashes,
        licence=licence("SEED-VII"),
    )


def _add_person(
    maker: TrialMaker, subject: int, person: int, *, prefix: str, files: FoundFiles, log: FileLog
) -> None:
    eeg = _eeg(files.eeg[person][0], prefix, log)
    eye = _eye(files.eye_of(person, 0), log)
    for session, labels in enumerate(LABELS, start=1):
        trials = slice((session - 1) * PER_SESSION, session * PER_SESSION)
        maker.add_sitting(
            subject=subject,
            person=person,
            session=session,
            labels=labels,
            eeg=eeg[trials],
            eye=None if eye is None else eye[trials],
            clips=f"s{session}",
        )


def _eeg(path: Path, prefix: str, log: FileLog) -> list[Table]:
    log.add(path)
    tables = read_numbered(path, prefix, count=N_SESSIONS * PER_SESSION)
    return [channel_major(table, axes="wbc") for table in tables]


def _eye(path: Path | None, log: FileLog) -> list[Table] | None:
    if path is None:
        return None
    log.add(path)
    tables = read_numbered(path, "", count=N_SESSIONS * PER_SESSION)
    return [rows(table, n_features=N_EYE) for table in tables]
