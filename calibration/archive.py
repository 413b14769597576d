"""A participant's profiles as one file, and back; nothing of an archive is believed.

A zip without compression: what a file claims to hold is what it weighs. Only the names that a
participant's folder has are read, each once, none larger than it may be; everything is checked as
on loading before the folder is taken over.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hadua.calibration.durable import HALF_WRITTEN, Disk
from hadua.calibration.ledger import LEDGER, POINTER, read_pointer
from hadua.calibration.participant_id import require_participant
from hadua.calibration.profile import AS_SHIPPED
from hadua.calibration.profile_files import FILE_NAMES, MAX_BYTES
from hadua.calibration.store import VERSIONS, ProfileStore
from hadua.calibration.versions import Versions
from hadua.models.errors import ProfileError

MAX_ARCHIVE_BYTES = 2**30
MAX_VERSIONS = 1000
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SMALL = {POINTER: 2**20, LEDGER: 2**23}
_VERSION_FILE = re.compile(rf"{VERSIONS}/[0-9]{{6}}/({'|'.join(map(re.escape, FILE_NAMES))})")


def export_participant(store: ProfileStore, participant: str) -> bytes:
    """All versions of a participant with pointer and ledger; the same state gives the same bytes.

    Raises:
        ProfileError: nobody of that id, or a version that cannot be read: nothing is exported then.
    """
    history = store.history(participant)
    if history.damaged:
        version, why = next(iter(history.damaged.items()))
        raise ProfileError(
            f"profile {version} of {participant!r} cannot be exported", got=why, hint="Discard it."
        )
    root = store.folder(participant)
    versions = Versions(root / VERSIONS, participant, Disk())
    for version in versions.numbers():
        versions.load(version)
    names = [POINTER, LEDGER] + [
        f"{VERSIONS}/{version:06d}/{name}" for version in versions.numbers() for name in FILE_NAMES
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            if (root / name).is_file():
                info = zipfile.ZipInfo(f"{participant}/{name}", _EPOCH)
                archive.writestr(info, (root / name).read_bytes())
    return buffer.getvalue()


def import_participant(store: ProfileStore, path: Path, *, at_unix: float) -> str:
    """Take over what `export_participant` wrote; the participant's id.

    Raises:
        ProfileError: not such an archive, something in it that has no place there or is damaged, or
            a participant who is here already. Nothing has changed then.
    """
    where, disk = f"archive {str(path)!r}", store.disk
    with _opened(path, where) as archive:
        files = list(_files(archive, where))
        participant = _participant(files, where)
        if store.folder(participant).exists():
            raise ProfileError(
                f"participant {participant!r} is here already",
                hint="Delete or export that one first; two histories are never merged.",
            )
        disk.make(store.root)
        disk.sweep(store.root)
        fresh = store.root / f"{HALF_WRITTEN}{participant}"
        disk.make(fresh)
        try:
            for info, name in files:
                disk.make((fresh / name).parent)
                disk.write(fresh / name, _content(archive, info, where))
            _check(fresh, participant, where)
            store.adopt(fresh, participant, at_unix=at_unix, reason=path.name)
        finally:
            if fresh.exists():
                disk.remove(fresh)
    return participant


def _opened(path: Path, where: str) -> zipfile.ZipFile:
    try:
        if path.stat().st_size > MAX_ARCHIVE_BYTES:
            raise _refused(where, f"{path.stat().st_size} bytes", f"{MAX_ARCHIVE_BYTES} at most")
        return zipfile.ZipFile(path)
    except OSError as error:
        raise ProfileError(f"{where} cannot be read", got=str(error.strerror)) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _refused(where, str(error), "an archive (zip)") from error


def _files(archive: zipfile.ZipFile, where: str) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Members and their names below the participant's folder, each allowed and small enough."""
    infos = archive.infolist()
    if len(infos) > MAX_VERSIONS * len(FILE_NAMES):
        raise _refused(where, f"{len(infos)} files", f"{MAX_VERSIONS} versions at most")
    seen: set[str] = set()
    for info in infos:
        _, _, name = info.filename.partition("/")
        cap = _SMALL.get(name, 0)
        if _VERSION_FILE.fullmatch(name):
            cap = MAX_BYTES[name.rpartition("/")[2]]
        if not cap or info.filename in seen:
            raise _refused(where, f"a file {info.filename!r}", "files of a participant, each once")
        if info.compress_type != zipfile.ZIP_STORED or not 0 <= info.file_size <= cap:
            raise _refused(
                where,
                f"{info.filename!r} of {info.file_size} bytes, compression {info.compress_type}",
                f"{cap} bytes at most, not compressed",
            )
        seen.add(info.filename)
        yield info, name


def _participant(files: list[tuple[zipfile.ZipInfo, str]], where: str) -> str:
    ids = {info.filename.partition("/")[0] for info, _ in files}
    if len(ids) != 1:
        raise _refused(where, f"the files of {len(ids)} participants", "those of one")
    return require_participant(ids.pop())


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> bytes:
    try:
        with archive.open(info) as member:
            content = member.read(info.file_size + 1)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError) as error:
        raise _refused(where, str(error), "whole files") from error
    if len(content) != info.file_size:
        raise _refused(where, f"{info.filename!r} with another size than it names", "its own size")
    return content


def _check(folder: Path, participant: str, where: str) -> None:
    versions = Versions(folder / VERSIONS, participant, Disk())
    numbers = versions.numbers()
    for version in numbers:
        versions.load(version)
    pointer = read_pointer(folder)
    missing = {pointer.active, pointer.good} - {AS_SHIPPED, *numbers}
    if missing:
        raise _refused(where, f"a pointer to version {min(missing)}", "versions that are in it")


def _refused(where: str, got: str, expected: str) -> ProfileError:
    return ProfileError(
        f"{where} is not taken",
        got=got,
        expected=expected,
        hint="Write it anew with `hadua participants export-profiles`.",
    )
