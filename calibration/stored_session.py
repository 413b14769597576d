"""A calibration session on disk: it goes on after a crash with all that it had collected.

    FOLDER/session.json          the session, replaced whole
    FOLDER/windows.f32           what was collected, appended window by window
    FOLDER/prior.safetensors     what normalised the features when collecting began, if not the
                                 bundle's own statistics: the person's rest
    FOLDER/labels.json           what somebody has told of them, if anything

The windows are the truth: a session whose file lags behind them is brought up to date.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypedDict

import numpy as np
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hadua.calibration.collected import MODALITIES, Collected, CollectedWindow, Header, WindowFile
from hadua.calibration.durable import Disk
from hadua.calibration.plan import MOST
from hadua.calibration.session import CalibrationSession, Taken
from hadua.calibration.stored_labels import StoredLabel, keep_labels, read_labels
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import CalibrationError, ProfileError
from hadua.models.features import FeatureWindow, Modality

SESSION, WINDOWS, PRIOR = "session.json", "windows.f32", "prior.safetensors"
STORE_EVERY = 16
"""Windows after which the session's counts are stored; the windows themselves always are."""
MAX_BYTES = 2**22

_ADAPTER = TypeAdapter(CalibrationSession)


class StoredSession:
    """Keeps a session and its windows in a folder; one owner at a time.

    Args:
        folder: Of this session alone.
        session: As it is now; it is stored.
        bundle: What the windows must fit.
        disk: What changes files.

    Raises:
        ProfileError: the folder holds windows of another participant or bundle.
    """

    def __init__(
        self, folder: Path, session: CalibrationSession, bundle: Bundle, *, disk: Disk | None = None
    ) -> None:
        self._disk = Disk() if disk is None else disk
        self._disk.make(folder)
        self._disk.sweep(folder)
        self.folder, self._bundle, self._session = folder, bundle, session
        header = Header.of(bundle, participant=session.participant)
        self._widths = header.widths
        self._windows = WindowFile(folder / WINDOWS, header, most=MOST)
        self._unstored = 0
        self._labels = read_labels(folder, n_classes=len(bundle.classes))
        self._store()

    @classmethod
    def begin(
        cls, folder: Path, session: CalibrationSession, bundle: Bundle, *, disk: Disk | None = None
    ) -> Self:
        """Keep a new session; one that was in the folder before goes, windows and all."""
        changing = Disk() if disk is None else disk
        changing.sweep(folder.parent)
        if folder.exists():
            changing.remove(folder)
        return cls(folder, session, bundle, disk=disk)

    @classmethod
    def resume(cls, folder: Path, bundle: Bundle, *, disk: Disk | None = None) -> Self:
        """Go on with the session in a folder.

        Raises:
            CalibrationError: there is none, or it cannot go on; the message says why.
        """
        session = read_session(folder)
        if session.bundle_digest != bundle.digest:
            raise CalibrationError(
                f"calibration {session.id!r} cannot go on",
                got=f"windows for bundle {session.bundle_id!r}",
                expected=f"bundle {bundle.id!r}",
                hint="Start a new calibration.",
            )
        try:
            stored = cls(folder, session, bundle, disk=disk)
        except ProfileError as error:
            raise CalibrationError(
                f"calibration {session.id!r} cannot go on", got=str(error)
            ) from error
        stored.put(session.resumed(**_counted(stored.collected())))
        return stored

    @property
    def session(self) -> CalibrationSession:
        """As it is now."""
        return self._session

    def take(self, end_s: float, windows: Mapping[Modality, FeatureWindow]) -> Taken:
        """Look at a window, and keep it if it counts; see `CalibrationSession.take`."""
        before = self._session
        taken = before.take(end_s, windows, self._bundle)
        if taken.to_collect:
            self._windows.append(CollectedWindow.of(end_s, taken.kept, self._widths))
        self._session = taken.session
        self._unstored += 1
        if taken.session.state is not before.state or self._unstored >= STORE_EVERY:
            self._store()
        return taken

    def put(self, session: CalibrationSession) -> None:
        """Put the session's next value in its place, on the disk too."""
        if session.id != self._session.id:
            raise CalibrationError(
                f"folder of calibration {self._session.id!r}", got=f"calibration {session.id!r}"
            )
        self._session = session
        self._store()

    @property
    def labels(self) -> int:
        """How many labels were told."""
        return len(self._labels)

    def tell(self, label: int, *, from_s: float, until_s: float) -> None:
        """Keep a class for windows that end after `from_s` and up to `until_s`, of this run.

        Raises:
            CalibrationError: no such class, or no time.
        """
        n_classes = len(self._bundle.classes)
        if not 0 <= label < n_classes or not from_s < until_s:
            raise CalibrationError(
                f"label for calibration {self._session.id!r}",
                got=f"class {label} from {from_s} to {until_s} s",
                expected=f"a class below {n_classes} and a stretch of time",
            )
        row = self._session.collected_before
        told = StoredLabel(label=label, from_s=from_s, until_s=until_s, from_row=row)
        self._labels = (*self._labels, told)
        keep_labels(self._disk, self.folder, self._labels)

    def collected(self) -> Collected:
        """All windows that were kept."""
        return self._windows.read()

    def keep_prior(self, prior: Mapping[Modality, Normalisation]) -> None:
        """Keep what normalises the features while collecting: the bundle's, after the rest."""
        arrays = {f"mean/{m}": n.mean for m, n in prior.items()}
        arrays |= {f"std/{m}": n.std for m, n in prior.items()}
        self._disk.replace(self.folder / PRIOR, save(dict(sorted(arrays.items()))))

    def _store(self) -> None:
        self._disk.replace(self.folder / SESSION, _ADAPTER.dump_json(self._session) + b"\n")
        self._unstored = 0


