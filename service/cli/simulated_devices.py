"""`hadua simulate --device`: an imitated device instead of a simulated person."""

import json
from collections.abc import Sequence

import typer

from hadua.adapters.devices.preset_library import preset_named
from hadua.adapters.devices.simulated import Counting, Natural, SimulatedDevice
from hadua.adapters.devices.simulated_devices import simulated_device
from hadua.models.features import Modality
from hadua.service.cli.device_outlets import DeviceBroadcast

_FLAGS = {Modality.EEG: "--eeg", Modality.EYE: "--gaze"}


def imitate(names: Sequence[str], *, count: bool, duration_s: float | None, as_json: bool) -> None:
    """Send the streams of devices, each with its own quirks, until a signal or the end.

    Raises:
        UsageError: a device that is not known.
    """
    devices = [simulated_device(name) for name in names]
    broadcast = DeviceBroadcast(devices, Counting() if count else Natural(), duration_s)
    broadcast.open()
    if as_json:
        typer.echo(json.dumps({"devices": [_facts(device) for device in devices]}))
    else:
        for device in devices:
            _announce(device)
        typer.echo("Ctrl-C ends it")
    broadcast.run()
    if not as_json:
        typer.echo("stopped")


def _announce(device: SimulatedDevice) -> None:
    preset, outlet = preset_named(device.preset), device.outlet
    declared = f"{outlet.declared_hz:g} Hz" if outlet.declared_hz else "no rate"
    typer.echo(
        f"{preset.title}: {outlet.name!r}, type {outlet.type!r}, {len(outlet.channels)} channels, "
        f"declares {declared}, sends {outlet.rate_hz:g} Hz"
    )
    flag = _FLAGS[preset.modalities[0]]
    typer.echo(f"  connect with: hadua-serve {flag} '{device.source}'")


def _facts(device: SimulatedDevice) -> dict[str, object]:
    streams = [
        {
            "name": outlet.name,
            "type": outlet.type,
            "source_id": outlet.source_id,
            "channels": len(outlet.channels),
            "declared_hz": outlet.declared_hz,
            "rate_hz": outlet.rate_hz,
        }
        for outlet in (device.outlet, *device.beside)
    ]
    return {"preset": device.preset, "source": device.source, "streams": streams}
