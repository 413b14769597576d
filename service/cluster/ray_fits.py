"""Fits on the nodes of the Ray cluster that the pool's replicas are on."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hadua.calibration.fit_parcel import FitParcel
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import CalibrationError
from hadua.service.cluster.fitters import FittedThere
from hadua.service.cluster.versions import differences, versions_here
from hadua.service.evaluation.workers import Failure, attempt

_RETRIES = 3  # with another node, if one dies


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What a node is given besides the bundle's files."""

    parcel: FitParcel
    versions: Mapping[str, str]


class OnNodes:
    """A process of one core for each fit; it ends with it.

    Args:
        bundle: Its files go to every node that fits, once.
    """

    def __init__(self, bundle: Bundle) -> None:
        import ray

        folder = bundle.path
        files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.*")}
        self._bundle = ray.put(files)
        self._fit = ray.remote(
            num_cpus=1,
            max_calls=1,
            max_retries=_RETRIES,
            retry_exceptions=False,
            scheduling_strategy="SPREAD",
        )(_on_node)

    async def __call__(self, parcel: FitParcel) -> FittedThere:
        """Ask for it, and wait; see `Fitter`."""
        import ray

        asked = self._fit.remote(self._bundle, _Task(parcel, versions_here()))
        try:
            made = await asyncio.wrap_future(asked.future())
        except asyncio.CancelledError:
            ray.cancel(asked, force=True)
            raise
        except ray.exceptions.RayError as error:
            why = " ".join(str(error).split())[:200]
            raise CalibrationError("no node has fitted it", got=why) from error
        if isinstance(made, Failure):
            raise CalibrationError(made.message)
        return FittedThere(*made)


def _on_node(files: Mapping[str, bytes], task: _Task) -> tuple[dict[str, bytes], str] | Failure:
    return attempt(lambda given: _fitted(files, given), task)


def _fitted(files: Mapping[str, bytes], task: _Task) -> tuple[dict[str, bytes], str]:
    from hadua.calibration.fitting import fit_parcel  # with torch

    differing = differences(versions_here(), task.versions)
    if differing:
        got = ", ".join(f"{name} {there}" for name, there, _ in differing)
        raise CalibrationError("this node would fit something else", got=got)
    with TemporaryDirectory(prefix="hadua-bundle-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made = fit_parcel(load_bundle(Path(folder)), task.parcel)
    return made, f"node {socket.gethostname()}"
