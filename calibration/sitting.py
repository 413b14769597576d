"""What the online loop holds of the present sitting, in files, for a process that comes after one.

One file for each piece of the buffer, and one of counts. It survives the process, which may be
killed at any time; it need not survive the computer, for the sitting does not.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec
import numpy as np

from hadua.calibration.buffer import Piece
from hadua.calibration.collected import Collected

SITTING = "sitting"
_COUNTS = "counts"
_SUFFIX = ".piece"
_decode = msgspec.msgpack.decode


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of pieces in the life of a buffer.

    Args:
        seen: That there have been, kept or not.
        before: Of these, somebody else's.
        learnt_from: Of the person's, how many there were when all was learnt anew last.
        earlier: Whether pieces of an earlier sitting are among those kept.
    """

    seen: int
    before: int
    learnt_from: int
    earlier: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sitting:
    """What is held of a sitting.

    Args:
        pieces: Of this sitting, oldest first; those of an earlier one are elsewhere.
        counts: Of all.
    """

    pieces: Sequence[Piece]
    counts: Counts


class SittingFiles:
    """Keeps a sitting in a folder; one process at a time.

    Args:
        folder: It need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Piece | None] = {}
        self._counts: Counts | None = None

    def keep(self, sitting: Sitting) -> None:
        """Let the files be what is held: only what has changed is written.

        Raises:
            OSError: the disk is full, or not to be written.
        """
        self._folder.mkdir(exist_ok=True)
        pieces = {f"{piece.number}{_SUFFIX}": piece for piece in sitting.pieces}
        if sitting.counts != self._counts:  # first: they say which pieces are somebody else's
            self._write(_COUNTS, msgspec.msgpack.encode(sitting.counts))
            self._counts = sitting.counts
        for name, piece in pieces.items():
            if self._kept.get(name) is not piece:
                self._write(name, msgspec.msgpack.encode(_Record.of(piece)))
                self._kept[name] = piece
        for name in self._kept.keys() - pieces.keys():
            (self._folder / name).unlink(missing_ok=True)
            del self._kept[name]

    def read(self) -> Sitting | None:
        """What was kept; None if nothing was, or nobody can tell. A damaged piece is left out."""
        try:
            counts = _decode((self._folder / _COUNTS).read_bytes(), type=Counts)
            paths = list(self._folder.glob(f"*{_SUFFIX}"))
            pieces = [piece for path in paths if (piece := _read(path)) is not None]
        except (OSError, msgspec.MsgspecError):
            return None
        self._kept, self._counts = dict.fromkeys(path.name for path in paths), counts
        own = [piece for piece in pieces if piece.number >= counts.before]
        return Sitting(sorted(own, key=lambda piece: piece.number), counts)

    def forget(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._kept, self._counts = {}, None

    def _write(self, name: str, content: bytes) -> None:
        beside = self._folder / f"{name}.new"
        beside.write_bytes(content)
        beside.replace(self._folder / name)


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """A piece; arrays as little-endian bytes."""

    number: int
    stretch: int
    trusted: int | None
    sure: bool
    probabilities: bytes
    place: bytes
    end_s: bytes
    eeg: bytes
    eye: bytes
    quality: bytes

    @classmethod
    def of(cls, piece: Piece) -> Self:
        windows = piece.windows
        return cls(
            number=piece.number,
            stretch=piece.stretch,
            trusted=piece.trusted,
            sure=piece.sure,
            probabilities=piece.probabilities.astype("<f8").tobytes(),
            place=piece.place.astype("<f8").tobytes(),
            end_s=windows.end_s.astype("<f8").tobytes(),
            eeg=windows.eeg.astype("<f4").tobytes(),
            eye=windows.eye.astype("<f4").tobytes(),
            quality=windows.quality.astype("<f4").tobytes(),
        )

    def piece(self) -> Piece:
        end_s = np.frombuffer(self.end_s, "<f8").astype(np.float64)
        eeg, eye, quality = (
            np.frombuffer(values, "<f4").astype(np.float32).reshape(len(end_s), -1)
            for values in (self.eeg, self.eye, self.quality)
        )
        return Piece(
            Collected(end_s, eeg, eye, quality),
            self.stretch,
            np.frombuffer(self.probabilities, "<f8").astype(np.float64),
            np.frombuffer(self.place, "<f8").astype(np.float64),
            trusted=self.trusted,
            sure=self.sure,
            number=self.number,
        )


def _read(path: Path) -> Piece | None:
    try:
        return _decode(path.read_bytes(), type=_Record).piece()
    except (msgspec.MsgspecError, ValueError):
        return None
