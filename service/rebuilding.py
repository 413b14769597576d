"""Makes a recorded pipeline again, by what its recording says of it."""

import functools
from pathlib import Path

from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.errors import BundleError, UsageError
from hadua.models.runtime import load_runtime
from hadua.service.definitions import require_known_features
from hadua.service.engine import Engine
from hadua.service.engine_facts import recorded_settings
from hadua.service.meant import engine_factory
from hadua.service.verification import Rebuild


def rebuild_engine(needs: Rebuild, *, bundle: Path | None = None) -> Engine:
    """The pipeline, on the recorded bundle or on another one that is given.

    Raises:
        UsageError: the recorded bundle is not here.
        BundleError, FeatureMismatchError, RuntimeUnavailableError: it cannot be run.
        RecordingError: a setting that this version does not know how to take.
    """
    if needs.profile_version:
        raise UsageError(
            f"the recording was made with profile {needs.profile_version} of its participant",
            expected="a recording made with the bundle as shipped",
            hint="Verifying with a profile is not built yet.",
        )
    if needs.swapped:
        raise UsageError(
            "the profile that answers was changed while this was recorded",
            expected="a recording made with the bundle as shipped",
            hint="Verifying with a profile is not built yet.",
        )
    chosen = recorded_bundle(needs) if bundle is None else load_bundle(bundle)
    require_known_features(chosen)
    settings, _ = recorded_settings(needs.settings)
    load = functools.partial(load_runtime, chosen, name=settings.runtime, device=settings.device)
    return engine_factory(settings, chosen, load, phase_s=needs.phase_s)(needs.streams)


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
