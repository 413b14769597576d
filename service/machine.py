"""What computes here: versions of what is installed, and the processor, whose kernels differ."""

import os
import platform
from functools import cache
from pathlib import Path

import numpy as np

from hadua.service.evaluation.provenance import versions

_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str]:
    """Facts that may change the last bit of a result, by name; empty where not known."""
    return _facts() | {"omp_num_threads": os.environ.get("OMP_NUM_THREADS", "")}


@cache  # they are read from some hundred files
def _facts() -> dict[str, str]:
    found = {name: version or "" for name, version in versions().items()}
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return found | {
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "simd": " ".join(simd.get("found", ())),
    }


def processor() -> str:
    """Its name, as the system has it; empty where not known."""
    if _CPUINFO.is_file():
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor()
