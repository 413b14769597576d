"""A fitted profile in its calibration's folder, until whoever owns the store takes it over."""

from pathlib import Path

from hadua.calibration.durable import HALF_WRITTEN, Disk
from hadua.calibration.profile import Profile
from hadua.calibration.profile_files import MAX_BYTES, of_files, to_files
from hadua.models.errors import ProfileError

FITTED = "fitted"


def keep_fitted(folder: Path, profile: Profile) -> None:
    """Write it whole or not at all; an earlier one goes."""
    disk = Disk()
    disk.sweep(folder)
    fresh = folder / f"{HALF_WRITTEN}{FITTED}"
    disk.make(fresh)
    for name, content in to_files(profile).items():
        disk.write(fresh / name, content)
    if (folder / FITTED).exists():
        disk.remove(folder / FITTED)
    disk.rename(fresh, folder / FITTED)


def read_fitted(folder: Path) -> Profile | None:
    """The profile that was fitted, or None.

    Raises:
        ProfileError: it is damaged.
    """
    if not (folder / FITTED).is_dir():
        return None
    where = f"profile in {str(folder)!r}"

    def read(name: str) -> bytes:
        path = folder / FITTED / name
        try:
            if path.stat().st_size <= MAX_BYTES[name]:
                return path.read_bytes()
        except OSError as error:
            raise ProfileError(f"{where}: {name!r}", got=str(error.strerror)) from error
        raise ProfileError(f"{where}: {name!r} is too large")

    return of_files(read, where=where)
