"""Windows of a person as they came, in memory and on disk, where each is appended at once.

A file is one line of JSON that says what is in it, then records of one size, each with a checksum,
float32. What a kill has torn off at the end is cut off when the file is opened again; a record that
is damaged ends it. Values are as measured, before any normalisation, NaN where they were not.
"""

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hadua.calibration.windows import IntArray
from hadua.models.bundle import Bundle
from hadua.models.errors import ProfileError
from hadua.models.features import BoolArray, FeatureWindow, FloatArray, Modality
from hadua.models.runtime import Float32Array

MODALITIES = (Modality.EEG, Modality.EYE)
SYNC_EVERY = 16
"""Records after which a file is synced to the disk; a kill of the process loses none anyhow."""
_MAX_HEADER_BYTES = 4096
_CHECKSUM = np.dtype("<u4")

Width = Annotated[int, Field(ge=0, le=100_000)]


@dataclass(frozen=True, slots=True, eq=False)
class CollectedWindow:
    """One window of both modalities.

    Args:
        end_s: LSL time of its end.
        eeg: `(d_eeg,)` as measured, NaN where a feature was not; all of it if EEG does not count.
        eye: `(d_eye,)` likewise.
        quality: `(2,)` share of usable signal behind EEG and eye, 0 to 1.
    """

    end_s: float
    eeg: Float32Array
    eye: Float32Array
    quality: tuple[float, float]

    @classmethod
    def of(
        cls, end_s: float, windows: Mapping[Modality, FeatureWindow], widths: tuple[int, int]
    ) -> Self:
        """From those feature windows that count; what is not among them is not measured."""
        eeg, eye = (
            _values(windows.get(m), width) for m, width in zip(MODALITIES, widths, strict=True)
        )
        quality = tuple(windows[m].quality if m in windows else 0.0 for m in MODALITIES)
        return cls(end_s, eeg, eye, (quality[0], quality[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """Windows in order of time.

    Args:
        end_s: `(n,)` LSL time of each end.
        eeg: `(n, d_eeg)` as measured, NaN where not.
        eye: `(n, d_eye)` likewise.
        quality: `(n, 2)` share of usable signal.
    """

    end_s: FloatArray
    eeg: Float32Array
    eye: Float32Array
    quality: Float32Array

    def __len__(self) -> int:
        return len(self.end_s)

    def pick(self, rows: IntArray | BoolArray) -> "Collected":
        """Some of the windows, by index or mask."""
        return Collected(self.end_s[rows], self.eeg[rows], self.eye[rows], self.quality[rows])

    @classmethod
    def of(cls, windows: Iterable[CollectedWindow], widths: tuple[int, int]) -> Self:
        """Put windows together."""
        rows = list(windows)
        return cls(
            np.array([w.end_s for w in rows], np.float64),
            np.array([w.eeg for w in rows], np.float32).reshape(len(rows), widths[0]),
            np.array([w.eye for w in rows], np.float32).reshape(len(rows), widths[1]),
            np.array([w.quality for w in rows], np.float32).reshape(len(rows), 2),
        )


def joined(parts: Sequence[Collected]) -> Collected:
    """Put windows one after the other; there must be a part."""
    return Collected(
        np.concatenate([p.end_s for p in parts]),
        np.concatenate([p.eeg for p in parts]),
        np.concatenate([p.eye for p in parts]),
        np.concatenate([p.quality for p in parts]),
    )


class Header(BaseModel):
    """The first line of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    participant: str
    bundle_digest: str
    n_eeg: Width
    n_eye: Width

    @classmethod
    def of(cls, bundle: Bundle, *, participant: str) -> Self:
        """The header of windows of that participant, as that bundle takes them."""
        return cls(
            participant=participant,
            bundle_digest=bundle.digest,
            n_eeg=bundle.width(Modality.EEG),
            n_eye=bundle.width(Modality.EYE),
        )

    @property
    def widths(self) -> tuple[int, int]:
        """Features of EEG and of eyes."""
        return self.n_eeg, self.n_eye

    def record(self) -> np.dtype[np.void]:
        """The layout of a record without its checksum."""
        fields: list[tuple[str, str, tuple[int, ...]]] = [
            ("end_s", "<f8", ()),
            ("quality", "<f4", (2,)),
            ("eeg", "<f4", (self.n_eeg,)),
            ("eye", "<f4", (self.n_eye,)),
        ]
        return np.dtype(fields)


class WindowFile:
    """Appends windows to a file, and reads them back.

    Args:
        path: The file; it is made if it is not there, and repaired if its end is torn.
        header: What must be in it.
        most: Windows that it may hold.

    Raises:
        ProfileError: a file of something else.
    """

    def __init__(self, path: Path, header: Header, *, most: int) -> None:
        self._path, self._header, self._most = path, header, most
        self._record = header.record()
        self._size = self._record.itemsize + _CHECKSUM.itemsize
        first = (header.model_dump_json() + "\n").encode()
        if not path.exists():
            _write_new(path, first)
        self._begin = len(first)
        _require_header(path, header)
        self._n = len(self._whole())
        whole = self._begin + self._n * self._size
        if path.stat().st_size != whole:
            os.truncate(path, whole)
        self._unsynced = 0

    def __len__(self) -> int:
        return self._n

    @property
    def full(self) -> bool:
        """Whether no window has room any more."""
        return self._n >= self._most

    def append(self, window: CollectedWindow) -> None:
        """Add a window; it survives the death of this process when the call returns.

        Raises:
            ProfileError: the file is full.
        """
        if self.full:
            raise ProfileError(
                f"collected windows {str(self._path)!r}", got=f"more than {self._most}"
            )
        row = np.zeros((), self._record)
        row["end_s"], row["quality"] = window.end_s, window.quality
        row["eeg"], row["eye"] = window.eeg, window.eye
        content = row.tobytes()
        checksum = np.array(zlib.crc32(content), _CHECKSUM).tobytes()
        self._unsynced += 1
        with self._path.open("ab") as file:
            file.write(content + checksum)
            file.flush()
            if self._unsynced >= SYNC_EVERY:
                os.fsync(file.fileno())
                self._unsynced = 0
        self._n += 1

    def read(self) -> Collected:
        """All windows."""
        rows = self._whole()
        return Collected(
            rows["end_s"].astype(np.float64),
            rows["eeg"].astype(np.float32).reshape(len(rows), self._header.n_eeg),
            rows["eye"].astype(np.float32).reshape(len(rows), self._header.n_eye),
            rows["quality"].astype(np.float32),
        )

    def _whole(self) -> npt.NDArray[np.void]:
        """The records up to the first that is torn or damaged."""
        content = self._path.read_bytes()[self._begin :]
        n = min(len(content) // self._size, self._most)
        packed = np.frombuffer(content, np.uint8, n * self._size).reshape(n, self._size)
        body = np.ascontiguousarray(packed[:, : -_CHECKSUM.itemsize])
        sums = np.ascontiguousarray(packed[:, -_CHECKSUM.itemsize :]).view(_CHECKSUM).ravel()
        bad = [k for k in range(n) if zlib.crc32(body[k].tobytes()) != sums[k]]
        return body[: bad[0] if bad else n].reshape(-1).view(self._record)


def _values(window: FeatureWindow | None, width: int) -> Float32Array:
    if window is None:
        return np.full(width, np.nan, np.float32)
    return np.where(window.present, window.values, np.nan).astype(np.float32)


def _write_new(path: Path, content: bytes) -> None:
    beside = path.with_name(f".new-{path.name}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _require_header(path: Path, expected: Header) -> None:
    with path.open("rb") as file:
        line = file.readline(_MAX_HEADER_BYTES)
    try:
        found = Header.model_validate(json.loads(line))
    except (ValueError, ValidationError):
        raise ProfileError(
            f"collected windows {str(path)!r}", got="a file of something else", hint="Start anew."
        ) from None
    if found != expected:
        differing = [n for n in Header.model_fields if getattr(found, n) != getattr(expected, n)]
        raise ProfileError(
            f"collected windows {str(path)!r} are of another {' and '.join(differing)}",
            got=", ".join(str(getattr(found, n)) for n in differing),
            expected=", ".join(str(getattr(expected, n)) for n in differing),
            hint="Start a new calibration.",
        )
