"""The versions of one participant's profile: folders with a number for a name."""

from pathlib import Path

from hadua.calibration.durable import HALF_WRITTEN, Disk
from hadua.calibration.profile import AS_SHIPPED, Profile
from hadua.calibration.profile_files import (
    DOCUMENT,
    MAX_BYTES,
    Document,
    of_files,
    parse_document,
    to_files,
)
from hadua.models.errors import ProfileError


class Versions:
    """Reads, writes and removes versions.

    Args:
        folder: Where they lie; made when something is written.
        participant: Whose they are.
        disk: What changes files.
    """

    def __init__(self, folder: Path, participant: str, disk: Disk) -> None:
        self.folder, self._participant, self._disk = folder, participant, disk

    def numbers(self) -> list[int]:
        """Those that are there, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(p.name) for p in self.folder.iterdir() if p.name.isdecimal())

    def load(self, version: int) -> Profile:
        """Read one.

        Raises:
            ProfileError: not there, damaged, or the files of another version.
        """
        self.require(version)
        where = self._where(version)
        profile = of_files(lambda name: _read(self.path(version) / name, where), where=where)
        if profile.version != version or profile.participant != self._participant:
            raise ProfileError(
                where,
                got=f"the files of profile {profile.version} of {profile.participant!r}",
                hint="Somebody moved the folder; move it back.",
            )
        return profile

    def document(self, version: int) -> Document:
        """Read what a version says about itself.

        Raises:
            ProfileError: not there, or damaged.
        """
        where = self._where(version)
        content = _read(self.path(version) / DOCUMENT, where)
        return parse_document(content, where=f"{where}, {DOCUMENT!r}")

    def write(self, profile: Profile) -> None:
        """Write one whole or not at all; its number must be free."""
        self._disk.make(self.folder)
        self._disk.sweep(self.folder)
        fresh = self.folder / f"{HALF_WRITTEN}{profile.version:06d}"
        self._disk.make(fresh)
        for name, content in to_files(profile).items():
            self._disk.write(fresh / name, content)
        self._disk.rename(fresh, self.path(profile.version))

    def remove(self, version: int) -> None:
        """Remove one."""
        self._disk.remove(self.path(version))

    def ancestors(self, version: int) -> list[int]:
        """Nearest first, as far back as documents are there to say."""
        found: list[int] = []
        while version != AS_SHIPPED:
            try:
                version = self.document(version).parent
            except ProfileError:
                break
            found.append(version)
        return found

    def require(self, version: int) -> None:
        """Raise `ProfileError` unless there is such a version."""
        numbers = self.numbers()
        if version not in numbers:
            known = ", ".join(map(str, numbers)) or "none"
            raise ProfileError(f"{self._where(version)} is not there", expected=f"one of: {known}")

    def path(self, version: int) -> Path:
        """The folder of a version."""
        return self.folder / f"{version:06d}"

    def _where(self, version: int) -> str:
        return f"profile {version} of {self._participant!r}"


def _read(path: Path, where: str) -> bytes:
    cap = MAX_BYTES[path.name]
    try:
        if path.is_symlink() or path.stat().st_size > cap:
            raise ProfileError(
                f"{where}: {path.name!r}",
                got="a link, or a file that is too large",
                expected=f"a file of {cap} bytes at most",
            )
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(
            f"{where}: {path.name!r} cannot be read",
            got=str(error.strerror),
            hint="Roll back to another version, or calibrate again.",
        ) from error
