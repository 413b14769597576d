"""A feature spec as a bundle's manifest stores it."""

from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from hadua.models.cleaning import Cleaning, Reference
from hadua.models.features import FeatureSpec, Modality, Smoothing

Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Base of whatever is stored: nothing unknown, nothing infinite, nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SmoothingPart(Strict):
    """`Smoothing` as it is stored."""

    q: float = Field(ge=0.0)
    r: float = Field(gt=0.0)
    p0: float = Field(gt=0.0)


class CleaningPart(Strict):
    """`Cleaning` as it is stored; its own checks are made when it becomes one."""

    definition: Text
    version: int = Field(ge=1)
    rate_hz: float | None
    notch_hz: float | None
    high_pass_hz: float | None
    reference: Reference


class FeaturePart(Strict):
    """`FeatureSpec` as it is stored; its modality is the key it is stored under.

    Bundles from before there was any cleaning do not have the field, and mean: none. So it is left
    out where there is none, and their bytes, which name them, stay what they were.
    """

    definition: Text
    version: int = Field(ge=1)
    names: tuple[Text, ...] = Field(min_length=1)
    window_s: float = Field(gt=0.0)
    hop_s: float = Field(gt=0.0)
    smoothing: SmoothingPart | None
    cleaning: CleaningPart | None = None

    @classmethod
    def of(cls, spec: FeatureSpec) -> Self:
        """The stored form of a spec."""
        s, c = spec.smoothing, spec.cleaning
        return cls(
            definition=spec.definition,
            version=spec.version,
            names=spec.names,
            window_s=spec.window_s,
            hop_s=spec.hop_s,
            smoothing=None if s is None else SmoothingPart(q=s.q, r=s.r, p0=s.p0),
            cleaning=None
            if c is None
            else CleaningPart(
                definition=c.definition,
                version=c.version,
                rate_hz=c.rate_hz,
                notch_hz=c.notch_hz,
                high_pass_hz=c.high_pass_hz,
                reference=c.reference,
            ),
        )

    def spec(self, modality: Modality) -> FeatureSpec:
        """The spec it stands for."""
        s, c = self.smoothing, self.cleaning
        return FeatureSpec(
            modality,
            self.definition,
            self.version,
            self.names,
            self.window_s,
            self.hop_s,
            None if s is None else Smoothing(q=s.q, r=s.r, p0=s.p0),
            None if c is None else Cleaning(**c.model_dump()),
        )

    @model_serializer(mode="wrap")
    def _without_what_is_not(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        stored: dict[str, object] = handler(self)
        if self.cleaning is None:
            del stored["cleaning"]
        return stored
