"""What changes in a session, said once per change: for those who follow a session over LSL."""

from collections.abc import Mapping

from hadua.service.wire import PredictionFrame, StatusFrame

Change = Mapping[str, object]


class StateChanges:
    """Compares each frame with the one before it."""

    def __init__(self) -> None:
        self._known: dict[str, object] = {}

    def of_status(self, frame: StatusFrame) -> list[Change]:
        """Changes of the session, its streams, its normalisation and its recording."""
        changes = [
            self._changed("session", {"state": frame.state, "reason": frame.reason}),
            self._changed("normalisation", {"state": _phase(frame.normalisation)}),
            *(
                self._changed("stream", {"state": stream.state}, modality=modality)
                for modality, stream in frame.streams.items()
            ),
        ]
        if frame.recording is not None:
            file = {"state": frame.recording.state, "path": frame.recording.path}
            changes.append(self._changed("recording", file))
        return [change for change in changes if change is not None]

    def of_prediction(self, frame: PredictionFrame) -> list[Change]:
        """A change of what makes the predictions."""
        made_by = {"bundle": frame.bundle, "profile_version": frame.profile_version}
        change = self._changed("model", made_by)
        return [] if change is None else [change]

    def _changed(self, event: str, now: Mapping[str, object], **which: str) -> Change | None:
        """The change as it is sent; None if nothing changed, or nothing is there to tell yet."""
        key = "/".join((event, *which.values()))
        if self._known.get(key) == now or not any(now.values()):
            return None
        self._known[key] = now
        return {"event": event, **which, **now}


def _phase(normalisation: str) -> str:
    """`baseline 17/120` counts up: only its beginning and its end are changes."""
    return normalisation.partition(" ")[0] + (" begins" if "/" in normalisation else "")
