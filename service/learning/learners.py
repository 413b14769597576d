"""Makes what each session learns with, from what the service has."""

from hadua.service.learning.claims import Claims
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.learning.tools import Spawn, Tools
from hadua.service.publisher import Publisher


class Learners:
    """Of one service.

    Args:
        tools: What learning needs.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools, self._claims = tools, Claims()

    def of(self, participant: str | None, publisher: Publisher, *, spawn: Spawn) -> SessionLearning:
        """What the session of that publisher learns with."""
        return SessionLearning(
            participant,
            tools=self._tools,
            claims=self._claims,
            spawn=spawn,
            publisher=publisher,
        )
