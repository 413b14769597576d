"""A fit to be made on another computer: features, and a ticket where the participant's id would be.

Whoever gets a parcel can fit the profile that would be fitted at home, byte for byte but for the
name in it, and learns nothing of whose it is.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Annotated, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import save

from hadua.calibration.collected import MODALITIES, Collected
from hadua.calibration.fit_data import FitData
from hadua.calibration.fit_request import FitRequest, Seed, Steps
from hadua.calibration.plan import MOST
from hadua.calibration.trusting import UNTOLD
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import InvalidInputError
from hadua.models.features import Modality
from hadua.models.safetensors_file import Arrays, load_arrays

TICKET = r"^[0-9a-f]{32}$"
Ticket = Annotated[str, Field(pattern=TICKET)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, le=1 << 53)]
_Reason = Annotated[str, Field(max_length=64)]
D = TypeVar("D", bound=np.generic)


class FitParcel(BaseModel):
    """All that a fit depends on beside the bundle.

    Args:
        ticket: Stands for the participant.
        bundle_digest: Of the bundle that it belongs to.
        version: Of the profile.
        parent: The version that serves until then.
        seed: Start of every random number.
        steps: Gradient steps.
        refused: How many windows did not count, by reason.
        arrays: Safetensors in base64: end_s, quality, eeg, eye and told of each window, mean/...
            and std/... of what they were normalised by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ticket: Ticket
    bundle_digest: Hash
    version: Annotated[int, Field(ge=1)]
    parent: Annotated[int, Field(ge=0)]
    seed: Seed
    steps: Steps
    refused: dict[_Reason, _Count] = Field(max_length=16)
    arrays: str

    @classmethod
    def of(cls, request: FitRequest, data: FitData, *, bundle_digest: str) -> Self:
        """What a request asks for, under a new ticket; the source's windows stay behind."""
        own = data.collected
        arrays = {"end_s": own.end_s, "quality": own.quality, "eeg": own.eeg, "eye": own.eye}
        arrays |= {"told": data.told}
        for modality, prior in data.prior.items():
            arrays |= {f"mean/{modality}": prior.mean, f"std/{modality}": prior.std}
        packed = save({name: np.ascontiguousarray(a) for name, a in sorted(arrays.items())})
        return cls(
            ticket=secrets.token_hex(16),
            bundle_digest=bundle_digest,
            version=request.version,
            parent=request.parent,
            seed=request.seed,
            steps=request.steps,
            refused=dict(data.refused),
            arrays=base64.b64encode(packed).decode(),
        )

    def data(self, bundle: Bundle) -> FitData:
        """As it was packed.

        Raises:
            InvalidInputError: arrays that cannot be a person's, or not for this bundle.
        """
        try:
            arrays = load_arrays(base64.b64decode(self.arrays, validate=True))
            return _read(arrays, bundle, ticket=self.ticket, refused=self.refused)
        except (binascii.Error, KeyError, ValueError) as error:
            raise InvalidInputError(
                "arrays of a fit",
                got=str(error),
                expected=f"a calibration's windows for bundle {bundle.id!r}",
            ) from error


def _read(arrays: Arrays, bundle: Bundle, *, ticket: str, refused: Mapping[str, int]) -> FitData:
    n = len(arrays["end_s"])
    if not 1 <= n <= MOST:
        raise ValueError(f"{n} windows")
    widths = {m: bundle.width(m) for m in MODALITIES}
    tables = [_array(arrays, str(m), np.float32, (n, widths[m])) for m in MODALITIES]
    end_s = _array(arrays, "end_s", np.float64, (n,))
    quality = _array(arrays, "quality", np.float32, (n, len(MODALITIES)))
    told = _array(arrays, "told", np.int64, (n,))
    if not np.isfinite(end_s).all() or not np.isfinite(quality).all():
        raise ValueError("times or quality that are not finite")
    if not ((told >= 0) & (told < len(bundle.classes)) | (told == UNTOLD)).all():
        raise ValueError("a class that there is not")
    prior = {m: _prior(arrays, m, widths[m]) for m in bundle.specs}
    return FitData(ticket, Collected(end_s, tables[0], tables[1], quality), prior, refused, told)


def _prior(arrays: Arrays, modality: Modality, width: int) -> Normalisation:
    mean = _array(arrays, f"mean/{modality}", np.float64, (width,))
    std = _array(arrays, f"std/{modality}", np.float64, (width,))
    if not np.isfinite(mean).all() or not (np.isfinite(std) & (std > 0.0)).all():
        raise ValueError(f"a normalisation of {modality} that is none")
    return Normalisation(mean, std)


def _array(arrays: Arrays, name: str, kind: type[D], shape: tuple[int, ...]) -> npt.NDArray[D]:
    found = arrays[name]
    if found.dtype != kind or found.shape != shape:
        raise ValueError(f"{name!r}: {found.dtype} {found.shape}, not {np.dtype(kind)} {shape}")
    return found.astype(kind)  # one of its own, which can be written
