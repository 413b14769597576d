"""Every setting of the service: a flag, an environment variable and a key of a TOML file.

A flag wins over `HADUA_...` in the environment, which wins over the file, which wins over the
default. `docs/settings.md` describes each; a test fails when one is missing there.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hadua.models.errors import UsageError
from hadua.models.runtime import DeviceName, RuntimeName
from hadua.service.expected import ExpectedStream

ENV_PREFIX = "HADUA_"
IDENTIFIER = r"^[A-Za-z0-9_-]{1,64}$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Seconds = Annotated[float, Field(gt=0.0, le=3600.0, allow_inf_nan=False)]
Lag = Annotated[float, Field(ge=-10_000.0, le=10_000.0, allow_inf_nan=False)]
Pixels = Annotated[float, Field(gt=0.0, le=100_000.0, allow_inf_nan=False)]
Millimetres = Annotated[float, Field(gt=0.0, le=10_000.0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """What the service is told before it starts."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, env_ignore_empty=True
    )

    demo: bool = Field(False, description="Run on simulated EEG and gaze, with the demo bundle.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    bundle: Path | None = Field(None, description="Bundle folder; the demo bundle if not given.")
    eeg: str | None = Field(None, description="SOURCE of the EEG, as in lsl:type=EEG.")
    gaze: str | None = Field(None, description="SOURCE of the eye tracker, as in lsl:type=Gaze.")
    expect: tuple[ExpectedStream, ...] = Field(
        (),
        max_length=32,
        description="Streams that a session is to have, and what is expected of each.",
    )
    participant: Identifier | None = Field(
        None, description="Pseudonym of the participant: letters, digits, '_' and '-'."
    )
    data_dir: Path = Field(
        Path("hadua-data"),
        description="Folder for what is kept, of one service at a time; a demo keeps nothing, "
        "unless told where.",
    )
    runtime: RuntimeName = Field("onnx", description="Inference runtime: onnx or torchscript.")
    device: DeviceName = Field("auto", description="Where inference runs: auto, cpu or cuda.")
    cluster: str | None = Field(
        None, description="Address of a pool that computes predictions, as http://pool:8000."
    )
    cluster_token: str | None = Field(
        None, description="Token that the pool asks this booth for.", repr=False
    )
    cluster_budget_ms: float = Field(
        50.0,
        gt=0.0,
        le=1000.0,
        description="How long a window waits for the pool (ms) before it is answered here.",
    )
    cluster_calibration: bool = Field(
        False,
        description="Send the features of a calibration to the pool, which fits the profile.",
    )
    booth: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="Name of this booth at the pool; nothing: the computer's.",
    )
    pool_ray: str | None = Field(
        None,
        description="Head of a Ray cluster, as HOST:PORT, on which this service keeps replicas.",
    )
    pool_replicas: int = Field(2, ge=1, le=64, description="Inference replicas of a pool.")
    pool_gpus: float = Field(
        0.0, ge=0.0, le=8.0, description="What each replica takes of a GPU; 0: none."
    )
    pool_fits: int = Field(
        1, ge=0, le=64, description="Calibrations of booths fitted here at a time; 0: none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important log line to write."
    )
    log_json: bool = Field(False, description="Write logs as JSON lines.")

    database: str | None = Field(
        None,
        description="URL of a PostgreSQL database to use in place of the data folder's own.",
        repr=False,
    )
    require_consent: bool = Field(
        True, description="No session of a participant without a consent on record."
    )
    keep_days: float | None = Field(
        None,
        gt=0.0,
        le=36_500.0,
        description="Days after which predictions and ended sessions are deleted; nothing: never.",
    )
    require_confirmed_mapping: bool = Field(
        False, description="A session begins only when a person has confirmed its devices' mapping."
    )
    require_token: bool = Field(
        False, description="Ask for a token on the loopback too; elsewhere one is always asked for."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Further names of this machine that browsers may use."
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="Pages elsewhere that may use the service, as https://lab.example:8443."
    )
    requests_per_s: float = Field(
        200.0, gt=0.0, le=1e6, description="Requests of one address, on average over ten seconds."
    )
    tls_cert: Path | None = Field(None, description="Certificate (PEM) to serve HTTPS with.")
    tls_key: Path | None = Field(None, description="Its private key (PEM).")
    wait_s: Seconds = Field(10.0, description="How long to wait for a stream to be found.")
    stale_s: Seconds = Field(1.5, description="A stream silent for longer than this is stale.")
    bridge_s: Seconds = Field(5.0, description="Signal kept per stream when inference lags.")
    baseline_s: float | None = Field(
        None,
        ge=0.0,
        le=3600.0,
        description="Resting baseline for normalisation; 0 or nothing: none (the demo: 20).",
    )
    source_windows: Path | None = Field(
        None,
        description="Folder of the source people's windows for calibrations; nothing: the "
        "embeddings in the bundle.",
    )
    calibration_policy: Literal["operator", "cautious", "automatic"] = Field(
        "operator", description="Who decides about a calibrated profile, if nobody says otherwise."
    )
    adaptation: bool = Field(
        False, description="Follow the participant of a session from its first window on."
    )
    person_guard: bool = Field(
        True,
        description="While following: begin anew as shipped when the features are somebody "
        "else's. Off where electrodes are few or dry.",
    )
    eeg_lag_ms: Lag | None = Field(
        None, description="What the EEG's stamps are late by; nothing: what the stream says."
    )
    gaze_lag_ms: Lag | None = Field(
        None, description="What the eye tracker's stamps are late by; likewise."
    )
    screen_width_px: Pixels = Field(1920.0, description="Width of the screen in pixels.")
    screen_height_px: Pixels = Field(1080.0, description="Height of the screen in pixels.")
    screen_width_mm: Millimetres = Field(531.0, description="Width of the picture.")
    screen_height_mm: Millimetres = Field(299.0, description="Height of the picture.")
    viewing_distance_mm: Millimetres = Field(650.0, description="From the eyes to the screen.")

    record: Path | None = Field(
        None, description="Record every session from its start, into this folder."
    )
    record_task: Identifier = Field("hadua", description="Task in the names of recordings.")
    min_free_mb: float = Field(
        1000.0,
        ge=0.0,
        allow_inf_nan=False,
        description="Disk space (MB) below which a recording stops; it warns below twice that.",
    )
    record_buffer_mb: float = Field(
        128.0,
        gt=0.0,
        allow_inf_nan=False,
        description="What may wait for the disk (MB); when more does, the session fails.",
    )

    markers: tuple[str, ...] = Field(
        (), description="LSL marker streams to listen to, as lsl:type=Markers; any number."
    )
    outlet: bool | None = Field(
        None,
        description="Send predictions over LSL; not said: if a device comes over LSL or FieldTrip.",
    )
    outlet_name: Identifier = Field("HADUA", description="How the names of these streams begin.")
    max_sessions: int = Field(8, ge=1, le=256, description="Sessions that may run at once.")
    windows_in_step: bool = Field(
        False,
        description="Cut the windows of all sessions at the same instants; else they take turns.",
    )
    max_clients: int = Field(512, ge=1, le=4096, description="WebSocket clients served at once.")
    client_frames: int = Field(8, ge=1, le=8, description="Frames that wait for a slow client.")
    lossless_frames: int = Field(
        256, ge=1, le=100_000, description="Frames that wait for a slow client of policy lossless."
    )
    send_timeout_s: Seconds = Field(
        2.0, description="Time for one send or close; a client that misses two is dropped."
    )
    journal_frames: int = Field(
        256,
        ge=1,
        le=1_000_000,
        description="Frames a session keeps in memory for after_seq; the database has the older.",
    )
    status_interval_s: Seconds = Field(5.0, description="Longest time between status frames.")


