"""What a worker process is asked for and what it answers, one line of JSON each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Steps = Annotated[int, Field(ge=1, le=10_000)]


class Line(BaseModel):
    """One line of either side."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_line(self) -> str:
        """As sent, with its end."""
        return self.model_dump_json() + "\n"


class FitRequest(Line):
    """Fit a profile to the windows in a calibration's folder, and put it beside them.

    Args:
        bundle: Folder of the bundle.
        session: Folder of the calibration.
        source: Folder of the source's windows; None to use the bundle's embeddings.
        version: Of the profile.
        parent: The version that serves until then.
        seed: Start of every random number.
        steps: Gradient steps.
    """

    bundle: Path
    session: Path
    source: Path | None = None
    version: Annotated[int, Field(ge=1)] = 1
    parent: Annotated[int, Field(ge=0)] = 0
    seed: Seed = 0
    steps: Steps = 120


class Ready(Line):
    """Everything slow has been imported."""

    event: Literal["ready"] = "ready"


class Working(Line):
    """What is being done."""

    event: Literal["working"] = "working"
    stage: str
    number: int
    stages: int


class Done(Line):
    """The profile is in the calibration's folder; a parcel's is in `files`, in base64 by name."""

    event: Literal["done"] = "done"
    files: dict[str, str] = Field(default_factory=dict)


class Failed(Line):
    """Why there is no profile."""

    event: Literal["failed"] = "failed"
    what: str


Answer = Annotated[Ready | Working | Done | Failed, Field(discriminator="event")]
ANSWER: TypeAdapter[Ready | Working | Done | Failed] = TypeAdapter(Answer)
