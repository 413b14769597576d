"""The part of a model that is one person's: a value, replaced by its successor, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from pydantic import ConfigDict, with_config

from hadua.calibration.participant_id import require_participant
from hadua.calibration.report import Report
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import ProfileError
from hadua.models.features import Modality
from hadua.models.runtime import Float32Array

Setting = float | int | str | bool | None
Origin = Literal["calibration", "online"]

AS_SHIPPED = 0
"""The version that stands for the bundle without anything of the person."""


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class Provenance:
    """How a profile came about: enough to make it again from the same windows.

    Args:
        origin: What made it.
        seed: Start of every random number.
        settings: Of what made it, by name.
        report: What is known of it.
    """

    origin: Origin
    seed: int
    settings: Mapping[str, Setting]
    report: Report


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What a person's model has that the bundle has not.

    Args:
        participant: Pseudonym.
        version: Counts per participant, from 1.
        parent: The version it was made from; 0 is the bundle as shipped.
        bundle_id: `name@hash` of the bundle, for people.
        bundle_digest: The bundle's identity.
        weights: Those tensors of the network, by name, that differ from the bundle's; whole, so
            that what is served is what was fitted, bit for bit.
        model: The network with these weights as ONNX, so that serving it needs no torch; empty if
            no weight differs.
        normalisation: What the person's features are normalised by, in place of the bundle's.
        n_seen: Windows of this person that anything was learnt from, ancestors' included.
        made: How it came about.
    """

    participant: str
    version: int
    parent: int
    bundle_id: str
    bundle_digest: str
    weights: Mapping[str, Float32Array]
    model: bytes = field(repr=False)
    normalisation: Mapping[Modality, Normalisation]
    n_seen: int
    made: Provenance

    def __post_init__(self) -> None:
        require_participant(self.participant)
        where = f"profile {self.version} of {self.participant!r}"
        if not 0 <= self.parent < self.version or self.n_seen < 0:
            raise ProfileError(
                where,
                got=f"version {self.version}, parent {self.parent}, {self.n_seen} windows seen",
                expected="a version from 1 on, a parent before it, and no negative count",
            )
        if bool(self.weights) != bool(self.model):
            raise ProfileError(where, got="weights without their model, or a model without weights")
        weights = {name: _read_only(self.weights[name], where) for name in sorted(self.weights)}
        object.__setattr__(self, "weights", MappingProxyType(weights))
        for modality, normalisation in self.normalisation.items():
            _require_normalisation(normalisation, f"{where}: {modality}")

    def require(self, bundle: Bundle, *, participant: str) -> None:
        """Raise `ProfileError` unless it is that participant's and of that bundle."""
        where = f"profile {self.version} of {self.participant!r}"
        if self.participant != participant:
            raise ProfileError(
                where, got="another person's", expected=f"a profile of {participant!r}"
            )
        if self.bundle_digest != bundle.digest:
            raise ProfileError(
                f"{where} belongs to another bundle",
                got=f"{self.bundle_id!r}",
                expected=f"{bundle.id!r}",
                hint="Serve the bundle that it was made with, or calibrate again with this one.",
            )
        for modality, spec in bundle.specs.items():
            own = self.normalisation.get(modality)
            if own is not None and own.mean.shape != (len(spec.names),):
                raise ProfileError(
                    f"{where}: normalisation of {modality}",
                    got=f"{own.mean.size} features",
                    expected=f"{len(spec.names)}",
                )


def _read_only(values: Float32Array, where: str) -> Float32Array:
    if values.dtype != np.float32 or not np.isfinite(values).all():
        raise ProfileError(
            f"{where}: weights",
            got=f"{values.dtype} values, {int((~np.isfinite(values)).sum())} not finite",
            expected="finite float32",
        )
    own = values.copy()
    own.setflags(write=False)
    return own


def _require_normalisation(normalisation: Normalisation, where: str) -> None:
    mean, std = normalisation.mean, normalisation.std
    fits = mean.ndim == 1 and mean.shape == std.shape
    if not fits or not (np.isfinite(mean) & np.isfinite(std) & (std > 0.0)).all():
        raise ProfileError(
            f"{where}: normalisation",
            got=f"mean {mean.shape}, std {std.shape}, {int((~(std > 0.0)).sum())} not positive",
            expected="finite means and positive standard deviations, one of each per feature",
        )
