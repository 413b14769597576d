"""The computer, the settings and the disk."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from hadua.models.errors import HaduaError
from hadua.service.config import ENV_PREFIX, Settings, load_settings
from hadua.service.doctor.finding import Finding, State, told
from hadua.service.doctor.visit import Visit

_MB, _GB = 1e6, 1e9
_TEST_BYTES = 8_000_000
_SLOW = 5 * _MB
_SHORT = 5 * _GB
_GB_PER_HOUR = 62 * 1000 * 4 * 3600 / _GB
_SYNCED = ("onedrive", "dropbox", "google drive", "icloud", "nextcloud")
_NOT_SETTINGS = ("HADUA_CONFIG", "HADUA_RECORDINGS")


def look_at_system(visit: Visit) -> Sequence[Finding]:
    """Operating system and Python."""
    facts = visit.here.host.facts()
    found = (
        f"{facts.system} {facts.release} ({facts.machine}), Python "
        f"{'.'.join(map(str, facts.python))} ({facts.bits} bit), hadua {facts.hadua}"
    )
    looked_at = "operating system and Python"
    if facts.bits < 64:
        fix = "Install the 64-bit Python 3.11 or newer, and hadua in it again."
        return [Finding("system", State.PROBLEM, looked_at, found, fix)]
    return [Finding("system", State.OK, looked_at, found)]


def look_at_settings(visit: Visit) -> Sequence[Finding]:
    """Settings file, environment and flags together, as `hadua-serve` would read them."""
    path = visit.request.config
    looked_at = f"settings file {str(path)!r}" if path else "settings"
    try:
        visit.settings = load_settings(visit.request.flags, config=path)
    except HaduaError as error:
        visit.settings = Settings.model_construct(None, **dict(visit.request.flags))
        found, fix = told(error, otherwise="Correct it: docs/settings.md lists every setting.")
        return [Finding("settings", State.PROBLEM, looked_at, found, fix)]
    given = sorted(visit.settings.model_fields_set)
    found = f"set: {', '.join(given)}" if given else "nothing is set: all defaults"
    return [Finding("settings", State.OK, looked_at, found), *_misspelt(visit)]


def _misspelt(visit: Visit) -> list[Finding]:
    known = [f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields]
    return [
        Finding(
            "settings",
            State.WARNING,
            "environment variables",
            f"{name} is no setting and is ignored",
            f"Did you mean {near[0]}?" if near else "Take it away, or see docs/settings.md.",
        )
        for name in sorted(visit.here.host.environment())
        if name.startswith(ENV_PREFIX) and name not in (*known, *_NOT_SETTINGS)
        for near in [difflib.get_close_matches(name, known, 1)]
    ]


def look_at_disk(visit: Visit) -> Sequence[Finding]:
    """Room, right to write, and speed where the data and the recordings go."""
    settings = visit.settings
    folders = {"data folder": settings.data_dir, "folder of recordings": settings.record}
    return [_disk(visit, name, path.absolute()) for name, path in folders.items() if path]


def _disk(visit: Visit, name: str, folder: Path) -> Finding:
    looked_at = f"disk of the {name} {str(folder)!r}"
    host = visit.here.host
    try:
        room, speed = host.room(folder), host.write_speed(folder, _TEST_BYTES)
    except OSError as error:
        found = f"cannot be written: {error.strerror or error}"
        data = folder == visit.settings.data_dir.absolute()
        way = "--data-dir" if data else "the setting record"
        fix = f"Choose a folder of your own with {way}, on a disk of this computer."
        return Finding("disk", State.PROBLEM, looked_at, found, fix)
    hours = room.free / _GB / _GB_PER_HOUR
    found = (
        f"{room.free / _GB:.1f} GB free of {room.total / _GB:.0f}: about {hours:.0f} h of 62 "
        f"channels at 1000 Hz; writes {speed / _MB:.0f} MB/s"
    )
    needed = visit.settings.min_free_mb * _MB
    state, fix = _judge_disk(room.free, speed, folder, needed=needed)
    return Finding("disk", state, looked_at, found, fix)


def _judge_disk(free: float, speed: float, folder: Path, *, needed: float) -> tuple[State, str]:
    elsewhere = "Make room, or choose a folder on another disk."
    if free < needed:
        keeps = f" A recording stops below {needed / _GB:g} GB (min_free_mb)."
        return State.PROBLEM, elsewhere + keeps
    if free < _SHORT:
        return State.WARNING, elsewhere
    if speed < _SLOW:
        fix = "It is slow: is it a network drive or a USB stick? Choose an internal disk."
        return State.WARNING, fix
    if any(name in str(folder).lower() for name in _SYNCED):
        fix = "The folder is copied to a cloud while it is written: choose one that is not, for "
        return State.WARNING, fix + "speed and for the participants' privacy."
    return State.OK, ""
