"""The authors' own export: `EEG/{person}.npy`, `EYE/{person}.npy` and `Label/{person}.npy`.

Features are (n, d) of any width, labels class indices (n,) or (n, 1), or one-hot (n, C). One of
the two modalities may be absent. The files do not say where a trial or a session begins, how long
a window is, or in which order the columns are: a run of equal labels counts as one trial,
everything as one session, and the columns are numbered.
"""

import tokenize
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hadua.adapters.datasets.feature_arrays import require_finite
from hadua.adapters.datasets.feature_files import (
    FileLog,
    OnFile,
    Place,
    Table,
    files_by_number,
    no_report,
    one_each,
    require_folder,
    require_people,
)
from hadua.adapters.datasets.feature_set import FeatureSet, FeatureTrial, IntArray
from hadua.models.errors import RecordingError
from hadua.models.features import FeatureSpec, FloatArray, Modality

FOLDERS: Mapping[Modality, str] = {Modality.EEG: "EEG", Modality.EYE: "EYE"}
LABELS = "Label"
WINDOW_S = 4.0
"""Window length that is assumed: that of the published eye features."""
_FILE = r"(\d+)\.npy"
_NO_ARRAY = (
    EOFError,
    MemoryError,
    OSError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
)
"""What NumPy raises on bytes that are no array."""


def read_official(
    root: Path,
    *,
    classes: Sequence[str] | None = None,
    window_s: float = WINDOW_S,
    allow_pickle: bool = False,
    on_file: OnFile = no_report,
) -> FeatureSet:
    """Read the export that the published code uses.

    Args:
        root: Folder with `Label` and at least one of `EEG` and `EYE`.
        classes: Class names; without them the classes are numbered.
        window_s: Length of a window, which the files do not say.
        allow_pickle: Without effect: nothing is pickled.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: names file and shape of what is missing or does not fit.
    """
    label_folder = require_folder(root, (LABELS,), what="exported features")
    files = one_each(files_by_number(label_folder, _FILE))
    require_people(files, folder=label_folder, expected="'1.npy', '2.npy', ...")
    folders = {m: root / name for m, name in FOLDERS.items() if (root / name).is_dir()}
    if not folders:
        require_folder(root, tuple(FOLDERS.values()), what="exported features")
    log = FileLog(root, total=len(files) * (1 + len(folders)), on_file=on_file)

    values: list[dict[Modality, FloatArray]] = []
    labels: list[IntArray] = []
    widths: dict[Modality, int] = {}
    shapes: set[int] = set()
    for person, path in files.items():
        y, n_columns = _labels(path, log)
        labels.append(y)
        shapes.add(n_columns)
        values.append(_features(folders, person, len(y), widths, path, log))
    names = _classes(labels, shapes, classes, label_folder)
    same = all(np.array_equal(labels[0], y) for y in labels)
    people = tuple(map(str, files))
    return FeatureSet(
        name="official",
        classes=names,
        specs={m: _spec(m, widths[m], window_s) for m in folders},
        people=people,
        trials=tuple(_trials(people, values, labels, label_folder, same=same)),
        provenance=_provenance(len(people), folders, window_s, same=same),
        hashes=log.hashes,
        licence="that of the data set that was exported",
    )


def _labels(path: Path, log: FileLog) -> tuple[IntArray, int]:
    """Class of each window, and the number of columns if they are one-hot, else 0."""
    x = _load(path, log)
    place = Place(path)
    if x.ndim == 2 and x.shape[1] > 1:
        if not (np.isin(x, (0.0, 1.0)).all() and (x.sum(axis=1) == 1.0).all()):
            raise place.error(
                "labels that are neither indices nor one-hot",
                got=f"shape {x.shape} with rows like {x[0].tolist()}",
                expected="(n,), (n, 1), or (n, C) with a single 1 in each row",
            )
        return x.argmax(axis=1).astype(np.int64), x.shape[1]
    if x.ndim not in (1, 2) or not x.size:
        raise place.error("wrong shape", got=f"shape {x.shape}", expected="(n,), (n, 1) or (n, C)")
    y = x.ravel()
    bad = np.flatnonzero((y < 0) | (y != np.floor(y)) | ~np.isfinite(y))
    if len(bad):
        raise place.error(
            "a label that is no class index",
            got=f"{y[bad[0]]} at index {int(bad[0])}",
            expected="0, 1, 2, ...",
            hint="Renumber the labels from 0.",
        )
    return y.astype(np.int64), 0


