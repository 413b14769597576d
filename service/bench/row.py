"""Rows, and the table they end in."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from hadua.service.machine import processor

_VERSIONS = ("hadua", "numpy", "onnxruntime", "torch", "pylsl", "fastapi", "uvicorn", "websockets")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Args:
        name: What was measured.
        p50: Median; NaN where it was not measured.
        p99: 99th percentile, or None where there is one value a run.
        unit: Of all of them.
        floor: What it is compared with, in the same run; empty if nothing.
        ratio: p50 over the other's p50: smaller is better, whoever the other is.
        setting: How it was measured; or, of what was not, why.
        p999: 99.9th percentile, or None where too few were measured to know it.
        target: What the ratio (of a row without one: the median) may be; None where nothing was
            promised.
        ratio_p99: p99 over the other's p99, where that was promised something.
        target_p99: What that may be.
    """

    name: str
    p50: float
    p99: float | None
    unit: str
    floor: str = ""
    ratio: float | None = None
    setting: str = ""
    p999: float | None = None
    target: float | None = None
    ratio_p99: float | None = None
    target_p99: float | None = None

    @classmethod
    def missing(cls, name: str, why: str) -> "Row":
        """A row that cannot be had here, with the reason."""
        return cls(name, float("nan"), None, "", setting=f"not measured: {why}")

    @property
    def measured(self) -> bool:
        """Whether there is a value."""
        return self.p50 == self.p50  # only NaN differs from itself

    @property
    def met(self) -> bool | None:
        """Whether it is within its target; None where none was set, or nothing was measured."""
        if self.target is None or not self.measured:
            return None
        value = self.p50 if self.ratio is None else self.ratio
        within = value <= self.target
        if self.ratio_p99 is not None and self.target_p99 is not None:
            within &= self.ratio_p99 <= self.target_p99
        return within


def machine() -> dict[str, str]:
    """What the rows are measured on, and how busy it was just before."""
    return {
        "cpu": processor() or "unknown",
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: found for name in _VERSIONS if (found := version_of(name))},
        "blas": str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]),
        "load": _load(),
    }


def version_of(name: str) -> str:
    """The installed version of a distribution; empty if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def markdown(rows: Iterable[Row], about: Mapping[str, str]) -> str:
    """The rows as a Markdown table under a line about the machine."""
    lines = [
        ", ".join(f"{k} {v}" for k, v in about.items()),
        "",
        "| row | p50 | p99 | p99.9 | unit | ratio | to | target | setting |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_line(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    if row.ratio_p99 is not None:
        ratio += f"; p99 {row.ratio_p99:.3g}"
    numbers = (_number(row.p50), _number(row.p99), _number(row.p999))
    cells = (row.name, *numbers, row.unit, ratio, row.floor, _target(row), row.setting)
    return f"| {' | '.join(cells)} |"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    said = f"{row.target:g}" + ("" if row.target_p99 is None else f"; p99 {row.target_p99:g}")
    return said if row.met is None else f"{said}: {'met' if row.met else '**missed**'}"


def _number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.3g}"


def missed(rows: Sequence[Row]) -> list[Row]:
    """Those that are not within their target."""
    return [row for row in rows if row.met is False]


def _load() -> str:
    try:
        return f"{os.getloadavg()[0]:.1f}"
    except (AttributeError, OSError):  # Windows has none
        return "unknown"
