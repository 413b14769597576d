"""SEED-V: 16 people, three sessions of 15 film clips, five emotions.

`EEG_DE_features/{person}_123.npz` and `Eye_movement_features/{person}_123.npz` hold two pickled
dictionaries, `data` and `label`, with the keys 0 to 44: the trials of the three sessions one after
the other. EEG is (n, 310), eye features (n, 33), labels (n,); a window is 4 s. The columns of EEG
are the five bands of FP1, then of FPZ, and so on. Whether the features were smoothed is not
documented, so they are not offered as something that could be had live.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from hadua.adapters.datasets.channel_order import check_orders
from hadua.adapters.datasets.feature_arrays import N_EEG, require_channel_major, rows
from hadua.adapters.datasets.feature_files import FileLog, OnFile, Place, Table, no_report
from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.adapters.datasets.found_files import FoundFiles, find_whole_people
from hadua.adapters.datasets.pickled_npz import as_floats, read_pickled_npz
from hadua.adapters.datasets.seed_specs import by_modality, eeg_spec, eye_spec, licence
from hadua.adapters.datasets.trial_maker import TrialMaker

CLASSES = ("disgust", "fear", "sad", "neutral", "happy")
_SECOND = (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0)
LABELS = ((4, 1, 3, 2, 0) * 3, _SECOND, _SECOND)
"""Class of each trial, session by session, the same for everybody."""

DEFINITION = "seed-v-de"
WINDOW_S = 4.0
N_EYE = 33
N_SESSIONS, PER_SESSION = len(LABELS), len(LABELS[0])

AsPublished = Literal["as-published"]


def read_seed_v(
    root: Path,
    *,
    smoothing: AsPublished = "as-published",
    allow_pickle: bool = False,
    on_file: OnFile = no_report,
) -> FeatureSet:
    """Read the published features of SEED-V.

    Args:
        root: Folder with `EEG_DE_features` and, if there are eye features,
            `Eye_movement_features`.
        smoothing: There is one version of the EEG features, as published.
        allow_pickle: Permission to read pickled data, which these files are.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: no permission; or names file, key and shape of what is missing or not as
            published.
    """
    files = find_whole_people(
        root,
        title="SEED-V",
        eeg="EEG_DE_features",
        eye="Eye_movement_features",
        pattern=r"(\d+)_123\.npz",
        example="'1_123.npz', '2_123.npz', ...",
    )
    log = files.log(on_file)
    order_note = check_orders(files.others, log)
    maker = TrialMaker(n_eye=N_EYE if files.has_eye else None)
    for subject, person in enumerate(files.eeg):
        _add_person(maker, subject, person, files=files, allow_pickle=allow_pickle, log=log)
    return FeatureSet(
        name="seed-v",
        classes=CLASSES,
        specs=by_modality(
            eeg_spec(DEFINITION, window_s=WINDOW_S),
            eye_spec(N_EYE, window_s=WINDOW_S) if files.has_eye else None,
        ),
        people=files.people,
        trials=maker.trials,
        provenance=(
            f"SEED-V, published features of {len(files.people)} people",
            "whether the EEG features were smoothed is not documented",
            "labels: from the files, equal to the data set's known lists",
            order_note,
            *maker.notes,
        ),
        hashes=log.hashes,
        licence=licence("SEED-V"),
    )


def _add_person(
    maker: TrialMaker,
    subject: int,
    person: int,
    *,
    files: FoundFiles,
    allow_pickle: bool,
    log: FileLog,
) -> None:
    eeg = _tables(files.eeg[person][0], N_EEG, allow_pickle=allow_pickle, log=log)
    require_channel_major(eeg)
    path = files.eye_of(person, 0)
    eye = None if path is None else _tables(path, N_EYE, allow_pickle=allow_pickle, log=log)
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


def _tables(path: Path, n_features: int, *, allow_pickle: bool, log: FileLog) -> list[Table]:
    """The trials of one file in order, their labels checked."""
    log.add(path)
    data = _trials(path, "data", allow_pickle=allow_pickle)
    labels = _trials(path, "label", allow_pickle=allow_pickle)
    tables = [rows(table, n_features=n_features) for table in data]
    for k, (table, label) in enumerate(zip(tables, labels, strict=True)):
        _check_label(table, label, LABELS[k // PER_SESSION][k % PER_SESSION])
    return tables


def _trials(path: Path, name: str, *, allow_pickle: bool) -> list[Table]:
    content = read_pickled_npz(path, name, allow_pickle=allow_pickle)
    expected = range(N_SESSIONS * PER_SESSION)
    wrong = sorted(set(expected) ^ set(content), key=str)
    if wrong:
        raise Place(path, f"{name}[{wrong[0]!r}]").error(
            "a trial missing" if wrong[0] in expected else "a trial too many",
            got=f"{len(content)} trials",
            expected=f"{len(expected)}, keys 0 to {expected[-1]}",
        )
    places = {k: Place(path, f"{name}[{k}]") for k in expected}
    return [Table(as_floats(content[k], place), place) for k, place in places.items()]


def _check_label(table: Table, label: Table, known: int) -> None:
    got = np.unique(label.values).tolist()
    if got != [known] or label.values.size != len(table.values):
        raise label.place.error(
            "not the label of this trial",
            got=f"{label.values.size} labels, {got}",
            expected=f"{len(table.values)} times {known} ({CLASSES[known]})",
            hint="Is it the file of another data set?",
        )