def load_settings(flags: Mapping[str, object], *, config: Path | None = None) -> Settings:
    """Settings from flags that were given, the environment, and a TOML file.

    Raises:
        UsageError: an unknown key, a value that cannot be, or a file that cannot be read.
    """
    if config is not None:
        _require_toml(config)

    reset = _file.set(config)
    try:
        return _configured().model_validate(dict(flags))
    except ValidationError as error:
        raise usage_error(error, flags=flags) from error
    except RecursionError as error:  # of JSON in the environment: the file was looked at before
        raise UsageError(
            f"a setting in the environment ({ENV_PREFIX}...)",
            got="brackets in brackets without an end",
            expected="JSON of a depth that a setting has",
        ) from error
    finally:
        _file.reset(reset)


_file: ContextVar[Path | None] = ContextVar("settings file", default=None)


@cache  # a class of so many fields takes as long to make as a file of settings to write
def _configured() -> type[Settings]:
    class Configured(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            toml = TomlConfigSettingsSource(settings_cls, _file.get())
            return init_settings, env_settings, toml

    return Configured


def _require_toml(path: Path) -> None:
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"settings file {str(path)!r}",
            got=error.strerror or str(error),
            expected="a readable TOML file",
            hint="Is the path right? It is given by --config or HADUA_CONFIG.",
        ) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or nested without end
        raise UsageError(
            f"settings file {str(path)!r}",
            got=str(error),
            expected="a readable TOML file",
            hint="Save it as UTF-8 without a byte order mark; texts stand in quotes, as in "
            "eeg = 'lsl:type=EEG'.",
        ) from error


def usage_error(error: ValidationError, *, flags: Mapping[str, object]) -> UsageError:
    """The first thing that is wrong, in words; `flags` are those of the command line, by name."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    if first["type"] == "extra_forbidden":
        return UsageError(
            f"unknown setting {name!r}",
            expected="a setting listed in docs/settings.md",
            hint="Is it misspelt?",
        )
    if unread := re.search(r'error parsing value for field "(\w+)"', first["msg"]):
        name = ENV_PREFIX + unread[1].upper()
        said = {key.upper(): text for key, text in os.environ.items()}
        return UsageError(f"setting {name}", got=repr(said.get(name)), expected="JSON")
    flag = f"--{name.replace('_', '-')}"
    hint = None if name in flags else f"It is set by {ENV_PREFIX}{name.upper()} or the file."
    return UsageError(
        f"{flag if name in flags else f'setting {name!r}'}",
        got=repr(first["input"]),
        expected=expectation(first),
        hint=hint,
    )


_EXPECTED = {
    "string_pattern_mismatch": "1 to 64 letters, digits, '_' or '-'",  # the one that is asked for
    "json_invalid": "JSON",
    "missing": "a value",
    "extra_forbidden": "no value of that name",
    "model_attributes_type": "a JSON object, sent as application/json",
}


def expectation(fault: Mapping[str, object]) -> str:
    """What one of pydantic's faults says should have been there, in our words."""
    kind = str(fault["type"])
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    return str(fault["msg"]).replace("Input should be ", "").replace("String should have ", "")
