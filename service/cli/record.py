"""`hadua record`: LSL streams into an XDF file, without a service."""

import functools
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hadua.models.errors import HaduaError, UsageError


def record(
    out: Annotated[Path, typer.Option(help="File to make, as a.xdf; never written over.")],
    stream: Annotated[
        list[str] | None, typer.Option(metavar="QUERY", help="lsl:type=EEG; repeatable.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stream there is.")] = False,
    duration: Annotated[float | None, typer.Option(help="Seconds [until Ctrl-C].")] = None,
    wait_s: Annotated[float, typer.Option(help="Wait for a first stream.")] = 10.0,
    min_free_mb: Annotated[float, typer.Option(help="Stop below this disk space.")] = 1000.0,
    as_json: Annotated[bool, typer.Option("--json", help="Say at the end as JSON.")] = False,
) -> None:
    """Record LSL streams into an XDF file, as they are sent."""
    from hadua.adapters.recordings.xdf_encoder import XdfEncoder
    from hadua.adapters.sources.lsl_markers import parse_markers
    from hadua.service.lsl_recording import LslRecording
    from hadua.service.recorder import Limits
    from hadua.service.recording_file import RecordingFile, free_mb

    try:
        if bool(stream) == everything or (duration is not None and not duration > 0.0):
            raise UsageError(
                "what to record",
                expected="--stream QUERY, once or more, or --all; a duration above 0",
            )
        queries = [parse_markers(text) for text in stream or ()] or [{}]
        room = functools.partial(free_mb, out.absolute().parent)
        if room() < min_free_mb:
            raise UsageError(
                f"--out {str(out)!r}", got=f"{room():.0f} MB left", expected=f"{min_free_mb:g}"
            )
        if out.exists():
            raise UsageError(
                f"--out {str(out)!r}", got="a file that is there", expected="a new one"
            )
        sink = RecordingFile(out)
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        recording = LslRecording(
            queries,
            sink=sink,
            encoder=XdfEncoder(datetime=started),
            limits=Limits(min_free_mb=min_free_mb, bound_mb=512.0, free_mb=room),
            on_stream=lambda name: typer.echo(f"recording {name}", err=True),
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: recording.stop())
        why = recording.run(duration_s=duration, wait_s=wait_s)
    except HaduaError as error:
        typer.echo(f"hadua record: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    told = [{"name": s.name, "samples": s.samples, "error": s.error} for s in recording.streams]
    summary = {"file": str(out), "bytes": sink.size_bytes, "ended": why, "streams": told}
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(f"{out}: {sink.size_bytes / 1e6:.1f} MB; {why}")
    for one in recording.streams:
        typer.echo(f"  {one.name}: {one.samples} samples" + (f"; {one.error}" if one.error else ""))
