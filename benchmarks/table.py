"""Rows, and the table they end in."""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Args:
        name: What was measured.
        p50: Median.
        p99: 99th percentile, or None where there is one value a run.
        unit: Of both.
        floor: What it is compared with, in the same run; empty if nothing.
        ratio: p50 over the floor's p50.
        setting: How it was measured.
    """

    name: str
    p50: float
    p99: float | None
    unit: str
    floor: str = ""
    ratio: float | None = None
    setting: str = ""


def machine() -> dict[str, str]:
    """What the rows were measured on."""
    names = ("numpy", "onnxruntime", "pylsl", "fastapi", "uvicorn")
    return {
        "cpu": _cpu(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
        "blas": str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]),
    }


def markdown(rows: list[Row], about: dict[str, str]) -> str:
    """The rows as a Markdown table under a line about the machine."""
    lines = [
        ", ".join(f"{k} {v}" for k, v in about.items()),
        "",
        "| row | p50 | p99 | unit | ratio | to | setting |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        p99 = "" if r.p99 is None else f"{r.p99:.3g}"
        ratio = "" if r.ratio is None else f"{r.ratio:.2f}"
        lines.append(
            f"| {r.name} | {r.p50:.3g} | {p99} | {r.unit} | {ratio} | {r.floor} | {r.setting} |"
        )
    return "\n".join(lines) + "\n"


def save(rows: list[Row], about: dict[str, str], folder: Path) -> None:
    """Write `latest.json` and `latest.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"machine": about, "rows": [asdict(r) for r in rows]}
    (folder / "latest.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "latest.md").write_text(markdown(rows, about), encoding="utf-8")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
