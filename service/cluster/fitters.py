"""Who fits a parcel: a process of this service, or one on a node of its Ray cluster.

Both compute what a booth's own process would. Neither keeps anything: a parcel is in the memory of
one process that ends with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.parcel_request import ParcelRequest
from hadua.models.bundle import Bundle
from hadua.service.fit_worker import FitWorker

OWN = "service"


@dataclass(frozen=True, slots=True, eq=False)
class FittedThere:
    """What came of a fit.

    Args:
        files: The profile's, by name.
        who: Fitted it, in words.
    """

    files: Mapping[str, bytes]
    who: str


class Fitter(Protocol):
    """Fits one parcel; called as often at once as it may."""

    async def __call__(self, parcel: FitParcel) -> FittedThere:
        """Fit it; cancelled, whatever computes it ends.

        Raises:
            HaduaError: why there is no profile.
        """
        ...


@dataclass(frozen=True, slots=True)
class OwnProcess:
    """A process for each fit.

    Args:
        bundle: Where a fit begins.
    """

    bundle: Bundle

    async def __call__(self, parcel: FitParcel) -> FittedThere:
        """Start it, ask it, end it."""
        worker = await FitWorker.start(last=False, parcels=True)
        try:
            request = ParcelRequest(bundle=self.bundle.path.absolute(), parcel=parcel)
            return FittedThere(await worker.fit_parcel(request), OWN)
        finally:
            await worker.stop()
