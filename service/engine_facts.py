"""What a pipeline was made with, as plain values, and settings from such values again."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from hadua.models.bundle import Bundle
from hadua.models.errors import RecordingError
from hadua.models.runtime import Runtime
from hadua.service.config import Settings

# What says nothing of a pipeline. All else is recorded, so that a new setting cannot be forgotten.
_NOT_OF_A_PIPELINE = frozenset(
    {
        "host", "port", "log_level", "log_json", "data_dir", "record", "record_task",
        "min_free_mb", "record_buffer_mb", "outlet", "outlet_name", "markers", "max_sessions",
        "max_clients", "client_frames", "send_timeout_s", "journal_frames", "status_interval_s",
        "database", "require_consent", "keep_days", "require_token", "allowed_hosts",
        "allowed_origins", "requests_per_s", "tls_cert", "tls_key",
        "source_windows", "calibration_policy", "adaptation", "person_guard", "expect",
        "cluster", "cluster_token", "cluster_budget_ms", "booth",
        "pool_ray", "pool_replicas", "pool_gpus",
        "windows_in_step",
    }
)  # fmt: skip


def engine_facts(settings: Settings, bundle: Bundle, runtime: Runtime) -> dict[str, object]:
    """Bundle, runtime and settings of a pipeline."""
    return {
        "bundle": {"id": bundle.id, "digest": bundle.digest, "path": str(bundle.path.absolute())},
        "runtime": {"name": runtime.name, "device": runtime.device},
        "settings": settings.model_dump(mode="json", exclude=set(_NOT_OF_A_PIPELINE)),
    }


def recorded_settings(values: Mapping[str, object]) -> tuple[Settings, tuple[str, ...]]:
    """The settings that were recorded, and the names of those that are not known here.

    Neither the environment nor a file of settings has a say.

    Raises:
        RecordingError: a value that cannot be here.
    """

    class Recorded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del settings_cls, env_settings, dotenv_settings, file_secret_settings
            return (init_settings,)

    known = {name: value for name, value in values.items() if name in Settings.model_fields}
    try:
        settings = Recorded.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecordingError(
            f"setting {first['loc'][0] if first['loc'] else '?'} of the recording",
            got=repr(first["input"]),
            expected="a value that this version knows",
        ) from error
    return settings, tuple(sorted(set(values) - set(known)))
