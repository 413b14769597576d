"""What an operator writes: settings as TOML or in the environment, and SOURCE texts."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from fuzz.mutation import damaged
from fuzz.target import Feed, Target

from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.config import ENV_PREFIX, Settings, load_settings
from hadua.service.sources import live_source

TOML = b"""
demo = true
port = 8001
eeg = 'lsl:type=EEG'
gaze = "sim:person=3"
allowed_hosts = ['booth', "lab.example"]
stale_s = 1.5
outlet = false
[[expect]]
role = 'eeg'
rate_hz = 250.0
labels = ["Fp1", "Fp2"]
"""
VALUES = (
    "1",
    "true",
    "nan",
    "-1",
    "1e309",
    "lsl:type=EEG",
    '["a"]',
    '[{"role": "eeg"}]',
    "{}",
    "x",
)
SOURCES = (
    "lsl:type=EEG,lag_ms=5,labels=Fp1/Fp2",
    "lsl:name=a,b,hostname=c,preset=muse",
    "sim:person=3,seed=1,speed=none,faults=gap@30+5;flat:FP1@60;rate@1*1.5",
    "file:recording.xdf,stream=a,speed=2",
    "file:a.csv,preset=muse",
    "fieldtrip:[::1]:1972,unit=uV",
)


def _toml(folder: Path) -> Feed:
    path = folder / "hadua.toml"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        load_settings({}, config=path)

    return feed


def _environment(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        told = dict[str, str]()
        for line in data.decode("utf-8", "replace").replace("\0", "").splitlines():
            name, equals, value = line.partition("=")
            if equals and name:
                told[ENV_PREFIX + name.upper()] = value
        before = {name: os.environ[name] for name in told if name in os.environ}
        os.environ.update(told)
        try:
            load_settings({})
        finally:
            for name in told:
                os.environ.pop(name, None)
            os.environ.update(before)

    return feed


def _source(_: Path) -> Feed:
    def feed(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        with suppress(HaduaError):
            live_source(text, modality=Modality.EYE)
        live_source(text, modality=Modality.EEG, lag_ms=2.5)

    return feed


def _environments() -> list[bytes]:
    names = list(Settings.model_fields)
    return [
        "\n".join(f"{name}={VALUES[(k + j) % len(VALUES)]}" for name in names[j : j + 3]).encode()
        for k in range(2)
        for j in range(0, len(names), 3)
    ]


def _bytes(numbers: Random, files: Sequence[bytes]) -> bytes:
    return damaged(numbers, numbers.choice(files), files)


TARGETS = (
    Target("settings", "`load_settings`: a TOML file", lambda: [TOML], _bytes, _toml),
    Target("environment", "`load_settings`: HADUA_...", _environments, _bytes, _environment),
    Target(
        "source", "`live_source`: SOURCE texts",
        lambda: [text.encode() for text in SOURCES], _bytes, _source,
    ),
)  # fmt: skip
