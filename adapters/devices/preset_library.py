"""The presets that come with the program, and which one a stream is."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from hadua.adapters.devices.preset import Preset, parse_preset
from hadua.adapters.sources.source import StreamSpec
from hadua.models.errors import UsageError
from hadua.models.features import Modality

GENERIC = "generic"
_FOLDER = Path(__file__).with_name("presets")


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by name, in the order of their names."""
    files = sorted(_FOLDER.glob("*.toml"))
    return MappingProxyType({f.stem: parse_preset(f.stem, f.read_text("utf-8")) for f in files})


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return presets()[name.lower()]
    except KeyError:
        raise UsageError(
            f"device preset {name!r}", got="a name that is not known", expected=", ".join(presets())
        ) from None


def preset_of(stream: StreamSpec, *, modality: Modality | None = None) -> Preset:
    """The preset that the operator asked for, or the one whose device the stream looks like.

    Of several that fit, the one that asks for the most; `generic` where none does.

    Args:
        stream: The stream.
        modality: What it is taken for, if that is known.
    """
    if stream.preset:
        return preset_named(stream.preset)
    candidates = [p for p in presets().values() if modality is None or modality in p.modalities]
    best = max(candidates, key=lambda preset: preset.likeness(stream))
    return best if best.likeness(stream) else presets()[GENERIC]
