"""What `hadua export` can be asked for; free of torch, so that a command line may know it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hadua.models.errors import BundleError, UsageError

EegOrder = Literal["channel-major", "band-major"]

_OFFICIAL_ONLY = (
    *("classes", "eeg_features", "eeg_order", "channels", "eye_features"),
    *("window_s", "hop_s", "eye_window_s", "normalisation"),
)
_OFFICIAL_NEEDS = (
    *("classes", "eeg_features", "eeg_order", "window_s", "normalisation", "licence"),
)


@dataclass(frozen=True, slots=True)
class ReexportRequest:
    """What was asked for; None keeps what the bundle says.

    Args:
        bundle: The bundle to start from.
        out: Folder of the new one.
        name: Its name.
        version: Its version.
        licence: Licence of the weights.
        data_licence: Terms of the data that they were trained on.
        card: Markdown of the new card.
        replace: Whether a bundle that is at `out` gives way.
    """

    bundle: Path
    out: Path
    name: str | None = None
    version: str | None = None
    licence: str | None = None
    data_licence: str | None = None
    card: str | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class OfficialRequest:
    """What was asked for.

    Args:
        official: The state dict's file.
        out: Folder of the bundle.
        classes: Class names in the order of the logits.
        eeg_features: Definition of its EEG features, as in `seed-de/1`.
        eeg_order: `channel-major` (five bands of a channel together) or `band-major`.
        channels: Channels in the order of the features; SEED's 62 if None.
        eye_features: Definition of its eye features.
        window_s: Length of a window.
        hop_s: Distance of two windows.
        eye_window_s: Length of a window of eye features.
        normalisation: `identity` or a file, as `read_normalisation` takes it.
        licence: Licence of the weights.
        data_licence: Terms of their data.
        name: Name of the bundle.
        version: Its version.
        card: Markdown that comes in place of the card written here.
        replace: Whether a bundle that is there gives way.
    """

    official: Path
    out: Path
    classes: tuple[str, ...]
    eeg_features: str
    eeg_order: EegOrder
    channels: tuple[str, ...] | None
    eye_features: str
    window_s: float
    hop_s: float
    eye_window_s: float
    normalisation: str
    licence: str
    data_licence: str
    name: str
    version: str
    card: str | None
    replace: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The flags as they were given, None where they were not; `card` is a file."""

    out: Path
    bundle: Path | None = None
    official: Path | None = None
    name: str | None = None
    version: str | None = None
    licence: str | None = None
    data_licence: str | None = None
    card: Path | None = None
    classes: str | None = None
    eeg_features: str | None = None
    eeg_order: EegOrder | None = None
    channels: str | None = None
    eye_features: str | None = None
    window_s: float | None = None
    hop_s: float | None = None
    eye_window_s: float | None = None
    normalisation: str | None = None
    replace: bool = False


def understood(asked: Asked) -> ReexportRequest | OfficialRequest:
    """Turn flags into a request.

    Raises:
        UsageError: flags that do not go together, that are missing, or that cannot be.
        BundleError: a card that cannot be read.
    """
    _require_room(asked.out, replace=asked.replace)
    if asked.bundle is not None and asked.official is None:
        return _again(asked, asked.bundle)
    if asked.official is not None and asked.bundle is None:
        return _official(asked, asked.official)
    raise UsageError(
        "what to export",
        got="both --bundle and --official" if asked.bundle else "neither --bundle nor --official",
        expected="one of them",
    )


def _again(asked: Asked, bundle: Path) -> ReexportRequest:
    if given := [n for n in _OFFICIAL_ONLY if getattr(asked, n) is not None]:
        raise UsageError(
            f"{_flags(given)} with --bundle",
            expected="none of them: a bundle knows what it was trained on",
        )
    return ReexportRequest(
        bundle=bundle,
        out=asked.out,
        name=asked.name,
        version=asked.version,
        licence=asked.licence,
        data_licence=asked.data_licence,
        card=_card(asked.card),
        replace=asked.replace,
    )


def _official(asked: Asked, path: Path) -> OfficialRequest:
    a = asked
    if (
        a.classes is None
        or a.eeg_features is None
        or a.eeg_order is None
        or a.window_s is None
        or a.normalisation is None
        or a.licence is None
    ):
        missing = [n for n in _OFFICIAL_NEEDS if getattr(a, n) is None]
        raise UsageError(
            f"--official without {_flags(missing)}",
            expected="all of them: a state dict says nothing of its input",
        )
    hop_s = a.window_s if a.hop_s is None else a.hop_s
    eye_window_s = a.window_s if a.eye_window_s is None else a.eye_window_s
    if not 0.0 < hop_s <= min(a.window_s, eye_window_s) < math.inf:
        raise UsageError(
            "windows",
            got=f"--window-s {a.window_s:g}, --eye-window-s {eye_window_s:g}, --hop-s {hop_s:g}",
            expected="0 < hop <= window",
        )
    return OfficialRequest(
        official=path,
        out=a.out,
        classes=_listed(a.classes, flag="--classes"),
        eeg_features=a.eeg_features,
        eeg_order=a.eeg_order,
        channels=None if a.channels is None else _listed(a.channels, flag="--channels"),
        eye_features=a.eye_features or "seed-eye/1",
        window_s=a.window_s,
        hop_s=hop_s,
        eye_window_s=eye_window_s,
        normalisation=a.normalisation,
        licence=a.licence,
        data_licence=a.data_licence or "",
        name=a.name or "official",
        version=a.version or "1",
        card=_card(a.card),
        replace=a.replace,
    )


def _listed(text: str, *, flag: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise UsageError(flag, got=repr(text), expected="names with commas between, each once")
    return names


def _card(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"--card {str(path)!r} cannot be read as text", got=str(error)) from error


def _require_room(out: Path, *, replace: bool) -> None:
    if not out.exists() or (replace and out.is_dir()):
        return
    raise UsageError(
        f"--out {str(out)!r}",
        got="a folder that is there" if out.is_dir() else "a file",
        expected="a folder to make",
        hint="Choose another one, or add --replace to write into that folder.",
    )


def _flags(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
