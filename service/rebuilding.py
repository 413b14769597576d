"""Makes a recorded pipeline again, by what its recording says of it."""

import functools
from pathlib import Path

from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.errors import BundleError, RecordingError, UsageError
from hadua.models.runtime import load_runtime
from hadua.service.config import Settings
from hadua.service.definitions import require_known_features
from hadua.service.engine import Engine, Restorable
from hadua.service.engine_facts import recorded_settings
from hadua.service.meant import engine_factory
from hadua.service.person_data import PROFILES
from hadua.service.recorded_pipeline import Rebuild
from hadua.service.recorded_profile import RecordedProfile
from hadua.service.serving import Personable, Personal, Serving


class Rebuilding:
    """Makes a pipeline on the recorded bundle, or on another one that is given.

    Args:
        bundle: Another place of the bundle, or another bundle: that knows nothing of the person.
        data_dir: Where profiles are that a recording names and does not hold, as those of earlier
            versions.
    """

    def __init__(self, *, bundle: Path | None = None, data_dir: Path) -> None:
        self.notes: list[str] = []
        self._given, self._data_dir = bundle, data_dir
        self._bundle: Bundle | None = None

    def engine(self, needs: Rebuild, profile: RecordedProfile | None) -> Engine:
        """The pipeline as it was when the recording began, with the profile that answered.

        Raises:
            UsageError: the recorded bundle or profile is not here.
            BundleError, FeatureMismatchError, RuntimeUnavailableError: it cannot be run.
            RecordingError: a setting or a state that this version does not know how to take.
            ProfileError: the profile in the data folder is damaged.
        """
        _require_known_swaps(needs)
        self._bundle = bundle = (
            recorded_bundle(needs) if self._given is None else load_bundle(self._given)
        )
        require_known_features(bundle)
        settings, _ = recorded_settings(needs.settings)
        load = functools.partial(
            load_runtime, bundle, name=settings.runtime, device=settings.device
        )
        engine = engine_factory(settings, bundle, load, phase_s=needs.phase_s)(needs.streams)
        try:
            self._go_on(engine, needs)
            if needs.profile_version and self._is_its_own(needs):
                self._use(engine, self._first_serving(needs, settings, profile))
        except BaseException:
            engine.close()
            raise
        return engine

    def swap(self, engine: Engine, needs: Rebuild, profile: RecordedProfile | None) -> None:
        """Let another profile answer from the next window on; None for the bundle as shipped.

        Raises:
            RecordingError, BundleError, RuntimeUnavailableError: it cannot.
        """
        if self._bundle is not None and self._is_its_own(needs):
            settings, _ = recorded_settings(needs.settings)
            self._use(engine, _serving(self._bundle, settings, profile))

    def _go_on(self, engine: Engine, needs: Rebuild) -> None:
        """Restore what the pipeline remembered, if the recording began in its middle."""
        if not needs.steps_before or not self._is_its_own(needs):
            return
        if needs.state is None or not needs.state.data:
            why = "whose state is not in it"
            if needs.state is not None:
                why = f"whose state of {needs.state.left_out_mb:.0f} MB was too large for it"
            self.notes.append(
                f"recording began after {needs.steps_before} steps of its pipeline, {why}: the "
                "first predictions cannot be the same"
            )
        elif isinstance(engine.pipeline, Restorable):
            engine.pipeline.restore(needs.state.bytes())

    def _is_its_own(self, needs: Rebuild) -> bool:
        """Whether it runs on the recorded bundle; another one has no use for the person's."""
        if self._bundle is None or self._bundle.digest == needs.bundle.get("digest"):
            return True
        note = "another bundle: it answers as shipped, and from the first sample recorded on"
        if note not in self.notes:
            self.notes.append(note)
        return False

    def _first_serving(
        self, needs: Rebuild, settings: Settings, profile: RecordedProfile | None
    ) -> Serving:
        bundle = self._bundle
        if bundle is None or profile is not None:
            return _serving(bundle or recorded_bundle(needs), settings, profile)
        store = ProfileStore(self._data_dir / PROFILES)
        version, participant = needs.profile_version, needs.participant
        if version not in _versions(store, participant):
            raise UsageError(
                f"profile {version} of {participant!r}, which answered, is not here",
                got=f"not in the recording, and not in {str(self._data_dir)!r}",
                expected="that version: it was erased, or made room for newer ones",
                hint="Say with --data-dir where it is: a backup may have it.",
            )
        personal = Personal(store, bundle, name=settings.runtime, device=settings.device)
        self.notes.append(
            f"profile {version} comes from {str(self._data_dir)!r}: the recording does not hold it"
        )
        return personal.serving(participant, version)

    def _use(self, engine: Engine, serving: Serving) -> None:
        if not isinstance(engine.pipeline, Personable):
            serving.runtime.close()
            raise RecordingError("the recorded pipeline takes no profile")
        engine.pipeline.use(serving)


def _serving(bundle: Bundle, settings: Settings, profile: RecordedProfile | None) -> Serving:
    if profile is None:
        shipped = load_runtime(bundle, name=settings.runtime, device=settings.device)
        return Serving(shipped, {}, 0)
    return profile.serving(bundle, name=settings.runtime, device=settings.device)


def _versions(store: ProfileStore, participant: str) -> set[int]:
    if participant not in store.participants():
        return set()
    history = store.history(participant)
    return {*history.versions, *history.damaged}


def _require_known_swaps(needs: Rebuild) -> None:
    if needs.swapped:
        raise UsageError(
            "the profile that answers was changed before or while this was recorded",
            got="a recording of an earlier version, which does not say where",
            expected="one whose steps say it",
            hint="What was recorded since can be verified; this one only until the change, by "
            "hadua replay of its signals.",
        )


def recorded_bundle(needs: Rebuild) -> Bundle:
    """The bundle by its hash: where it was, or the one that comes with this package.

    Raises:
        UsageError: it is in neither place.
    """
    found: list[str] = []
    for path in (Path(needs.bundle.get("path", "")), demo_bundle_path()):
        try:
            candidate = load_bundle(path)
        except BundleError as error:
            found.append(str(error))
            continue
        if candidate.digest == needs.bundle.get("digest"):
            return candidate
        found.append(f"{candidate.id} in {str(path)!r}")
    raise UsageError(
        f"bundle {needs.bundle.get('id')!r} of the recording is not here",
        got="; ".join(found),
        expected=f"the bundle with sha256 {needs.bundle.get('digest')!r}",
        hint="Say where it is with --bundle.",
    )
