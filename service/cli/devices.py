"""`hadua devices`: what is on the network, what it is taken for, and the text that picks it."""

import json
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError, UsageError
from hadua.models.features import Modality

if TYPE_CHECKING:
    from hadua.service.found_devices import FoundDevice

_WIDTH = 100
_MOST_SECONDS = 60.0
_FLAGS = {Modality.EEG: "--eeg", Modality.EYE: "--gaze"}


def devices(
    eeg: Annotated[str | None, typer.Option(metavar="SOURCE", help="Look at this one.")] = None,
    gaze: Annotated[str | None, typer.Option(metavar="SOURCE", help="Look at this one.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder [demo bundle].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for what is kept.")] = None,
    config: Annotated[
        Path | None, typer.Option(envvar="HADUA_CONFIG", help="TOML file of settings.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long to search.")] = 2.0,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Remember what was looked at as right.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as JSON.")] = False,
) -> None:
    """List devices on the network and what the bundle makes of each.

    With --eeg or --gaze: only these, as their SOURCE says. Ends with 1 if none can be used.
    """
    sources = {m: s for m, s in ((Modality.EEG, eeg), (Modality.EYE, gaze)) if s is not None}
    flags = {name: v for name, v in (("bundle", bundle), ("data_dir", data_dir)) if v is not None}
    try:
        _require_sense(seconds, confirm=confirm, named=bool(sources))
        bundle_id, found = look(flags, config, sources, seconds=seconds, confirm=confirm)
    except HaduaError as error:
        typer.echo(f"hadua devices: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    if as_json:
        typer.echo(json.dumps({"bundle": bundle_id, "devices": [as_plain(d) for d in found]}))
    else:
        typer.echo("\n\n".join([*map(in_words, found), _conclusion(found, bundle_id)]))
    sys.stdout.flush()
    # A stream that did not answer may still be inside a C call of liblsl.
    os._exit(0 if any(device.usable for device in found) else 1)


def look(
    flags: dict[str, Path],
    config: Path | None,
    sources: dict[Modality, str],
    *,
    seconds: float,
    confirm: bool,
) -> "tuple[str, list[FoundDevice]]":
    """The bundle's id, and what was found; remembered if asked to."""
    from hadua.service.config import load_settings
    from hadua.service.device_search import DeviceSearch

    search = DeviceSearch(load_settings(flags, config=config))
    found = search.named(sources) if sources else search.on_network(search_s=seconds)
    return search.bundle.id, search.confirm(found) if confirm else found


def in_words(device: "FoundDevice") -> str:
    """A device for people: what it is, what it gives, and how to use it."""
    rate = f"{device.rate_hz:g} Hz" if device.rate_hz else "no rate declared"
    facts = f"type {device.type!r}, {device.n_channels} channels, {rate}, on {device.hostname!r}"
    lines = [f"{device.stream!r} ({facts})"]
    if device.modality is None:
        return "\n".join([*lines, _indented(f"Not a device: {device.summary}")])
    state = f", mapping {device.state}" if device.state is not None else ""
    lines.append(_indented(f"{device.device} [{device.preset}]{state}"))
    lines.append(_indented(f"{_fit(device)} {device.summary}"))
    lines += [_indented(f"- {note}") for note in device.notes]
    if device.source:
        lines.append(_indented(f"{_FLAGS[device.modality]} '{device.source}'"))
    else:
        lines.append(_indented("It cannot be told from another stream: give it its own source_id."))
    return "\n".join(lines)


def as_plain(device: "FoundDevice") -> dict[str, object]:
    """A device for machines."""
    return {
        "stream": device.stream,
        "type": device.type,
        "hostname": device.hostname,
        "channels": device.n_channels,
        "rate_hz": device.rate_hz,
        "source": device.source,
        "modality": None if device.modality is None else str(device.modality),
        "flag": None if device.modality is None else _FLAGS[device.modality],
        "preset": device.preset,
        "device": device.device,
        "coverage": device.coverage,
        "needed": device.needed,
        "usable": device.usable,
        "mapping": None if device.state is None else str(device.state),
        "key": None if device.identity is None else device.identity.key,
        "summary": device.summary,
        "notes": list(device.notes),
    }


def _fit(device: "FoundDevice") -> str:
    if device.needed is None:
        return "The bundle has no use for it."
    verdict = "enough" if (device.coverage or 0.0) >= device.needed else "too little"
    return f"Covers {device.coverage:.0%} of what the bundle needs, {verdict}."


def _conclusion(found: "Sequence[FoundDevice]", bundle: str) -> str:
    by_coverage = sorted(found, key=lambda device: device.coverage or 0.0)
    usable = {d.modality: d for d in by_coverage if d.usable and d.modality is not None}
    if not found:
        return "No stream was found. Is the device's program running, and does it stream to LSL?"
    if not usable:
        return f"None of these can be used by the bundle {bundle}."
    flags = " ".join(f"{_FLAGS[m]} '{device.source}'" for m, device in sorted(usable.items()))
    return f"hadua-serve {flags}"


def _indented(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False
    )


def _require_sense(seconds: float, *, confirm: bool, named: bool) -> None:
    if not 0.0 < seconds <= _MOST_SECONDS:
        raise UsageError(
            "--seconds", got=f"{seconds:g}", expected=f"more than 0, up to {_MOST_SECONDS:g}"
        )
    if confirm and not named:
        raise UsageError(
            "--confirm without a device",
            expected="--eeg SOURCE, --gaze SOURCE or both",
            hint="Look at the list first; then name the one that is right.",
        )
