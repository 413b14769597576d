"""The data folder in one file, and back: consistent although the service runs.

    manifest.json           version, when, and the SHA-256 of every file below
    data/hadua.sqlite3      the database, copied by SQLite itself
    data/profiles/...       every profile
    data/...                confirmed mappings, and recordings where asked for

Restoring makes a new folder and checks every file before the folder gets its name.
"""

import hashlib
import json
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO

from hadua.models.errors import UsageError
from hadua.service.recorded_files import FOLDER as RECORDINGS
from hadua.service.storage.database import FILE_NAME, Database, sqlite_url
from hadua.service.storage.errors import StorageError

MANIFEST = "manifest.json"
FORMAT = 1
_LEFT_OUT = ("exports", f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", FILE_NAME)
_CHUNK = 2**20
_MOST_MANIFEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a back-up holds."""

    files: int
    bytes: int


def back_up(folder: Path, out: Path, *, recordings: bool, now_unix: float) -> BackedUp:
    """Write a back-up of a data folder; a service may run on it meanwhile.

    Raises:
        UsageError: no data folder there, or the file is there already.
        StorageError: the database cannot be read.
    """
    if not (folder / FILE_NAME).is_file():
        raise UsageError(
            f"data folder {str(folder)!r}", got="no database in it", expected=f"{FILE_NAME!r}"
        )
    if out.exists():
        raise UsageError(f"{str(out)!r} is there already", hint="Choose another name.")
    beside = out.with_name(f".{out.name}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="hadua-backup-") as scratch:
            database = Path(scratch) / FILE_NAME
            _copy_database(folder / FILE_NAME, database)
            files = {FILE_NAME: database} | dict(_files(folder, recordings=recordings))
            done = _write(beside, files, now_unix=now_unix)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return done


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def restore(archive: Path, folder: Path, *, free: Callable[[Path], int] = _free) -> BackedUp:
    """Make a data folder from a back-up. It is whole, or it is not there.

    Args:
        archive: The back-up.
        folder: The data folder to be.
        free: Bytes that fit where a folder is.

    Raises:
        UsageError: something is in the folder already.
        StorageError: the file is no back-up, is damaged, or is of a newer version.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"folder {str(folder)!r} is not empty",
            expected="a new or empty folder",
            hint="Restore into a new folder, and start hadua-serve with --data-dir.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        done = _read(archive, beside, free(beside))
        Database(sqlite_url(beside)).close()  # it opens, and is no newer than we are
        if folder.exists():
            folder.rmdir()
        beside.replace(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise _damaged(archive, str(error) or "a file that ends too soon") from error
    except OSError as error:
        raise _damaged(archive, str(error.strerror or error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return done


def _copy_database(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise StorageError(f"database {str(source)!r} cannot be copied", got=str(error)) from error


def _files(folder: Path, *, recordings: bool) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        skipped = name.parts[0] in _LEFT_OUT or name.name.startswith(".")
        if path.is_file() and not skipped and (recordings or name.parts[0] != RECORDINGS):
            yield name.as_posix(), path


def _write(out: Path, files: dict[str, Path], *, now_unix: float) -> BackedUp:
    digests: dict[str, str] = {}
    total = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name, path in files.items():
            with (
                path.open("rb") as source,
                archive.open(f"data/{name}", "w", force_zip64=True) as target,
            ):
                digests[name], size = _copy(source, target)
            total += size
        facts = {
            "format": FORMAT,
            "hadua": version("hadua"),
            "made_unix": now_unix,
            "files": digests,
        }
        archive.writestr(MANIFEST, json.dumps(facts, indent=1))
    return BackedUp(len(digests), total)


def _read(path: Path, folder: Path, free: int) -> BackedUp:
    total = 0
    with zipfile.ZipFile(path) as archive:
        _require_space(archive, path, free)
        wanted = _manifest(archive, path)
        names = {info.filename for info in archive.infolist()}
        expected = {MANIFEST, *(f"data/{name}" for name in wanted)}
        if len(names) != len(archive.infolist()) or names != expected:
            raise _damaged(path, "files that its manifest does not name, or lacks some of those")
        for name, wanted_digest in wanted.items():
            place = folder / PurePosixPath(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(f"data/{name}") as source, place.open("wb") as target:
                digest, size = _copy(source, target)
            total += size
            if digest != wanted_digest:
                raise _damaged(path, f"{name!r} with another content than when it was made")
    return BackedUp(len(wanted), total)


def _require_space(archive: zipfile.ZipFile, path: Path, free: int) -> None:
    """What it unpacks to has to fit before anything is written; more is never read than that."""
    packed = sum(info.compress_size for info in archive.infolist())
    if packed > path.stat().st_size:  # and memory would be asked for that much at once
        raise _damaged(path, f"{packed} bytes packed, in a file of {path.stat().st_size}")
    needed = sum(info.file_size for info in archive.infolist())
    if needed > free:
        raise _damaged(path, f"{needed} bytes to unpack, with {free} free")


def _copy(source: IO[bytes], target: IO[bytes]) -> tuple[str, int]:
    """Copy in pieces; the SHA-256 and the number of bytes."""
    digest, total = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
        total += len(chunk)
    return digest.hexdigest(), total


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    try:
        if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
            raise _damaged(path, "a manifest that is too large")
        facts = json.loads(archive.read(MANIFEST))
        files = facts["files"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, "no manifest") from error
    if facts.get("format") != FORMAT:
        raise StorageError(
            f"back-up {str(path)!r} is of another version",
            got=f"format {facts.get('format')!r}",
            expected=f"{FORMAT}",
        )
    if not isinstance(files, dict) or not all(_is_inside(name) for name in files):
        raise _damaged(path, "names that lead out of the folder")
    return {str(name): str(digest) for name, digest in files.items()}


def _is_inside(name: object) -> bool:
    if not isinstance(name, str) or "\\" in name or ":" in name or "\0" in name:
        return False
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not PurePosixPath(name).is_absolute()


def _damaged(path: Path, got: str) -> StorageError:
    return StorageError(
        f"back-up {str(path)!r} cannot be restored",
        got=got,
        expected="a file that hadua backup has written",
    )