def _features(
    folders: Mapping[Modality, Path],
    person: int,
    n: int,
    widths: dict[Modality, int],
    labels: Path,
    log: FileLog,
) -> dict[Modality, FloatArray]:
    values = {}
    for modality, folder in folders.items():
        path = folder / f"{person}.npy"
        x, place = _load(path, log), Place(path)
        width = widths.setdefault(modality, x.shape[1] if x.ndim == 2 else 0)
        if x.ndim != 2 or x.shape != (n, width) or not width:
            raise place.error(
                "wrong shape",
                got=f"shape {x.shape}",
                expected=f"({n}, {width or 'd'}): a row for each label in {str(labels)!r}, and as "
                "wide as everybody's",
                hint="Is the array transposed?" if x.shape == (width, n) else None,
            )
        require_finite(Table(x, place))
        values[modality] = x
    return values


def _load(path: Path, log: FileLog) -> FloatArray:
    log.add(path)
    try:
        with path.open("rb") as file:
            x: npt.NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
    except _NO_ARRAY as error:
        raise Place(path).error(
            "not an array of numbers in npy format", got=str(error), hint="Export it again."
        ) from error
    if x.dtype.kind not in "fiub":
        raise Place(path).error("not an array of numbers", got=f"{x.dtype}")
    return x.astype(np.float64)


def _classes(
    labels: Sequence[IntArray], shapes: set[int], classes: Sequence[str] | None, folder: Path
) -> tuple[str, ...]:
    if len(shapes) > 1:
        raise RecordingError(
            f"folder {str(folder)!r}: labels of different kinds",
            got=f"{sorted(shapes)} columns (0: indices)",
            expected="the same for everybody",
        )
    seen = np.unique(np.concatenate(labels))
    count = max(*shapes, int(seen.max()) + 1)
    if classes is not None and count > len(classes):
        raise RecordingError(
            f"folder {str(folder)!r}: labels outside the classes",
            got=f"{count} classes",
            expected=f"{len(classes)}: {', '.join(classes)}",
        )
    if classes is None and len(seen) < count:
        missing = sorted(set(range(count)) - set(seen.tolist()))
        raise RecordingError(
            f"folder {str(folder)!r}: a class without a window",
            got=f"labels {', '.join(map(str, seen))}",
            expected=f"also {', '.join(map(str, missing))}",
            hint="Number the labels from 0, or name all the classes.",
        )
    return tuple(classes) if classes is not None else tuple(f"class {k}" for k in range(count))


def _trials(
    people: Sequence[str],
    values: Sequence[Mapping[Modality, FloatArray]],
    labels: Sequence[IntArray],
    folder: Path,
    *,
    same: bool,
) -> list[FeatureTrial]:
    trials = []
    for subject, (person, x, y) in enumerate(zip(people, values, labels, strict=True)):
        edges = [0, *(np.flatnonzero(np.diff(y)) + 1).tolist(), len(y)]
        for k, (a, b) in enumerate(pairwise(edges), start=1):
            stimulus = f"t{k}" if same else f"p{person}t{k}"
            part = {m: v[a:b] for m, v in x.items()}
            where = str(Place(folder / f"{person}.npy", f"rows {a} to {b - 1}"))
            trials.append(FeatureTrial(subject, 1, k, stimulus, part, y[a:b], where))
    return trials


def _spec(modality: Modality, width: int, window_s: float) -> FeatureSpec:
    names = tuple(f"{modality}:{k:03d}" for k in range(1, width + 1))
    return FeatureSpec(modality, f"official-{modality}", 1, names, window_s, window_s)


def _provenance(
    n: int, folders: Mapping[Modality, Path], window_s: float, *, same: bool
) -> tuple[str, ...]:
    return (
        f"official export of {n} people: {', '.join(path.name for path in folders.values())}",
        "trials: each run of equal labels counts as one, the files do not say where one begins; "
        "all as one session",
        "stimuli: numbered by the run, everybody has the same sequence of labels"
        if same
        else "stimuli: unknown, the sequences of labels differ",
        f"windows: {window_s:g} s assumed, the files do not say",
    )
