"""`hadua calibrate`: a new participant, in a terminal, live or from a recording."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError

if TYPE_CHECKING:
    from rich.progress import Progress

    from hadua.service.config import Settings
    from hadua.service.learning.requests import PlanChanges
    from hadua.service.learning.statuses import CalibrationStatus

_WELL = {"accepted": 0, "ready": 0}


def calibrate(
    participant: Annotated[str, typer.Option(metavar="ID", help="Pseudonym.")],
    eeg: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="lsl:type=EEG, file:a.xdf, sim:...")
    ] = None,
    gaze: Annotated[str | None, typer.Option(metavar="SOURCE", help="lsl:type=Gaze, ...")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder [demo bundle].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder [hadua-data].")] = None,
    seconds: Annotated[float, typer.Option(help="About how long the person watches.")] = 300.0,
    baseline_s: Annotated[float, typer.Option(help="Rest before that; 0: none.")] = 60.0,
    source_windows: Annotated[
        Path | None, typer.Option(help="The source's windows [the bundle's embeddings].")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(metavar="POLICY", help="cautious or automatic [you are asked].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say at the end as JSON.")] = False,
    config: Annotated[
        Path | None, typer.Option(envvar="HADUA_CONFIG", help="TOML file of settings.")
    ] = None,
) -> None:
    """Calibrate a new participant, live or from a recording."""
    from hadua.service.config import load_settings

    flags = {
        "participant": participant,
        "eeg": eeg,
        "gaze": gaze,
        "bundle": bundle,
        "data_dir": data_dir,
        "source_windows": source_windows,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = load_settings(given, config=config)
        status = _calibrate(settings, seconds, baseline_s, accept, as_json=as_json)
    except HaduaError as error:
        typer.echo(f"hadua calibrate: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("interrupted: what was collected is kept; the same command goes on", err=True)
        raise typer.Exit(1) from None
    _tell(status, as_json=as_json)
    raise typer.Exit(_WELL.get(status.state, 1))


def _calibrate(
    settings: "Settings", seconds: float, baseline_s: float, policy: str | None, *, as_json: bool
) -> "CalibrationStatus":
    from hadua.calibration.policy import policy_of
    from hadua.service.assembly import open_storage
    from hadua.service.learning.terminal import calibrate as run
    from hadua.service.logs import configure_logs
    from hadua.service.meant import open_bundle

    if policy is not None:
        policy_of(policy)
    changes = _changes(seconds, baseline_s)
    configure_logs(level="warning", json=settings.log_json)
    loaded = open_bundle(settings)
    with open_storage(settings) as storage, _bar(shown=not as_json) as bar:
        task = bar.add_task("waiting for the streams", total=1.0)

        def show(status: "CalibrationStatus") -> None:
            left = "" if status.eta_s is None else f", about {status.eta_s:.0f} s"
            bar.update(task, completed=status.share, description=f"{status.words}{left}")

        async def decide(status: "CalibrationStatus") -> str | None:
            bar.stop()
            return await asyncio.to_thread(_ask, status, silent=as_json)

        return asyncio.run(
            run(
                settings,
                bundle=loaded,
                storage=storage,
                seconds=seconds,
                changes=changes,
                policy=policy,
                show=show,
                decide=decide,
            )
        )


def _changes(seconds: float, baseline_s: float) -> "PlanChanges":
    """What differs from the proposed plan, within the bounds that a service has as well."""
    from pydantic import ValidationError

    from hadua.service.config import usage_error
    from hadua.service.learning.requests import PlanChanges, StartCalibration

    flags = {"seconds": seconds, "baseline_s": baseline_s}
    try:
        StartCalibration.model_validate({"seconds": seconds})
        return PlanChanges.model_validate({"baseline_s": baseline_s})
    except ValidationError as error:
        raise usage_error(error, flags=flags) from error


def _bar(*, shown: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=sys.stderr)
    return Progress(
        BarColumn(bar_width=30),
        TextColumn("{task.description}", markup=False),
        console=console,
        disable=not shown,
        transient=True,
    )


def _ask(status: "CalibrationStatus", *, silent: bool) -> str | None:
    """What the operator says; nothing where nobody can be asked."""
    if silent or not sys.stdin.isatty():
        return None
    typer.echo(_words(status), err=True)
    return "accept" if typer.confirm("Let this profile answer?", err=True) else "reject"


def _tell(status: "CalibrationStatus", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(status).decode())
        return
    typer.echo(_words(status))
    if status.state == "ready":
        typer.echo("It waits for a decision: --accept POLICY, or the page of a session of theirs.")


def _words(status: "CalibrationStatus") -> str:
    """The report in lines."""
    lines = [f"{status.state}" + (f": {status.reason}" if status.reason else "")]
    report = status.report
    if report is not None:
        refused = ", ".join(f"{n} {why}" for why, n in report.windows_refused.items()) or "none"
        balance = ", ".join(f"{name} {share:.0%}" for name, share in report.balance.items())
        lines += [
            f"profile {status.version} of {status.participant} ({status.bundle})",
            f"windows used: {report.windows_used}; refused: {refused}",
            f"classes: {balance}; {report.changed:.0%} of the answers are others than before",
        ]
        if report.expected_gain is not None:
            lines.append(
                f"expected gain: {report.expected_gain:+.0%} (an estimate, no measurement)"
            )
        if report.check_before is not None and report.check_after is not None:
            lines.append(
                f"check set: {report.check_before:.0%} right before, {report.check_after:.0%} now"
            )
        lines.append(f"risk: {report.risk}" + "".join(f"; {why}" for why in report.reasons))
    return "\n".join(lines)
