"""One run of `hadua certify`: level after level, then the certificate and its page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.errors import UsageError
from hadua.service.atomic_file import write_whole
from hadua.service.certify.certificate import certificate, key_of, machine_now, sealed
from hadua.service.certify.measured import Level, Limits
from hadua.service.certify.measuring import OnProgress, measure, the_load
from hadua.service.certify.page import page

JSON, PAGE = "certificate.json", "certificate.html"
_LEAST_S = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure.

    Args:
        out: Folder of the certificate.
        data_dir: Where the installation's key is kept.
        minutes: Of measurement, all levels together.
        people: Levels: how many sessions at once.
        channels: EEG channels of each.
        rate_hz: EEG samples a second.
        limits: What has to hold.
        bundle: Folder of the bundle; the demo bundle if None.
        command: For the record.
    """

    out: Path
    data_dir: Path
    minutes: float
    people: tuple[int, ...]
    channels: int
    rate_hz: float
    limits: Limits = field(default_factory=Limits)
    bundle: Path | None = None
    command: tuple[str, ...] = ()


def run(asked: Asked, *, on_progress: OnProgress) -> dict[str, JsonValue]:
    """Measure and write.

    Raises:
        UsageError: flags that cannot be.
        HaduaError: a measurement that could not be made.
    """
    _require_sense(asked)
    started, machine = datetime.now(UTC), machine_now()
    bundle = load_bundle(asked.bundle or demo_bundle_path())
    key = key_of(asked.data_dir)
    levels = list(_levels(asked, on_progress))
    told = sealed(
        certificate(
            levels,
            asked.limits,
            started=started,
            machine=machine,
            command=asked.command,
            bundle=bundle.id,
        ),
        key=key,
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"
    write_whole(asked.out / JSON, text)
    write_whole(asked.out / PAGE, page(told).encode())
    return told


def _levels(asked: Asked, on_progress: OnProgress) -> Sequence[Level]:
    each_s = asked.minutes * 60.0 / len(asked.people)
    flags = () if asked.bundle is None else ("--bundle", str(asked.bundle.absolute()))
    levels = []
    for people in asked.people:
        load = the_load(people, asked.channels, asked.rate_hz, each_s)

        def told(what: str, share: float, people: int = people) -> None:
            on_progress(f"{people} at once: {what}", share)

        levels.append(measure(load, flags=flags, on_progress=told))
    return levels


def _require_sense(asked: Asked) -> None:
    people = ",".join(map(str, asked.people))
    rules = (
        ("--minutes", asked.minutes, asked.minutes * 60.0 / max(1, len(asked.people)) >= _LEAST_S,
         f"{_LEAST_S:g} seconds or more for each level"),
        ("--people", people, bool(asked.people) and all(0 < n <= 256 for n in asked.people),
         "numbers from 1 to 256"),
        ("--channels", asked.channels, 1 <= asked.channels <= 512, "1 to 512"),
        ("--rate", asked.rate_hz, 100.0 <= asked.rate_hz <= 20_000.0, "100 to 20000"),
    )  # fmt: skip
    for flag, got, good, expected in rules:
        if not good:
            raise UsageError(flag, got=str(got), expected=expected)
