"""What a client's call may end in."""

from typing import ClassVar

import msgspec

from hadua.models.errors import HaduaError
from hadua.service.problem import Problem


class ClientError(HaduaError):
    """Base of what goes wrong between a client and the service."""

    code: ClassVar[str] = "client-error"


class UnreachableError(ClientError):
    """The service does not answer, and has not for as long as the client is patient."""

    code: ClassVar[str] = "unreachable"


class SessionFailedError(ClientError):
    """The session that was followed has failed; the message says why."""

    code: ClassVar[str] = "session-failed"


class NotAFrameError(ClientError):
    """What came is no frame of the service."""

    code: ClassVar[str] = "not-a-frame"


class RefusedError(ClientError):
    """The service says no.

    Args:
        problem: What it says; `problem.code` is stable.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            problem.title, got=problem.got, expected=problem.expected, hint=problem.hint
        )
        self.problem = problem


def refusal(status: int, body: bytes | bytearray | None) -> RefusedError:
    """A refusal as it was answered."""
    try:
        return RefusedError(msgspec.json.decode(body or b"", type=Problem))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return plain_refusal("http-error", f"the service answered {status}", status=status)


def plain_refusal(code: str, title: str, *, status: int) -> RefusedError:
    """A refusal that came without a problem document."""
    kind = f"urn:hadua:problem:{code}"
    return RefusedError(Problem(type=kind, title=title, status=status, code=code, detail=title))
