"""What a worker process is asked for that keeps nothing on the disk."""

from pathlib import Path

from pydantic import TypeAdapter

from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.fit_request import FitRequest, Line


class ParcelRequest(Line):
    """Fit a profile to the windows of a parcel, and answer with its files.

    Args:
        bundle: Folder of the bundle.
        parcel: What somebody else has sent.
    """

    bundle: Path
    parcel: FitParcel


REQUEST: TypeAdapter[FitRequest | ParcelRequest] = TypeAdapter(FitRequest | ParcelRequest)
