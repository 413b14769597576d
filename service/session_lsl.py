"""What a session has to do with Lab Streaming Layer beside its signals."""

from collections.abc import Callable, Mapping

from hadua.adapters.sources.source import Source
from hadua.models.bundle import Bundle
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.metrics import Metrics
from hadua.service.outlet import SessionOutlet

_LIVE = ("lsl:", "fieldtrip:")  # sources whose time is now


class LslSide:
    """Makes it for each session, by the settings.

    Args:
        settings: Whether predictions are sent, and under which names.
        bundle: The model that sessions run.
        metrics: Counted into.
    """

    def __init__(self, settings: Settings, *, bundle: Bundle, metrics: Metrics) -> None:
        self._settings = settings
        self._bundle = bundle
        self._metrics = metrics

    def outlet(self, session_id: str, sources: Mapping[Modality, Source]) -> SessionOutlet | None:
        """The outlet of a session, not started; None where none is wanted.

        Unless the settings say otherwise a session sends if it listens to a device: a replay or
        a simulator has a time of its own, and would be taken for a person.
        """
        wanted = self._settings.outlet
        if wanted is None:
            wanted = any(source.description.startswith(_LIVE) for source in sources.values())
        if not wanted:
            return None
        return SessionOutlet(
            self._settings.outlet_name,
            session_id=session_id,
            bundle=self._bundle,
            on_drop=self._metrics.outlet_dropped.inc,
        )


Outlets = Callable[[str, Mapping[Modality, Source]], SessionOutlet | None]
