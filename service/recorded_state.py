"""The state of a pipeline inside a recording that begins when the pipeline has run for a while."""

import base64
import binascii
import hashlib

import msgspec

from hadua.models.errors import RecordingError
from hadua.service.engine import Restorable

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
        return cls(hashlib.sha256(data).hexdigest(), base64.b64encode(data).decode())

    def bytes(self) -> bytes:
        """The state.

        Raises:
            RecordingError: damaged.
        """
        try:
            data = base64.b64decode(self.data, validate=True)
        except binascii.Error as error:
            raise _damaged(str(error)) from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise _damaged(f"sha256 {found[:12]}, not {self.sha256[:12]}")
        return data


def _damaged(got: str) -> RecordingError:
    return RecordingError(
        "state of the pipeline in the recording is damaged",
        got=got,
        expected="the bytes that were written",
        hint="The file was changed after it was written: take the original.",
    )
