"""`hadua simulate`: a simulated participant as real LSL streams, for rehearsals and tests."""

import json
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Annotated, Protocol

import numpy as np
import numpy.typing as npt
import typer

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_library import pylsl
from hadua.adapters.sources.simulated_faults import Faults, parse_faults
from hadua.adapters.sources.simulated_participant import Simulation
from hadua.adapters.sources.simulated_states import parse_schedule
from hadua.adapters.sources.simulator import SimulatorSource, make_pair
from hadua.adapters.sources.source import EndOfStreamError, StreamSpec
from hadua.models.errors import HaduaError, StreamLostError, UsageError
from hadua.models.features import Modality
from hadua.service.cli.simulated_devices import imitate

_READ_S = 0.2
_POLL_S = 0.1
_FLAGS = {Modality.EEG: "--eeg", Modality.EYE: "--gaze"}


class Outlet(Protocol):
    """`pylsl.StreamOutlet`, as far as it is used here."""

    def push_chunk(self, x: npt.NDArray[np.float32], timestamp: Sequence[float]) -> None:
        """Send samples `(n, n_channels)` with their stamps."""
        ...

    def push_sample(self, x: Sequence[str], timestamp: float) -> None:
        """Send one sample."""
        ...


def simulate(
    person: Annotated[int, typer.Option(help="Number of the person.")] = 1,
    seed: Annotated[int, typer.Option(help="Number of the session.")] = 1,
    schedule: Annotated[
        str, typer.Option(help="States: demo, demo*REST_S, neutral*60|positive*30|...")
    ] = "demo",
    name_prefix: Annotated[str, typer.Option(help="Streams are PREFIX-eeg ...")] = "HADUA-sim",
    duration: Annotated[float | None, typer.Option(help="Seconds [until Ctrl-C].")] = None,
    faults: Annotated[
        str, typer.Option(help="As in 'gap@30+5;flat:FP1@60;eeg.line@10+20*80'.")
    ] = "",
    eeg_only: Annotated[bool, typer.Option("--eeg-only", help="No gaze stream.")] = False,
    gaze_only: Annotated[bool, typer.Option("--gaze-only", help="No EEG stream.")] = False,
    device: Annotated[
        list[str] | None, typer.Option(help="Imitate a device, by its preset; may be repeated.")
    ] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Devices send each sample's own number.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say what is sent as JSON.")] = False,
) -> None:
    """Send a simulated participant's EEG, gaze and markers over LSL."""
    try:
        if device:
            imitate(device, count=count, duration_s=duration, as_json=as_json)
            return
        modalities = _chosen(eeg_only=eeg_only, gaze_only=gaze_only)
        simulation = Simulation(person, seed, parse_schedule(schedule, seed=seed), name_prefix)
        broadcast = Broadcast(simulation, modalities, Faults(parse_faults(faults)), duration)
        broadcast.open()
        _announce(broadcast, as_json=as_json)
        broadcast.run()
    except HaduaError as error:
        typer.echo(f"hadua simulate: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    if not as_json:
        typer.echo("stopped")


@dataclass(slots=True)
class Broadcast:
    """The outlets of one simulated participant, from opening to a signal or the end.

    Args:
        simulation: Who.
        modalities: Which streams.
        faults: What goes wrong.
        duration_s: How long; None until a signal.
    """

    simulation: Simulation
    modalities: tuple[Modality, ...]
    faults: Faults
    duration_s: float | None
    origin_s: float = field(default_factory=lsl_now_s)
    stopped: bool = False
    outlets: list[tuple[SimulatorSource, Outlet]] = field(default_factory=list)
    marker: Outlet | None = None

    def open(self) -> None:
        """Take over the signals; make the streams and the outlets."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        pair = make_pair(
            self.simulation,
            origin_s=self.origin_s,
            duration_s=self.duration_s,
            faults=self.faults,
        )
        sources = [source for source in pair if source.modality in self.modalities]
        specs = [source.open(1.0) for source in sources]
        self.outlets = [(s, _outlet(spec)) for s, spec in zip(sources, specs, strict=True)]
        self.marker = _marker_outlet(self.marker_name, specs[0].source_id)

    @property
    def marker_name(self) -> str:
        """Name of the stream of state changes."""
        return f"{self.simulation.name_prefix}-markers"

    def run(self) -> None:
        """Send until SIGINT, SIGTERM or the end of every stream."""
        threads = [
            threading.Thread(target=_send, args=pair, name=f"send-{pair[0].modality}")
            for pair in self.outlets
        ]
        sources = [source for source, _ in self.outlets]
        self.outlets.clear()  # each thread now owns its outlet, and a lost stream really goes
        for thread in threads:
            thread.start()
        try:
            self._mark_until_over(threads)
        finally:
            for source in sources:
                source.close()
            for thread in threads:
                thread.join()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stopped = True  # a plain flag: taking a lock in a signal handler can deadlock

    def _mark_until_over(self, threads: Sequence[threading.Thread]) -> None:
        marked_s = -1.0
        while not self.stopped and (alive := [t for t in threads if t.is_alive()]):
            block = self.simulation.schedule.block_at(lsl_now_s() - self.origin_s)
            if block.start_s != marked_s and self.marker is not None:
                marked_s = block.start_s
                self.marker.push_sample(
                    [json.dumps({"state": block.state})], self.origin_s + marked_s
                )
            alive[0].join(_POLL_S)


def _chosen(*, eeg_only: bool, gaze_only: bool) -> tuple[Modality, ...]:
    if eeg_only and gaze_only:
        raise UsageError("--eeg-only with --gaze-only", expected="one of them, or neither")
    if eeg_only:
        return (Modality.EEG,)
    return (Modality.EYE,) if gaze_only else tuple(Modality)


def _announce(broadcast: Broadcast, *, as_json: bool) -> None:
    specs = [(s.modality, s.open(0.0)) for s, _ in broadcast.outlets]
    if as_json:
        who = broadcast.simulation
        streams = [_identity(modality, spec) for modality, spec in specs]
        line = {
            "person": who.person,
            "seed": who.seed,
            "origin_s": broadcast.origin_s,
            "streams": streams,
            "markers": broadcast.marker_name,
        }
        typer.echo(json.dumps(line))
        return
    for _, spec in specs:
        typer.echo(f"{spec.name}: {len(spec.channels)} channels, {spec.rate_hz:g} Hz, {spec.type}")
    typer.echo(f"{broadcast.marker_name}: state changes, Markers")
    flags = " ".join(f"{_FLAGS[modality]} lsl:name={spec.name}" for modality, spec in specs)
    typer.echo(f"connect with: hadua-serve {flags}")
    typer.echo("Ctrl-C ends it")


def _identity(modality: Modality, spec: StreamSpec) -> dict[str, object]:
    return {
        "modality": modality.value,
        "name": spec.name,
        "type": spec.type,
        "source_id": spec.source_id,
        "channels": len(spec.channels),
        "rate_hz": spec.rate_hz,
        "source": f"lsl:name={spec.name}",
    }


def _send(source: SimulatorSource, outlet: Outlet) -> None:
    with suppress(EndOfStreamError, StreamLostError):
        while not source.closed:
            chunk = source.read(_READ_S)
            if chunk is not None:
                outlet.push_chunk(chunk.x.astype(np.float32), chunk.t_s.tolist())


def _outlet(spec: StreamSpec) -> Outlet:
    lsl = pylsl()
    n = len(spec.channels)
    info = lsl.StreamInfo(spec.name, spec.type, n, spec.rate_hz, lsl.cf_float32, spec.source_id)
    description = info.desc()
    channels = description.append_child("channels")
    for channel in spec.channels:
        element = channels.append_child("channel")
        for tag, text in (
            ("label", channel.label),
            ("type", channel.kind),
            ("unit", channel.unit),
            ("eye", channel.eye),
            ("coordinate_system", channel.coordinate_system),
        ):
            if text:
                element.append_child_value(tag, text)
    if spec.screen_px is not None:
        screen = description.append_child("screen")
        for tag, size in zip(("width", "height"), spec.screen_px, strict=True):
            screen.append_child_value(tag, f"{size:g}")
    outlet: Outlet = lsl.StreamOutlet(info)
    return outlet


def _marker_outlet(name: str, source_id: str) -> Outlet:
    lsl = pylsl()
    info = lsl.StreamInfo(name, "Markers", 1, 0.0, lsl.cf_string, f"{source_id}-markers")
    outlet: Outlet = lsl.StreamOutlet(info)
    return outlet
