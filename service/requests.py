"""What clients may send: checked where it enters, and refused with a problem document."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hadua.models.features import Modality
from hadua.service.access.roles import Role
from hadua.service.config import Identifier

Feature = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
ClockTime = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
MarkerText = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]+$")]
ShortText = Annotated[str, Field(pattern=r"^[\w .:/@+-]{1,64}$")]
SourceText = Annotated[str, Field(min_length=1, max_length=512)]


class StartSession(BaseModel):
    """Body of `POST sessions`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"eeg": "lsl:type=EEG", "participant": "P-01"}]},
    )

    id: Identifier | None = Field(None, description="Id of the session; made up if not given.")
    eeg: SourceText | None = Field(None, description="SOURCE of the EEG, as in lsl:type=EEG.")
    gaze: SourceText | None = Field(None, description="SOURCE of the gaze, as in lsl:type=Gaze.")
    participant: Identifier | None = Field(None, description="Pseudonym of the participant.")
    markers: list[SourceText] | None = Field(
        None,
        max_length=16,
        description="LSL marker streams, as lsl:type=Markers; those of the settings if not given.",
    )


class Exchange(BaseModel):
    """One question and answer of `GET clock`, as the client saw it."""

    model_config = ConfigDict(extra="forbid")

    asked_s: ClockTime = Field(description="The client's clock, just before it asked.")
    received_s: ClockTime = Field(description="`received_s` of the answer.")
    replied_s: ClockTime = Field(description="`sent_s` of the answer.")
    heard_s: ClockTime = Field(description="The client's clock, once the answer was there.")


class PostMarker(BaseModel):
    """Body of `POST sessions/{id}/markers`.

    When it happened is said in LSL seconds, or by the client's own clock together with exchanges
    that tell how far that is from LSL's, or not at all: then it happens as it arrives.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "stimulus=happy"}]}
    )

    text: MarkerText = Field(description="What happened; NAME=VALUE is a state that holds.")
    t_s: ClockTime | None = Field(None, description="When, in LSL seconds.")
    client_s: ClockTime | None = Field(None, description="When, by the client's clock.")
    exchanges: list[Exchange] = Field(
        default=[], max_length=64, description="Of the clocks; the best of them counts."
    )

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if self.t_s is not None and self.client_s is not None:
            raise ValueError("t_s or client_s, not both")
        if (self.client_s is None) == bool(self.exchanges):
            raise ValueError("client_s and exchanges, both or neither")
        return self


class EnterParticipant(BaseModel):
    """Body of `POST participants`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"id": "P-01"}]})

    id: Identifier = Field(description="A pseudonym: nothing that names a person.")


class GiveConsent(BaseModel):
    """Body of `POST participants/{id}/consent`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"notice": "notice/1", "recorded_by": "anna"}]},
    )

    notice: ShortText = Field(description="The notice that was shown, by name and version.")
    recorded_by: ShortText = Field(description="Who says that consent was given.")


class ConfirmMapping(BaseModel):
    """Body of `POST sessions/{id}/mapping`."""

    model_config = ConfigDict(extra="forbid")

    modality: Modality = Field(description="Whose mapping: eeg or eye.")
    key: str = Field(
        pattern=r"^[0-9a-f]{16}$", description="Key of the mapping that was looked at."
    )


class AddToken(BaseModel):
    """Body of `POST tokens`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "booth-7", "role": "operator"}]}
    )

    name: Identifier = Field(description="Who gets it: a person or a program.")
    role: Role = Field(description="What it allows.")


class Windows(BaseModel):
    """Feature windows of one modality."""

    model_config = ConfigDict(extra="forbid")

    definition: str = Field(description="Name of the feature definition, as in hadua-de.")
    version: int = Field(description="Its version.")
    values: list[list[list[Feature | None]]] = Field(
        description="[n][T][d] features before normalisation, oldest window first; "
        "null where one was not measured.",
        min_length=1,
        max_length=4096,
    )


class Predict(BaseModel):
    """Body of `POST predict`: one modality or both."""

    model_config = ConfigDict(extra="forbid")

    eeg: Windows | None = None
    eye: Windows | None = None
