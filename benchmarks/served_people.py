"""Serves a number of people for a while, and says what that took; see `many_people.py`."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from learners import memory_mb
from recorded_people import MODELS, person, signal
from sending_people import sent, source_of

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import Source
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.runtime import load_runtime
from hadua.service.app import build_service
from hadua.service.arenas import keep_few_arenas
from hadua.service.assembly import personal_profiles
from hadua.service.config import Settings
from hadua.service.engine import EngineFactory
from hadua.service.logs import configure_logs
from hadua.service.meant import engine_factory
from hadua.service.service import Service
from hadua.service.session import Session
from hadua.service.shared_runtime import SharedRuntime
from hadua.service.sources import live_source
from hadua.service.storage.storage import Storage
from hadua.service.threads import switch_often
from hadua.service.wire import PredictionFrame, SessionFrame

SPREAD_S = 0.02
SETTLE_S = 8.0
WAIT_S = 60.0


def main() -> None:
    asked = json.loads(sys.argv[1])
    keep_few_arenas()
    switch_often()
    configure_logs(level="error", json=False)
    with ExitStack() as stack:
        if asked["lsl"]:
            stack.enter_context(sent(asked["people"]))
        told = asyncio.run(_serve(**asked))
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    # Of people whom it could not keep up with, threads may still be inside ONNX Runtime, which the
    # end of the interpreter would abort in; all that is to be known has been said.
    os._exit(0)


async def _serve(
    *, people: int, hop_s: float, seconds: float, in_step: bool, adapt: bool, lsl: bool
) -> Mapping[str, float]:
    for model in range(MODELS):
        for modality in Modality:
            signal(model, modality)
    shipped = load_bundle(demo_bundle_path())
    specs = {m: replace(spec, hop_s=hop_s) for m, spec in shipped.specs.items()}
    bundle = shipped if adapt else replace(shipped, specs=specs)
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as folder:
        settings = Settings.model_validate(
            {
                "max_sessions": 256,
                "outlet": False,
                "data_dir": folder,
                "adaptation": adapt,
                "wait_s": WAIT_S,
                "require_consent": False,
                "windows_in_step": in_step,
            }
        )
        storage = Storage.open(Path(folder), unix_clock=time.time)
        service = _service(settings, bundle, storage)
        totals_ms: list[float] = []
        try:
            async with service.sessions:
                return await _measured(service, people, seconds, totals_ms, adapt=adapt, lsl=lsl)
        finally:
            service.close()


def _service(settings: Settings, bundle: Bundle, storage: Storage) -> Service:
    shared = SharedRuntime(lambda: load_runtime(bundle, name="onnx", device="cpu"))

    def at(phase_s: float) -> EngineFactory:
        return engine_factory(settings, bundle, shared, phase_s=phase_s)

    return build_service(
        settings,
        bundle=bundle,
        make_engine=at(0.0),
        staggered=None if settings.windows_in_step else at,
        load_runtime=shared,
        parse_source=live_source,
        list_streams=lambda _: [],
        storage=storage,
        clock=lsl_now_s,
        unix_clock=time.time,
        personal=personal_profiles(settings, bundle) if settings.adaptation else None,
    )


async def _measured(
    service: Service,
    people: int,
    seconds: float,
    totals_ms: list[float],
    *,
    adapt: bool,
    lsl: bool,
) -> Mapping[str, float]:
    def heard(frame: SessionFrame, text: str, now_s: float) -> None:
        if isinstance(frame, PredictionFrame):
            totals_ms.append(frame.latency_ms["total"])

    process = psutil.Process()
    before = _own_bytes(process)
    origin_s = lsl_now_s()
    sessions: list[Session] = []
    for k in range(people):
        if adapt:
            service.storage.ensure(f"P{k}")
        session = service.sessions.start(
            _over_lsl(k) if lsl else person(k, origin_s=origin_s, spread_s=SPREAD_S),
            session_id=f"p{k}",
            participant=f"P{k}" if adapt else None,
        )
        session.publisher.listen(heard)
        sessions.append(session)
    for session in sessions:
        await session.running.wait()
    await asyncio.sleep(SETTLE_S)
    totals_ms.clear()
    memory, cpu_s, began_s = _own_bytes(process), time.process_time(), time.monotonic()
    dropped = sum(_dropped(session) for session in sessions)
    await asyncio.sleep(seconds)
    took_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    after, learners_mb = _own_bytes(process), memory_mb(process)
    if not totals_ms:
        raise SystemExit(f"served people: no answer from {people} in {took_s:.0f} s")
    p50, p99, p999 = np.quantile(totals_ms, (0.5, 0.99, 0.999)).tolist()
    return {
        "people": people,
        "hop_s": service.bundle.hop_s,
        "windows": len(totals_ms),
        "expected": round(people * seconds / service.bundle.hop_s),
        "per_person_ms": 1e3 * cpu_s / took_s / people,
        "p50_ms": p50,
        "p99_ms": p99,
        "p999_ms": p999,
        "dropped": sum(_dropped(session) for session in sessions) - dropped,
        "memory_mb": (after - before) / 2**20 / people,
        "grown_mb_h": (after - memory) / 2**20 / took_s * 3600.0 / people,
        "learners_mb": learners_mb,
    }


def _own_bytes(process: psutil.Process) -> int:
    """Memory that is nobody else's and of no file.

    The pages of a library count as one's own until another process has it open, too: 18 MB for the
    first window that ONNX Runtime answers, whoever it is of.
    """
    info = process.memory_info()
    own: int = info.rss - info.shared if psutil.LINUX else process.memory_full_info().uss
    return own


def _dropped(session: Session) -> int:
    return session.status().chunks_dropped


def _over_lsl(k: int) -> Mapping[Modality, Source]:
    return {m: live_source(source_of(k, m), modality=m) for m in Modality}


if __name__ == "__main__":
    main()
