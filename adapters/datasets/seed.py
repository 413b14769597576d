"""SEED: 15 people, three sessions of the same 15 film clips, three emotions.

`ExtractedFeatures/{person}_{date}.mat` (windows of 1 s; newer copies call the folder
`ExtractedFeatures_1s` and have `ExtractedFeatures_4s` beside it) holds `de_movingAve1..15` and
`de_LDS1..15` of shape (62, n, 5); the three dates of a person are the sessions in order.
`label.mat` beside them holds `label`: -1 negative, 0 neutral, 1 positive. Eye features, of 12 of
the 15 people, are pickles: see `seed_eye`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hadua.adapters.datasets.channel_order import check_orders, order_files
from hadua.adapters.datasets.feature_arrays import channel_major, require_labels
from hadua.adapters.datasets.feature_files import (
    FileLog,
    OnFile,
    Place,
    Table,
    files_by_number,
    find_folder,
    no_report,
    require_folder,
    require_people,
)
from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.adapters.datasets.found_files import ByPerson, FoundFiles
from hadua.adapters.datasets.mat_file import read_mat, read_numbered
from hadua.adapters.datasets.seed_eye import N_EYE, SECONDS, read_eye
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

CLASSES = ("negative", "neutral", "positive")
LABELS = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)
"""Label of each trial as in the files, the same for everybody in every session."""

N_SESSIONS, N_TRIALS = 3, len(LABELS)
_ONE_SECOND = tuple(
    f"{parent}{name}"
    for name in ("ExtractedFeatures", "ExtractedFeatures_1s")
    for parent in ("", "SEED_EEG/")
)
_FOUR_SECONDS = ("ExtractedFeatures_4s", "SEED_EEG/ExtractedFeatures_4s")
_EYE = tuple(
    f"{parent}eye_tracking_feature"
    for parent in (
        "",
        "04-Eye-tracking-feature/",
        "SEED_Multimodal/Chinese/04-Eye-tracking-feature/",
    )
)
_LABELS = "label.mat"


class _Eeg(NamedTuple):
    """The folder that the EEG features are read from, and the length of their windows."""

    folder: Path
    window_s: int


def read_seed(
    root: Path,
    *,
    smoothing: SmoothedBy = "LDS",
    allow_pickle: bool = False,
    on_file: OnFile = no_report,
) -> FeatureSet:
    """Read the published features of SEED.

    With eye features, whose windows are 4 s, EEG of the same windows is read where it is there;
    otherwise each eye window stands for the four EEG windows of 1 s that it covers.

    Args:
        root: Folder with `ExtractedFeatures` and, if there are eye features,
            `eye_tracking_feature`.
        smoothing: Which of the two published versions of the EEG features; there is no third.
        allow_pickle: Permission to read pickled data, which the eye features are.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: no permission; or names file, key and shape of what is missing or not as
            published.
    """
    source = _source(root)
    files = _find(root, source.folder)
    log = files.log(on_file)
    notes = [
        check_orders([path for path in files.others if path.name != _LABELS], log),
        _check_labels(source.folder / _LABELS, log),
    ]
    maker = TrialMaker(n_eye=N_EYE if files.has_eye else None)
    for subject, person in enumerate(files.eeg):
        for session, path in files.eeg[person].items():
            trials, eye = _trials(path, smoothing, log), files.eye_of(person, session)
            maker.add_sitting(
                subject=subject,
                person=person,
                session=session,
                labels=[label + 1 for label in LABELS],
                eeg=trials,
                eye=_eye(eye, trials, source.window_s, allow_pickle=allow_pickle, log=log),
                clips="",
            )
    return FeatureSet(
        name="seed",
        classes=CLASSES,
        specs=by_modality(
            eeg_spec(smoothed(smoothing), window_s=source.window_s),
            eye_spec(N_EYE, window_s=SECONDS, hop_s=source.window_s) if files.has_eye else None,
        ),
        people=files.people,
        trials=maker.trials,
        provenance=(
            f"SEED, published features of {len(files.people)} people, EEG from 'de_{smoothing}*' "
            f"in {source.folder.name!r}, sessions in order of date",
            *notes,
            *(_eye_notes(source.window_s) if files.has_eye else ()),
            *maker.notes,
        ),
        hashes=log.hashes,
        licence=licence("SEED"),
    )


def _source(root: Path) -> _Eeg:
    four, one = find_folder(root, _FOUR_SECONDS), find_folder(root, _ONE_SECOND)
    if four is not None and (one is None or find_folder(root, _EYE) is not None):
        return _Eeg(four, SECONDS)
    return _Eeg(require_folder(root, _ONE_SECOND, what="features of SEED"), 1)


def _find(root: Path, folder: Path) -> FoundFiles:
    eye_folder = find_folder(root, _EYE)
    found = files_by_number(folder, r"(\d+)_\d{8}\.mat")
    require_people(found, folder=folder, expected="'1_20131027.mat', ...")
    eeg = {person: dict(enumerate(paths, start=1)) for person, paths in found.items()}
    _require_sessions(eeg, folder)
    above = [parent for parent in folder.parents if parent.is_relative_to(root)]
    labels = folder / _LABELS
    return FoundFiles(
        root,
        eeg=eeg,
        eye={person: _eye_files(eye_folder, person) for person in eeg} if eye_folder else {},
        has_eye=eye_folder is not None,
        others=(*order_files(root, folder, *above), *((labels,) if labels.is_file() else ())),
    )


def _require_sessions(found: ByPerson, folder: Path) -> None:
    for person, paths in found.items():
        if len(paths) != N_SESSIONS:
            raise RecordingError(
                f"folder {str(folder)!r}: sessions of person {person}",
                got=", ".join(repr(path.name) for path in paths.values()),
                expected=f"{N_SESSIONS} files, one for each date",
                hint="Copy the missing file, or take out this person's other files.",
            )


def _eye_files(folder: Path, person: int) -> dict[int, Path]:
    paths = {session: folder / f"{person}_{session}" for session in range(1, N_SESSIONS + 1)}
    return {session: path for session, path in paths.items() if path.is_file()}


def _check_labels(path: Path, log: FileLog) -> str:
    if not path.is_file():
        return "labels: the data set's known list, there is no 'label.mat'"
    log.add(path)
    labels = read_mat(path, ["label"])["label"]
    require_labels(labels.ravel().tolist(), LABELS, Place(path, "label"))
    return "labels: from 'label.mat', equal to the data set's known list"


def _trials(path: Path, smoothing: SmoothedBy, log: FileLog) -> list[Table]:
    log.add(path)
    tables = read_numbered(path, f"de_{smoothing}", count=N_TRIALS)
    return [channel_major(table, axes="cwb") for table in tables]


def _eye(
    path: Path | None, trials: Sequence[Table], eeg_s: int, *, allow_pickle: bool, log: FileLog
) -> list[Table] | None:
    if path is None:
        return None
    log.add(path)
    n_eeg = [len(table.values) for table in trials]
    return read_eye(path, n_eeg=n_eeg, eeg_s=eeg_s, allow_pickle=allow_pickle)


def _eye_notes(window_s: int) -> tuple[str, ...]:
    clips = "eye features: clips cut by their length, the files hold none"
    if window_s == SECONDS:
        return (clips,)
    return (clips, "eye features: each window of 4 s stands for the four EEG windows it covers")
