"""What a worker process is asked for and what it answers, one line of JSON each."""

import zlib
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
        half_steps: Gradient steps of each half; 0 for no comparison.
    """

    bundle: Path
    session: Path
    source: Path | None = None
    version: Annotated[int, Field(ge=1)] = 1
    parent: Annotated[int, Field(ge=0)] = 0
    seed: Seed = 0
    steps: Annotated[int, Field(ge=1, le=10_000)] = 120
    half_steps: Annotated[int, Field(ge=0, le=10_000)] = 60


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


class Compared(_Line):
    """What the halves say, and of which request."""

    event: Literal["compared"] = "compared"
    request: str
    stability: float | None


class Failed(_Line):
    """Why there is no profile."""

    event: Literal["failed"] = "failed"
    what: str


Answer = Annotated[Ready | Working | Done | Compared | Failed, Field(discriminator="event")]
ANSWER: TypeAdapter[Ready | Working | Done | Compared | Failed] = TypeAdapter(Answer)


def name_of(line: str) -> str:
    """A short name of a request, so that a late answer is not taken for another's."""
    return f"{zlib.crc32(line.strip().encode()):08x}"
