"""Frames as they come, into the structs that the service sends."""

import functools
import operator

import msgspec

from hadua.service.client.errors import NotAFrameError
from hadua.service.wire import Frame


class OtherFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame of a type that this client is too old to know; `content` is all of it."""

    type: str
    session_id: str | None = None
    epoch: int = 0
    seq: int = 0
    content: dict[str, object] = {}


AnyFrame = Frame | OtherFrame

_known = msgspec.json.Decoder(functools.reduce(operator.or_, Frame.__subclasses__()))
_other = msgspec.json.Decoder(OtherFrame)
_content = msgspec.json.Decoder(dict[str, object])


def decode(text: str | bytes) -> AnyFrame:
    """The frame of a text.

    Raises:
        NotAFrameError: it is none, not even one of a kind that is not known here.
    """
    try:
        return _frame(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAFrameError(
            "the service sent what is no frame",
            got=str(error),
            expected="JSON as /asyncapi.json describes it",
            hint="Does the address belong to hadua-serve, and nothing in between change it?",
        ) from error


def _frame(text: str | bytes) -> AnyFrame:
    try:
        frame = _known.decode(text)
    except msgspec.ValidationError:
        return msgspec.structs.replace(_other.decode(text), content=_content.decode(text))
    if not isinstance(frame, Frame):
        raise TypeError(f"a frame: got {frame!r}")
    return frame


def kind_of(frame: AnyFrame) -> str:
    """The `type` of a frame."""
    return frame.type if isinstance(frame, OtherFrame) else str(frame.__struct_config__.tag)
