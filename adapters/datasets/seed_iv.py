"""SEED-IV: 15 people, three sessions of 24 film clips, four emotions.

`eeg_feature_smooth/{session}/{person}_{date}.mat` holds `de_movingAve1..24` and `de_LDS1..24` of
shape (62, n, 5), `eye_feature_smooth/{session}/{person}_{date}.mat` holds `eye_1..24` of shape
(31, n); a window is 4 s. The files hold no labels: they are the data set's known lists.
"""

from pathlib import Path

from hadua.adapters.datasets.channel_order import check_orders, order_files
from hadua.adapters.datasets.feature_arrays import channel_major, rows
from hadua.adapters.datasets.feature_files import (
    FileLog,
    OnFile,
    Table,
    files_by_number,
    find_folder,
    no_report,
    one_each,
    require_folder,
    require_people,
)
from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.adapters.datasets.found_files import ByPerson, FoundFiles
from hadua.adapters.datasets.mat_file import read_numbered
from hadua.adapters.datasets.seed_specs import (
    SmoothedBy,
    by_modality,
    eeg_spec,
    eye_spec,
    licence,
    smoothed,
)
from hadua.adapters.datasets.trial_maker import TrialMaker
from hadua.models.errors import RecordingError

CLASSES = ("neutral", "sad", "fear", "happy")
LABELS = (
    (1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3),
    (2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1),
    (1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0),
)
"""Class of each trial, session by session, the same for everybody."""

WINDOW_S = 4.0
N_EYE = 31
N_TRIALS = 24
_SESSIONS = (1, 2, 3)


def read_seed_iv(
    root: Path,
    *,
    smoothing: SmoothedBy = "LDS",
    allow_pickle: bool = False,
    on_file: OnFile = no_report,
) -> FeatureSet:
    """Read the published features of SEED-IV.

    Args:
        root: Folder with `eeg_feature_smooth` and, if there are eye features, `eye_feature_smooth`.
        smoothing: Which of the two published versions of the EEG features; there is no third.
        allow_pickle: Without effect: nothing is pickled.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: names file, key and shape of what is missing or not as published.
    """
    files = _find(root)
    log = files.log(on_file)
    order_note = check_orders(files.others, log)
    maker = TrialMaker(n_eye=N_EYE if files.has_eye else None)
    for subject, person in enumerate(files.eeg):
        for session, path in files.eeg[person].items():
            maker.add_sitting(
                subject=subject,
                person=person,
                session=session,
                labels=LABELS[session - 1],
                eeg=_eeg(path, smoothing, log),
                eye=_eye(files.eye_of(person, session), log),
                clips=f"s{session}",
            )
    return FeatureSet(
        name="seed-iv",
        classes=CLASSES,
        specs=by_modality(
            eeg_spec(smoothed(smoothing), window_s=WINDOW_S),
            eye_spec(N_EYE, window_s=WINDOW_S) if files.has_eye else None,
        ),
        people=files.people,
        trials=maker.trials,
        provenance=(
            f"SEED-IV, published features of {len(files.people)} people, "
            f"EEG from 'de_{smoothing}*'",
            "labels: the data set's known lists, the feature files hold none",
            order_note,
            *maker.notes,
        ),
        hashes=log.hashes,
        licence=licence("SEED-IV"),
    )


def _find(root: Path) -> FoundFiles:
    eeg_folder = require_folder(root, ("eeg_feature_smooth",), what="features of SEED-IV")
    eye_folder = find_folder(root, ("eye_feature_smooth",))
    eeg = _by_person(eeg_folder)
    require_people(eeg, folder=eeg_folder, expected="'1_20160518.mat' in '1', '2' and '3'")
    _require_sessions(eeg, eeg_folder)
    return FoundFiles(
        root,
        eeg=eeg,
        eye=_by_person(eye_folder) if eye_folder else {},
        has_eye=eye_folder is not None,
        others=order_files(root, eeg_folder),
    )


def _eeg(path: Path, smoothing: SmoothedBy, log: FileLog) -> list[Table]:
    log.add(path)
    tables = read_numbered(path, f"de_{smoothing}", count=N_TRIALS)
    return [channel_major(table, axes="cwb") for table in tables]


def _eye(path: Path | None, log: FileLog) -> list[Table] | None:
    if path is None:
        return None
    log.add(path)
    tables = read_numbered(path, "eye_", count=N_TRIALS)
    return [rows(table, n_features=N_EYE, transposed=True) for table in tables]


def _by_person(folder: Path) -> ByPerson:
    """The file of each person and session, both in order."""
    found: dict[int, dict[int, Path]] = {}
    for session in _SESSIONS:
        files = one_each(files_by_number(folder / str(session), r"(\d+)_\d+\.mat"))
        for person, path in files.items():
            found.setdefault(person, {})[session] = path
    return {person: found[person] for person in sorted(found)}


def _require_sessions(found: ByPerson, folder: Path) -> None:
    for person, sessions in found.items():
        if set(sessions) != set(_SESSIONS):
            raise RecordingError(
                f"folder {str(folder)!r}: a session of person {person} is missing",
                got=f"sessions {', '.join(map(str, sessions))}",
                expected="sessions 1, 2, 3",
                hint="Copy the missing file, or take out this person's other files.",
            )
