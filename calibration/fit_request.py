"""What a worker process is asked for and what it answers, one line of JSON each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Seed = Annotated[int, Field(ge=0, lt=2**63)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_line(self) -> str:
        """As sent, with its end."""
        return self.model_dump_json() + "\n"


class FitRequest(_Line):
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
    steps: Annotated[int, Field(ge=1, le=10_000)] = 120


class Ready(_Line):
    """Everything slow has been imported."""

    event: Literal["ready"] = "ready"


class Working(_Line):
    """What is being done."""

    event: Literal["working"] = "working"
    stage: str
    number: int
    stages: int


class Done(_Line):
    """The profile is in the calibration's folder."""

    event: Literal["done"] = "done"


class Failed(_Line):
    """Why there is no profile."""

    event: Literal["failed"] = "failed"
    what: str


Answer = Annotated[Ready | Working | Done | Failed, Field(discriminator="event")]
ANSWER: TypeAdapter[Ready | Working | Done | Failed] = TypeAdapter(Answer)