def read_session(folder: Path) -> CalibrationSession:
    """The session in a folder.

    Raises:
        CalibrationError: none, or one that cannot be read.
    """
    path = folder / SESSION
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("a file that is too large")
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise CalibrationError(f"no calibration in {str(folder)!r}") from None
    except (OSError, ValueError, ValidationError) as error:
        raise CalibrationError(
            f"calibration in {str(folder)!r} cannot go on",
            got=str(error).splitlines()[0],
            expected="a session as it was stored",
            hint="Start a new calibration.",
        ) from None


def read_prior(folder: Path, bundle: Bundle) -> Mapping[Modality, Normalisation]:
    """What `keep_prior` kept; the bundle's own statistics where it kept nothing.

    Raises:
        CalibrationError: a file that is damaged or does not fit the bundle.
    """
    path = folder / PRIOR
    if not path.exists():
        return bundle.normalisation
    try:
        arrays = load(path.read_bytes())
        kept = {
            m: Normalisation(arrays[f"mean/{m}"].copy(), arrays[f"std/{m}"].copy())
            for m in bundle.specs
            if f"mean/{m}" in arrays
        }
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CalibrationError(f"{str(path)!r} is damaged", got=str(error)) from error
    for m, own in kept.items():
        shape = (len(bundle.specs[m].names),)
        if own.mean.shape != shape or own.std.shape != shape or not (own.std > 0.0).all():
            raise CalibrationError(
                f"{str(path)!r}: {m}",
                got=f"{own.mean.shape} means",
                expected=f"{shape} and positive deviations",
            )
    return {**bundle.normalisation, **kept}


class _Counts(TypedDict):
    collected: int
    measured: Mapping[Modality, int]


def _counted(windows: Collected) -> _Counts:
    measured = (np.isfinite(windows.eeg).any(axis=1), np.isfinite(windows.eye).any(axis=1))
    counts = {m: int(there.sum()) for m, there in zip(MODALITIES, measured, strict=True)}
    return {"collected": len(windows), "measured": {m: n for m, n in counts.items() if n}}
