"""Which session learns of which participant: one at a time, for they share a folder."""

from hadua.service.storage.errors import ParticipantBusyError


class Claims:
    """Who is being learnt, and by whom."""

    def __init__(self) -> None:
        self._by: dict[str, object] = {}

    def claim(self, participant: str, by: object) -> bool:
        """Take a participant; False if somebody else has them."""
        return self._by.setdefault(participant.lower(), by) is by

    def release(self, participant: str, by: object) -> None:
        """Let go of a participant; nothing happens if somebody else has them."""
        if self._by.get(participant.lower()) is by:
            del self._by[participant.lower()]

    def require(self, participant: str, by: object) -> None:
        """Take a participant, or raise `ParticipantBusyError` if somebody else has them."""
        if not self.claim(participant, by):
            raise ParticipantBusyError(
                f"participant {participant!r}",
                got="another session that learns of them",
                expected="one at a time",
                hint="Stop that session first.",
            )
