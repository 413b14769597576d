"""`hadua replay`: a recording through the pipeline of a live session."""

import functools
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from hadua.models.errors import HaduaError, UsageError

if TYPE_CHECKING:
    from hadua.models.prediction import Prediction
    from hadua.service.config import Settings


def replay(
    file: Annotated[Path, typer.Argument(help=".xdf, or a device's .csv, .json, .tsv, .asc.")],
    bundle: Annotated[Path | None, typer.Option(help="Bundle [the recorded, or demo].")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="At the pace it was.")] = False,
    speed: Annotated[float | None, typer.Option(help="Times real time.")] = None,
    eeg: Annotated[str | None, typer.Option(metavar="STREAM", help="Name of its EEG.")] = None,
    gaze: Annotated[str | None, typer.Option(metavar="STREAM", help="Name of its gaze.")] = None,
    baseline_s: Annotated[float | None, typer.Option(help="Rest at its start [none].")] = None,
    runtime: Annotated[str | None, typer.Option(help="onnx or torchscript [onnx].")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the predictions [stdout].")] = None,
    lsl: Annotated[bool, typer.Option("--lsl", help="Send its streams over LSL instead.")] = False,
    config: Annotated[
        Path | None, typer.Option(envvar="HADUA_CONFIG", help="TOML file of settings.")
    ] = None,
) -> None:
    """Print the predictions of a recording, one JSON line each."""
    from hadua.service.config import load_settings

    logging.getLogger("pyxdf").setLevel(logging.ERROR)  # its warnings are of no use here
    flags = {"bundle": bundle, "baseline_s": baseline_s, "runtime": runtime}
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        if lsl:
            typer.echo(_republish(file), err=True)
            return
        _require_pace(realtime=realtime, speed=speed)
        settings = load_settings(given, config=config)
        names = {"eeg": eeg, "eye": gaze}
        predictions = _predictions(
            file,
            settings,
            names={m: name for m, name in names.items() if name is not None},
            speed=1.0 if realtime else speed,
        )
        with _opened(out) as file_out:
            told = _write(predictions, file_out)
    except HaduaError as error:
        typer.echo(f"hadua replay: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(told, err=True)


def _predictions(
    file: Path, settings: "Settings", *, names: dict[str, str], speed: float | None
) -> "Iterator[Prediction]":
    from hadua.adapters.recordings.session_file import is_session_file
    from hadua.models.features import Modality
    from hadua.models.runtime import load_runtime
    from hadua.service.meant import engine_factory, open_bundle
    from hadua.service.rebuilding import Rebuilding
    from hadua.service.replaying import Pace, recorded_sources, replay_session, replay_sources

    pace = Pace(speed)
    if not names and is_session_file(file):
        rebuilding = Rebuilding(bundle=settings.bundle, data_dir=settings.data_dir)
        return replay_session(file, rebuilding, pace)
    sources = recorded_sources(file, {Modality(m): name for m, name in names.items()})
    bundle = open_bundle(settings)
    load = functools.partial(load_runtime, bundle, name=settings.runtime, device=settings.device)
    return replay_sources(sources, engine_factory(settings, bundle, load), pace)


def _write(predictions: "Iterator[Prediction]", out: TextIO) -> str:
    """Write each prediction as it comes; what to say in the end."""
    import msgspec

    from hadua.service.prediction_frame import answer_of

    n = answered = 0
    first_s = last_s = 0.0
    why = ""
    began_s = 0.0
    for prediction in predictions:
        began_s = began_s or time.monotonic()
        out.write(msgspec.json.encode(answer_of(prediction)).decode() + "\n")
        out.flush()
        n, answered = n + 1, answered + (not prediction.abstained)
        first_s, last_s = (first_s if n > 1 else prediction.end_s), prediction.end_s
        why = prediction.reason or why
    took_s = max(time.monotonic() - began_s, 1e-9)
    told = (
        f"{n} windows, {answered} with an answer; {(last_s - first_s) / took_s:.0f} times real time"
    )
    return f"{told}. The last thing amiss: {why}" if why else told


def _republish(file: Path) -> str:
    """Send a file's streams until their end or a signal; what to say in the end."""
    from hadua.adapters.recordings.republish import read_streams, republish
    from hadua.adapters.sources.clock import lsl_now_s

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    streams = read_streams(file)

    def ready() -> None:
        typer.echo(f"sending {', '.join(s.name for s in streams)}; Ctrl-C ends it", err=True)

    sent = republish(streams, clock=lsl_now_s, wait=stop.wait, stopped=stop.is_set, ready=ready)
    return f"{sent} samples sent"


def _opened(out: Path | None) -> "nullcontext[TextIO] | TextIO":
    if out is None:
        return nullcontext(sys.stdout)
    try:
        return out.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {str(out)!r}", got=error.strerror or str(error)) from error


def _require_pace(*, realtime: bool, speed: float | None) -> None:
    if realtime and speed is not None:
        raise UsageError("--realtime with --speed", expected="one of them, or neither")
    if speed is not None and not 0.0 < speed < 1e6:
        raise UsageError("--speed", got=f"{speed}", expected="a positive number, as in 4")
