"""`hadua export`: a bundle from a bundle, or from weights trained with the authors' code."""

import json
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError, RuntimeUnavailableError
from hadua.service.export_requests import Asked, OfficialRequest, ReexportRequest, understood

if TYPE_CHECKING:
    from hadua.models.bundle import Bundle


class EegOrder(StrEnum):
    """How the weights' EEG features follow each other."""

    CHANNEL_MAJOR = "channel-major"
    BAND_MAJOR = "band-major"


def export(
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")],
    bundle: Annotated[Path | None, typer.Option(help="Bundle to export anew.")] = None,
    official: Annotated[Path | None, typer.Option(help="State dict to export instead.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new bundle.")] = None,
    version: Annotated[str | None, typer.Option(help="Its version.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights.")] = None,
    data_licence: Annotated[str | None, typer.Option(help="Terms of their data.")] = None,
    card: Annotated[Path | None, typer.Option(help="Model card, Markdown.")] = None,
    classes: Annotated[str | None, typer.Option(help="Official: a,b,c by logit.")] = None,
    eeg_features: Annotated[str | None, typer.Option(help="Official: as seed-de/1.")] = None,
    eeg_order: Annotated[EegOrder | None, typer.Option(help="Official: their order.")] = None,
    channels: Annotated[str | None, typer.Option(help="Official: [SEED's 62].")] = None,
    eye_features: Annotated[str | None, typer.Option(help="Official: [seed-eye/1].")] = None,
    window_s: Annotated[float | None, typer.Option(help="Official: its windows.")] = None,
    hop_s: Annotated[float | None, typer.Option(help="Official: [window].")] = None,
    eye_window_s: Annotated[float | None, typer.Option(help="Official: [window].")] = None,
    normalisation: Annotated[str | None, typer.Option(help="Official: identity|.npz.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a bundle there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say the result as JSON.")] = False,
) -> None:
    """Write a bundle anew, or one of weights trained elsewhere. Its models are compared first."""
    try:
        request = understood(
            Asked(
                out=out,
                bundle=bundle,
                official=official,
                name=name,
                version=version,
                licence=licence,
                data_licence=data_licence,
                card=card,
                classes=classes,
                eeg_features=eeg_features,
                eeg_order=None if eeg_order is None else eeg_order.value,
                channels=channels,
                eye_features=eye_features,
                window_s=window_s,
                hop_s=hop_s,
                eye_window_s=eye_window_s,
                normalisation=normalisation,
                replace=replace,
            )
        )
        made = _run(request)
    except HaduaError as error:
        typer.echo(f"hadua export: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    plain = {"bundle": str(made.path), "id": made.id, "source_free": made.manifest.source_free}
    typer.echo(json.dumps(plain) if as_json else f"{made.id} is in {made.path}")


def _run(request: OfficialRequest | ReexportRequest) -> "Bundle":
    """Export; what needs torch is imported only now, so that `hadua --help` does without."""
    for package in ("torch", "onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise RuntimeUnavailableError(
                f"exporting needs the package {package!r}",
                got="not installed",
                hint="pip install torch==2.13.0, then 'hadua[cpu,train]'",
            )
    if isinstance(request, ReexportRequest):
        from hadua.service.exporting import reexport

        return reexport(request)
    from hadua.service.official_export import export_official

    return export_official(request)
