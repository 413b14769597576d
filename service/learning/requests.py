"""What clients may ask of a session's learning."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hadua.calibration.plan import FEWEST, MOST, Plan
from hadua.models.features import Modality
from hadua.service.requests import ClockTime

Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Windows = Annotated[int, Field(ge=FEWEST, le=MOST)]


class PlanChanges(BaseModel):
    """What differs from the plan that is proposed."""

    model_config = ConfigDict(extra="forbid")

    baseline_s: float | None = Field(
        None, ge=0.0, le=600.0, allow_inf_nan=False, description="Length of the rest; 0: none."
    )
    windows: Windows | None = Field(None, description="Windows to collect after it.")
    fewest: Windows | None = Field(None, description="With so many it may be ended early.")
    least: dict[Modality, Annotated[int, Field(ge=0, le=MOST)]] | None = Field(
        None, description="How many of them must have a modality."
    )
    min_quality: float | None = Field(
        None, ge=0.0, le=1.0, description="Share of the signal that must have been usable."
    )
    most_s: float | None = Field(
        None, gt=0.0, le=14_400.0, description="When to give up, from the first window on."
    )

    def applied_to(self, plan: Plan) -> Plan:
        """The plan with these changes.

        Raises:
            InvalidInputError: changes that do not fit together.
        """
        given = self.model_dump(exclude_none=True)
        windows = given.get("windows", plan.windows)
        if "least" not in given:
            given["least"] = {m: min(n, windows // 2) for m, n in plan.least.items()}
        if "fewest" not in given:
            given["fewest"] = min(plan.fewest, windows)
        return replace(plan, **given)


class StartCalibration(BaseModel):
    """Body of `POST sessions/{id}/calibration`; it may be left out."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"seconds": 300, "policy": "operator"}]}
    )

    seconds: float = Field(
        300.0, gt=0.0, le=3600.0, description="About how long the person watches."
    )
    plan: PlanChanges | None = Field(None, description="What differs from the proposed plan.")
    policy: Literal["operator", "cautious", "automatic"] | None = Field(
        None,
        description="Who decides about the profile: an operator, or a rule on its risk "
        "(`cautious` accepts low and rejects high, `automatic` accepts medium too). The setting "
        "calibration_policy if not given.",
    )


class Reject(BaseModel):
    """Body of `POST sessions/{id}/calibration/reject`; it may be left out."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field("rejected by the operator", description="Why, for the record.")


class Adapt(BaseModel):
    """Body of `POST sessions/{id}/adaptation`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"on": True}]})

    on: bool = Field(description="Whether the model is to follow the participant.")


class Label(BaseModel):
    """Body of `POST sessions/{id}/labels`: what was felt, as somebody says.

    The stretch of time is said in LSL seconds, or as the last so many seconds.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"label": "happy", "last_s": 60}]}
    )

    label: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="Name of a class of the bundle."
    )
    from_s: ClockTime | None = Field(None, description="Where it begins, LSL seconds.")
    until_s: ClockTime | None = Field(None, description="Where it ends; now if not given.")
    last_s: float | None = Field(
        None, gt=0.0, le=3600.0, description="How long it has lasted, in place of `from_s`."
    )

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if (self.from_s is None) == (self.last_s is None):
            raise ValueError("from_s or last_s, and not both")
        return self

    def stretch(self, *, now_s: float) -> tuple[float, float]:
        """From when to when, LSL seconds."""
        until_s = now_s if self.until_s is None else self.until_s
        from_s = until_s - (self.last_s or 0.0) if self.from_s is None else self.from_s
        return from_s, until_s


class GoBack(BaseModel):
    """Body of `POST sessions/{id}/rollback`; it may be left out."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "worse than before"}]}
    )

    version: int | None = Field(
        None,
        ge=0,
        le=2**31,
        description="Which version is to answer; 0 is the bundle as shipped. The parent of the "
        "one that answers, if not given.",
    )
    reason: Reason = Field("asked for", description="Why, for the record.")
