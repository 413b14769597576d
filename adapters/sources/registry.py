"""SOURCE texts, as in `lsl:type=EEG`, and the sources they mean."""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from hadua.adapters.devices.preset_library import preset_named
from hadua.adapters.sources.fieldtrip import FieldTripSource
from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.lsl_discovery import QUERY_KEYS, StreamSummary, list_streams
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import Source
from hadua.adapters.sources.told import TOLD_KEYS, Told, told
from hadua.models.errors import UsageError
from hadua.models.features import Modality

__all__ = ["StreamSummary", "list_streams", "parse_source"]

_EXAMPLES = (
    "lsl:name=NAME, lsl:type=EEG, sim:, sim:person=3,seed=1, file:recording.xdf, "
    "fieldtrip:localhost:1972"
)
_OPTION = re.compile(r",(?=\w+=)")
XDF_SUFFIXES = (".xdf", ".xdfz", ".xdf.gz")
_FILE_KEYS = ("stream", "speed")
_FIELDTRIP_KEYS = ("unit",)
_STREAM_TYPES = {Modality.EEG: "eeg", Modality.EYE: "gaze"}


def parse_source(text: str, *, modality: Modality) -> Source:
    """Make the source that a SOURCE text means; nothing is opened yet.

    The part before the first colon is the scheme. Options are `key=value`, separated by commas; a
    comma that is not followed by `word=` belongs to the value, so names and paths may have commas.

    Raises:
        UsageError: an unknown scheme or key, a missing or impossible value.
    """
    scheme, colon, rest = text.partition(":")
    make = _SCHEMES.get(scheme)
    if not colon or make is None:
        hint = "A file is given as 'file:PATH'." if re.search(r"[\\/.]", text) else None
        if scheme.strip("\"' ").lower() in _SCHEMES:
            hint = "Write it in lower case, without quotes or spaces of its own."
        raise UsageError(
            f"source {text!r}",
            got=f"the scheme {scheme!r}" if colon else "no scheme",
            expected=f"one of {', '.join(f'{name}:' for name in _SCHEMES)} as in {_EXAMPLES}",
            hint=hint,
        )
    return make(text, rest, modality)


def _lsl(text: str, rest: str, modality: Modality) -> Source:
    known = (*QUERY_KEYS, *TOLD_KEYS)
    query = _options(text, _OPTION.split(rest) if rest else [], known=known)
    said = _told(text, query, modality)
    if not query:
        raise UsageError(
            f"source {text!r}", got="no key", expected=f"lsl:KEY=VALUE with {', '.join(QUERY_KEYS)}"
        )
    return LslSource(query, description=text, modality=modality, told=said)


def _sim(text: str, rest: str, modality: Modality) -> Source:
    make = cast(
        "Callable[..., Source]", import_module("hadua.adapters.sources.simulator").make_source
    )
    return make(_options(text, _OPTION.split(rest) if rest else []), modality=modality)


def _file(text: str, rest: str, modality: Modality) -> Source:
    path, *parts = _OPTION.split(rest)
    options = _options(text, parts, known=(*_FILE_KEYS, *TOLD_KEYS))
    if not path:
        raise UsageError(f"source {text!r}", got="no path", expected="file:recording.xdf")
    if not path.lower().endswith(XDF_SUFFIXES):
        return _recorded(text, path, options, modality)
    return XdfSource(
        path,
        stream=options.get("stream", _STREAM_TYPES[modality]),
        speed=_speed(text, options.get("speed")),
        told=_told(text, options, modality),
    )


def _recorded(text: str, path: str, options: dict[str, str], modality: Modality) -> Source:
    """A file of another format, whose readers are loaded only now."""
    formats = import_module("hadua.adapters.datasets.recorded_streams")
    if formats.format_of(Path(path)) is None:
        expected = ", ".join(f.suffix for f in formats.FORMATS)
        raise UsageError(
            f"source {text!r}",
            got=f"the file {path!r}",
            expected=f"a file whose name ends in .xdf, {expected}, packed (.gz) or not",
        )
    if "stream" in options:
        raise UsageError(
            f"source {text!r}", got="'stream'", expected="no stream: such a file holds one"
        )
    make = cast("Callable[..., Source]", formats.RecordedSource)
    return make(
        Path(path),
        modality=modality,
        speed=_speed(text, options.get("speed")),
        told=_told(text, options, modality),
    )


def _fieldtrip(text: str, rest: str, modality: Modality) -> Source:
    address, *parts = _OPTION.split(rest)
    options = _options(text, parts, known=(*_FIELDTRIP_KEYS, *TOLD_KEYS))
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        raise UsageError(
            f"source {text!r}",
            got=repr(address) if address else "no address",
            expected="fieldtrip:HOST:PORT with a port from 1 to 65535, as in "
            "fieldtrip:localhost:1972",
        )
    return FieldTripSource(
        host.removeprefix("[").removesuffix("]"),
        int(port),
        description=text,
        modality=modality,
        unit=options.get("unit", ""),
        told=_told(text, options, modality),
    )


_SCHEMES: Mapping[str, Callable[[str, str, Modality], Source]] = {
    "lsl": _lsl,
    "sim": _sim,
    "file": _file,
    "fieldtrip": _fieldtrip,
}


def _options(
    text: str, parts: list[str], *, known: tuple[str, ...] | None = None
) -> dict[str, str]:
    """`key=value` parts as a dict; `known` None leaves the keys to whoever takes the options."""
    options: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        keys = "" if known is None else f" with KEY one of {', '.join(known)}"
        if not (equals and key and value) or (known is not None and key not in known):
            raise UsageError(f"source {text!r}", got=repr(part), expected=f"KEY=VALUE{keys}")
        if key in options:
            raise UsageError(f"source {text!r}", got=f"{key!r} twice", expected="each key once")
        options[key] = value
    return options


def _told(text: str, options: dict[str, str], modality: Modality) -> Told:
    """What the operator says about the stream, taken out of the options."""
    said = told(options)
    if said.preset:
        preset = preset_named(said.preset)
        if modality not in preset.modalities:
            raise UsageError(
                f"source {text!r}",
                got=f"preset {said.preset!r} ({preset.title}) for {modality}",
                expected=f"a device for {modality}",
            )
    return said


def _speed(text: str, value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError as error:
        raise UsageError(
            f"source {text!r}: speed", got=repr(value), expected="a positive number, as in 1"
        ) from error
