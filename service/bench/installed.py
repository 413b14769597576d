"""What a distribution and all that it needs take on the disk."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_ASKED = re.compile(r"^[A-Za-z0-9._-]+\s*\[([^\]]+)\]")


def installed_mb(name: str, *, extras: tuple[str, ...] = ()) -> tuple[float, float, int]:
    """Megabytes of the distribution, and of it with what it needs; how many those are.

    What is not installed counts nothing: a need of another platform, for instance.
    """
    found: dict[str, Distribution] = {}
    _collect(name, extras, found)
    sizes = {key: _size_mb(each) for key, each in found.items()}
    return sizes.get(_key(name), 0.0), sum(sizes.values()), len(sizes)


def _collect(name: str, extras: tuple[str, ...], found: dict[str, Distribution]) -> None:
    try:
        here = distribution(name)
    except PackageNotFoundError:
        return
    found[_key(name)] = here
    for line in here.requires or ():
        needed, _, condition = line.partition(";")
        wanted = _EXTRA.findall(condition)
        match = _NAME.match(needed.strip())
        if match is None or _key(match[0]) in found or (wanted and not set(wanted) & set(extras)):
            continue
        asked = _ASKED.match(needed.strip())
        more = tuple(part.strip() for part in asked[1].split(",")) if asked else ()
        _collect(match[0], more, found)


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _size_mb(found: Distribution) -> float:
    paths = [Path(str(file.locate())) for file in found.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 2**20
