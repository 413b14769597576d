"""`hadua doctor`: what would keep a session from running, and what to do about it."""

import json
import os
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError, UsageError
from hadua.models.features import Modality

if TYPE_CHECKING:
    from hadua.service.doctor.finding import Finding

_MOST_SECONDS = 60.0
_WIDTH = 100
_INDENT = " " * 25


def doctor(
    eeg: Annotated[str | None, typer.Option(metavar="SOURCE", help="As for hadua-serve.")] = None,
    gaze: Annotated[str | None, typer.Option(metavar="SOURCE", help="As for hadua-serve.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder [demo bundle].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for what is kept.")] = None,
    host: Annotated[str | None, typer.Option(help="Address of hadua-serve.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of hadua-serve.")] = None,
    runtime: Annotated[str | None, typer.Option(help="onnx or torchscript [onnx].")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda [auto].")] = None,
    config: Annotated[
        Path | None, typer.Option(envvar="HADUA_CONFIG", help="TOML file of settings.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long to listen to each stream.")] = 3.0,
    no_network: Annotated[bool, typer.Option("--no-network", help="This computer only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as JSON.")] = False,
) -> None:
    """Say what would keep a session from running, and what to do. See docs/doctor.md.

    Ends with 1 if something would keep a session from running, with 0 otherwise.
    """
    texts = {"eeg": eeg, "gaze": gaze, "host": host, "runtime": runtime, "device": device}
    flags: dict[str, object] = {**texts, "bundle": bundle, "data_dir": data_dir, "port": port}
    flags = {name: value for name, value in flags.items() if value is not None}
    try:
        _require_sense(eeg, gaze, seconds)
        code = run(flags, config=config, seconds=seconds, network=not no_network, as_json=as_json)
    except HaduaError as error:
        typer.echo(f"hadua doctor: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    sys.stdout.flush()
    os._exit(code)  # a check that was given up may still be inside a C call of liblsl


def run(
    flags: dict[str, object], *, config: Path | None, seconds: float, network: bool, as_json: bool
) -> int:
    """Examine this computer and say what was found; the exit code."""
    from hadua.service.doctor.checks import checks
    from hadua.service.doctor.examination import examine
    from hadua.service.doctor.finding import State, worst
    from hadua.service.doctor.machine import Machine
    from hadua.service.doctor.machine_network import MachineNetwork
    from hadua.service.doctor.surroundings import Surroundings
    from hadua.service.doctor.visit import Request, Visit

    request = Request(flags, config=config, seconds=seconds, network=network)
    visit = Visit(request, Surroundings(Machine(), MachineNetwork()))
    findings: list[Finding] = []
    for finding in examine(visit, checks(seconds=seconds)):
        findings.append(finding)
        if not as_json:
            typer.echo(in_words(finding))
    if as_json:
        typer.echo(json.dumps(as_plain(findings)))
    else:
        typer.echo(_conclusion(findings))
    return 1 if worst(findings) is State.PROBLEM else 0


def in_words(finding: "Finding") -> str:
    """A finding for people: its state, its check, what was found, and what to do."""
    state = finding.state.value.upper() if finding.state == "problem" else finding.state.value
    head = f"  {state:<8} {finding.check:<13} "
    text = f"{finding.looked_at}: {finding.found}"
    lines = [_wrapped(text, first=head)]
    if finding.fix:
        lines.append(_wrapped(finding.fix, first=f"{_INDENT}-> "))
    return "\n".join(lines)


def as_plain(findings: Iterable["Finding"]) -> dict[str, object]:
    """The findings for programs."""
    from hadua.service.doctor.finding import State, worst

    listed = list(findings)
    fields = ("check", "looked_at", "found", "fix")
    return {
        "worst": worst(listed).value,
        "stops_a_session": worst(listed) is State.PROBLEM,
        "findings": [
            {"state": f.state.value, **{name: getattr(f, name) for name in fields}} for f in listed
        ],
    }


def _wrapped(text: str, *, first: str) -> str:
    return textwrap.fill(
        " ".join(text.split()),
        width=_WIDTH,
        initial_indent=first,
        subsequent_indent=_INDENT + "   " * first.endswith("-> "),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _conclusion(findings: Iterable["Finding"]) -> str:
    states = [f.state.value for f in findings]
    counts = ", ".join(
        f"{states.count(name)} {name}{'s' * (states.count(name) > 1)}"
        for name in ("problem", "warning", "note")
        if name in states
    )
    if "problem" in states:
        return f"\n{counts}. A session would not run: follow the arrows of the problems first."
    return f"\n{counts or 'All is well'}. Nothing here would keep a session from running."


def _require_sense(eeg: str | None, gaze: str | None, seconds: float) -> None:
    from hadua.service.sources import live_source

    for text, modality in ((eeg, Modality.EEG), (gaze, Modality.EYE)):
        if text is not None:
            live_source(text, modality=modality)
    if not 0.5 <= seconds <= _MOST_SECONDS:
        raise UsageError("--seconds", got=f"{seconds:g}", expected=f"0.5 to {_MOST_SECONDS:g}")
