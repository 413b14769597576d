"""A problem document (RFC 9457), as it is sent and as a client reads it."""

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem document.

    `error` is `detail` once more, where the Open Inference Protocol is spoken.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str | None = None
    got: str | None = None
    expected: str | None = None
    hint: str | None = None
    error: str | None = None
