"""The state of a pipeline inside a recording that begins when the pipeline has run for a while."""

import msgspec

from hadua.service.engine import Restorable
from hadua.service.recorded_bytes import as_text, from_text

AT_MOST_MB = 64.0
"""62 channels at 1000 Hz take 2 MB, 256 at 4000 Hz with windows of 4 s 33 MB."""


class RecordedState(msgspec.Struct, frozen=True):
    """Part of the document of a pipeline.

    Args:
        sha256: Of the data.
        data: The state in base64; empty if it is too large.
        left_out_mb: Its size, if it is too large.
    """

    sha256: str = ""
    data: str = ""
    left_out_mb: float = 0.0

    @classmethod
    def of(cls, pipeline: Restorable) -> "RecordedState":
        """What a pipeline remembers now; between two steps."""
        data = pipeline.state()
        if len(data) > AT_MOST_MB * 1e6:
            return cls(left_out_mb=len(data) / 1e6)
        return cls(*as_text(data))

    def bytes(self) -> bytes:
        """The state.

        Raises:
            RecordingError: damaged.
        """
        where = "state of the pipeline in the recording"
        return from_text(self.data, sha256=self.sha256, where=where)
