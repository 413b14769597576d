"""The toy's service as a process of its own, to be killed.

    python -m support.learning_service FOLDER N_WINDOWS [KILL_AT]

It prints its address. KILL_AT: it kills itself before that step of changing files, counted from the
first that makes another version answer.
"""

import asyncio
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from support.learning import Script, learning_parts, windows_chunks
from support.service import running
from support.toy_bundle import toy_bundle

from hadua.calibration.store import ProfileStore
from hadua.service.person_data import PROFILES
from hadua.service.serving import Personal


def deadly(folder: Path, step: int) -> Personal:
    """Profiles whose store dies at a step, counted from the first that moves the pointer."""
    steps = [0]

    def on_step(name: str) -> None:
        if steps[0] or "active.json" in name:
            if steps[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            steps[0] += 1

    store = ProfileStore(folder / PROFILES, on_step=on_step)
    return Personal(store, toy_bundle(), name="onnx", device="cpu")


async def serve(folder: Path, n_windows: int, kill_at: int | None) -> None:
    script: Script = [*windows_chunks(0, n_windows), threading.Event()]
    parts = learning_parts(script, folder=folder)
    if kill_at is not None:
        parts = replace(parts, personal=deadly(folder, kill_at))
    async with running(parts) as service:
        sys.stdout.write(service.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    at = int(sys.argv[3]) if len(sys.argv) > 3 else None
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), at))
