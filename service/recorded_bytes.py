"""Bytes inside a document of a recording: as text, with a hash that damage does not pass."""

import base64
import binascii
import hashlib

from hadua.models.errors import RecordingError


def as_text(data: bytes) -> tuple[str, str]:
    """The sha256 of bytes, and the bytes as base64."""
    return hashlib.sha256(data).hexdigest(), base64.b64encode(data).decode()


def from_text(text: str, *, sha256: str, where: str) -> bytes:
    """The bytes again.

    Raises:
        RecordingError: not those that were written.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise damaged(where, got=str(error), expected="base64") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise damaged(where, got=f"sha256 {found[:12]}", expected=f"sha256 {sha256[:12]}")
    return data


def damaged(where: str, *, got: str, expected: str) -> RecordingError:
    """The error of a part of a recording that is not as it was written."""
    return RecordingError(
        f"{where} is damaged",
        got=got,
        expected=expected,
        hint="The file was changed after it was written: take the original.",
    )
