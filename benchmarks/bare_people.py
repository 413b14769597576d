"""What people's windows cost without a service: features and network, one thread, nothing else.

The floor of `many_people.py`, in a process of its own. The same signals; hot, one window after the
other, and paced, with a pause before each, in which caches lose what they hold.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from recorded_people import MODELS, signal

from hadua.adapters.sources.source import SampleChunk
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.runtime import load_runtime
from hadua.service.arenas import keep_few_arenas
from hadua.service.bench.timing import PACE_S
from hadua.service.pipeline import Pipeline

ORIGIN_S = 100.0
WINDOWS = 400  # timed, of all people together


class Person:
    """A pipeline, and the stretch of signal that it is given for each window.

    Args:
        k: Which of the people.
        pipeline: Of them.
        hop_s: From one window to the next.
    """

    def __init__(self, k: int, pipeline: Pipeline, *, hop_s: float) -> None:
        self._pipeline, self._hop_s, self._n = pipeline, hop_s, 0
        self._signals = {m: signal(k % MODELS, m) for m in Modality}
        self._done = dict.fromkeys(Modality, 0)

    def chunks(self) -> list[tuple[Modality, SampleChunk]]:
        """What came of each stream since the window before."""
        self._n += 1
        return [(m, self._next(m, until_s=self._n * self._hop_s)) for m in Modality]

    def windows(self, chunks: list[tuple[Modality, SampleChunk]]) -> int:
        """Step through them; how many windows were answered."""
        return sum(len(self._pipeline.step(m, chunk)) for m, chunk in chunks)

    def _next(self, modality: Modality, *, until_s: float) -> SampleChunk:
        played, first = self._signals[modality], self._done[modality]
        self._done[modality] = last = round(until_s * played.spec.rate_hz) + 1
        k = np.arange(first, last)
        x = played.x[k % len(played.x)].astype(np.float64)
        return SampleChunk(played.spec, ORIGIN_S + k / played.spec.rate_hz, x)


def measured(people: int, *, hop_s: float) -> Mapping[str, float]:
    """Milliseconds of a processor for a window of a person, medians and 99th percentiles."""
    shipped = load_bundle(demo_bundle_path())
    bundle = replace(
        shipped, specs={m: replace(spec, hop_s=hop_s) for m, spec in shipped.specs.items()}
    )
    runtime = load_runtime(bundle, name="onnx", device="cpu")
    crowd = []
    for k in range(people):
        streams = {m: signal(k % MODELS, m).spec for m in Modality}
        pipeline = Pipeline(bundle, runtime, streams, clock=time.perf_counter)
        crowd.append(Person(k, pipeline, hop_s=hop_s))
    longest_s = max(spec.window_s for spec in bundle.specs.values())
    for _ in range(round(2.0 * longest_s / hop_s) + 2):
        for person in crowd:
            person.windows(person.chunks())
    told: dict[str, float] = {}
    for name, pause_s in (("hot", 0.0), ("paced", PACE_S)):
        ms = list(_each(crowd, pause_s=pause_s))
        told[f"{name}_p50_ms"], told[f"{name}_p99_ms"] = np.quantile(ms, (0.5, 0.99)).tolist()
    return told


def _each(crowd: list[Person], *, pause_s: float) -> Iterator[float]:
    """Milliseconds of each window."""
    for _ in range(max(1, WINDOWS // len(crowd))):
        for person in crowd:
            chunks = person.chunks()
            if pause_s:
                time.sleep(pause_s)
            began_s = time.thread_time()
            if person.windows(chunks) == 1:
                yield 1e3 * (time.thread_time() - began_s)


def main() -> None:
    keep_few_arenas()
    sys.stdout.write(json.dumps(measured(**json.loads(sys.argv[1]))) + "\n")


if __name__ == "__main__":
    main()
