"""Text files of recordings, gzipped or plain, with errors that name the file and the line."""

import gzip
import zlib
from pathlib import Path

from hadua.models.errors import RecordingError


def read_lines(path: Path, *, what: str) -> list[str]:
    """Read all lines of a UTF-8 text file, unpacking it if it is gzipped.

    Args:
        path: The file; whether it is gzipped is told by its first two bytes, not its name.
        what: What it should be, for the error, as in `Muse recording`.

    Raises:
        RecordingError: no such file, a truncated archive, or not text.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordingError(
            f"{what} {str(path)!r} cannot be read",
            got=error.strerror or type(error).__name__,
            hint="Check the path and the permissions.",
        ) from error
    return _text(raw, path, what).splitlines()


def _text(raw: bytes, path: Path, what: str) -> str:
    try:
        unpacked = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, OSError, zlib.error) as error:
        raise RecordingError(
            f"{what} {str(path)!r} is a damaged gzip file",
            got=f"{len(raw)} bytes that end in: {error}",
            hint="Copy or download it again.",
        ) from error
    try:
        return unpacked.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(
            f"{what} {str(path)!r} is not a text file",
            got=f"byte {unpacked[error.start]:#04x} at offset {error.start}",
            expected="UTF-8 text",
        ) from error
