"""What the settings mean: which bundle, which screen, which pipeline."""

from collections.abc import Callable, Mapping

from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import StreamSpec
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.runtime import Runtime
from hadua.service.config import Settings
from hadua.service.definitions import require_known_features
from hadua.service.engine import Engine, EngineFactory
from hadua.service.engine_facts import engine_facts
from hadua.service.pipeline import Pipeline

DEMO_BASELINE_S = 20.0


def open_bundle(settings: Settings) -> Bundle:
    """The bundle of the settings, or the demo bundle.

    Raises:
        BundleError: it is missing, damaged or does not match its manifest.
        FeatureMismatchError: its features are not ones that are extracted here.
    """
    bundle = load_bundle(settings.bundle or demo_bundle_path())
    require_known_features(bundle)
    return bundle


def engine_factory(
    settings: Settings, bundle: Bundle, load: Callable[[], Runtime], *, phase_s: float = 0.0
) -> EngineFactory:
    """Makes the pipelines of sessions, live and again from a recording; `load` loads the model.

    `phase_s` is where their windows end within a hop.
    """

    def make_engine(streams: Mapping[Modality, StreamSpec]) -> Engine:
        runtime = load()
        pipeline = Pipeline(
            bundle,
            runtime,
            streams,
            clock=lsl_now_s,
            screen=screen_of(settings),
            baseline_s=_baseline_s(settings),
            phase_s=phase_s,
        )
        facts = engine_facts(settings, bundle, runtime)
        return Engine(pipeline, pipeline.close, {**facts, "phase_s": phase_s})

    return make_engine


def _baseline_s(settings: Settings) -> float:
    if settings.baseline_s is not None:
        return settings.baseline_s
    return DEMO_BASELINE_S if settings.demo else 0.0


def screen_of(settings: Settings) -> Screen:
    """The screen in front of the participant."""
    return Screen(
        width_mm=settings.screen_width_mm,
        height_mm=settings.screen_height_mm,
        distance_mm=settings.viewing_distance_mm,
        width_px=settings.screen_width_px,
        height_px=settings.screen_height_px,
    )
