"""Folds on one Ray node and on two of this machine, and a pool's answer beside a booth's own."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from table import Row, machine, markdown

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.runtime import load_runtime
from hadua.service.certify.processes import service
from hadua.service.cluster.booth import probe_of
from hadua.service.cluster.open_inference import OpenInferenceClient
from hadua.service.cluster.pool_http import PoolHttp
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import Evaluation
from hadua.service.evaluation.run import Request, run

PLAN = Plan(
    "synthetic", ("source-only", "ours"), ("transductive",), seeds=2, people=6, epochs=6, steps=60
)
CALLS = 500
# Ray takes 127.0.0.1 for "this machine as others see it", and looks there for its head.
_NODE = {"object_store_memory": 200 << 20, "node_ip_address": "127.0.0.2"}
_FOLDS = "12 folds of an evaluation, start of Ray's workers included"
_POOL = "a window answered by a pool on this machine, one at a time"


def rows() -> list[Row]:
    """Both; folds only where Ray is installed."""
    return [*_folds(), _pool()]


def _folds() -> list[Row]:
    if find_spec("ray") is None:
        return [Row.missing(_FOLDS, "Ray is not installed")]
    here_s, here = _timed(None)
    seconds, equal = {}, True
    for count in (1, 2):
        with _nodes(count) as address:
            seconds[count], there = _timed(address)
        equal &= _same(here, there)
    if not equal:
        raise SystemExit("cluster: the numbers of the nodes are not those of one process")
    load = f"load {os.getloadavg()[0]:.1f}"
    told = f"{load}; one process without Ray: {here_s:.1f} s; the numbers are equal, bit for bit"
    return [
        Row(f"{_FOLDS}: one node", seconds[1], None, "s", setting=told),
        Row(
            f"{_FOLDS}: two nodes",
            seconds[2],
            None,
            "s",
            f"one node: {seconds[1]:.1f} s",
            seconds[2] / seconds[1],
            f"{load}; two cores are all that this machine has" if os.cpu_count() == 2 else load,
        ),
    ]


def _timed(address: str | None) -> tuple[float, Evaluation]:
    with tempfile.TemporaryDirectory(prefix="hadua-cluster-") as folder:
        request = Request(out=Path(folder) / "out", jobs=1, cluster=address, plots=False)
        began_s = time.perf_counter()
        evaluation = run(PLAN, request, on_progress=lambda *_: None)
        return time.perf_counter() - began_s, evaluation


def _same(a: Evaluation, b: Evaluation) -> bool:
    pairs = zip(a.folds, b.folds, strict=True)
    return all(x.probabilities.tobytes() == y.probabilities.tobytes() for x, y in pairs)


@contextmanager
def _nodes(count: int) -> Iterator[str]:
    """A head without cores, and nodes with one core each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    head = {**_NODE, "num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(count):
            cluster.add_node(wait=True, num_cpus=1, **_NODE)
        yield str(cluster.address)
    finally:
        ray.shutdown()
        cluster.shutdown()


def _pool() -> Row:
    bundle = load_bundle(demo_bundle_path())
    own = load_runtime(bundle, device="cpu")
    name, n = bundle.manifest.name, len(bundle.classes)
    eeg, eye, present = probe_of(bundle)
    eeg, eye, present = eeg[:1], eye[:1], present[:1]
    ms: dict[str, list[float]] = {"there": [], "here": []}
    with service(1, ()) as (url, _):
        client = OpenInferenceClient(PoolHttp(url), model=name, n_classes=n)
        client.infer(eeg, eye, present, within_s=30.0)
        for _ in range(CALLS):
            began_s = time.perf_counter()
            client.infer(eeg, eye, present, within_s=5.0)
            ms["there"].append((time.perf_counter() - began_s) * 1e3)
            began_s = time.perf_counter()
            own.logits(eeg, eye, present)
            ms["here"].append((time.perf_counter() - began_s) * 1e3)
        client.close()
    own.close()
    p50, p99 = np.quantile(ms["there"], (0.5, 0.99)).tolist()
    here = float(np.median(ms["here"]))
    return Row(
        _POOL,
        p50,
        p99,
        "ms",
        f"the booth's own network: {here:.3f} ms",
        p50 / here,
        f"{CALLS} calls in turn, {bundle.context} windows, JSON; load {os.getloadavg()[0]:.1f}",
    )


def main() -> None:
    """Measure, and write the table to standard output."""
    sys.stdout.write(markdown(rows(), machine()))


if __name__ == "__main__":
    main()
