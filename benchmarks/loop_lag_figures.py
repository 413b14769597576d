"""How late event loops are: that of a service by its histogram, and one that does nothing else."""

import subprocess
import sys
from collections.abc import Mapping

import numpy as np

BARE_LOOP = """
import asyncio, sys, threading
import numpy as np

async def measure(late_ms, over):
    loop = asyncio.get_running_loop()
    while not over.is_set():
        due_s = loop.time() + 0.02
        await asyncio.sleep(0.02)
        late_ms.append(1e3 * (loop.time() - due_s))

over, late_ms = threading.Event(), []
threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
asyncio.run(measure(late_ms, over))
print(*np.quantile(late_ms, (0.5, 0.99)))
"""


def bare_loop() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BARE_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def end_bare(child: subprocess.Popen[str]) -> tuple[float, float]:
    said, _ = child.communicate("\n", timeout=10.0)
    p50, p99 = map(float, said.split())
    return p50, p99


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {le: n - before[le] for le, n in after.items()}


def quantile_ms(lag: Mapping[str, float], share: float) -> float:
    """Within its bucket the lag is taken to be spread evenly."""
    wanted, below_s, below_n = share * lag["+Inf"], 0.0, 0.0
    for le, n in lag.items():
        upper_s = float(le)
        if n >= wanted:
            part = (wanted - below_n) / max(n - below_n, 1.0)
            return 1e3 * (below_s + part * (upper_s - below_s)) if upper_s < np.inf else np.inf
        below_s, below_n = upper_s, n
    return np.inf
