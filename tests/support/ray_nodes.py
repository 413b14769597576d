"""Ray nodes on the loopback, small ones: what a cluster is to a test."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

# Ray takes 127.0.0.1 for "this machine as others see it", and looks there for its head.
_IP = "127.0.0.2"
_SMALL: Mapping[str, object] = {
    "num_cpus": 1,
    "object_store_memory": 80 << 20,
    "node_ip_address": _IP,
}


@contextmanager
def ray_nodes(count: int) -> Iterator[Cluster]:
    """A head without cores, which the test itself is on, and `count` nodes with one core each."""
    tests = str(Path(__file__).parents[1])
    # A busy machine takes its time.
    own = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "120"}
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", *own)}
    os.environ.update(own)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tests, before["PYTHONPATH"])))
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**_SMALL, "num_cpus": 0, "include_dashboard": False},
    )
    try:
        for _ in range(count):
            cluster.add_node(wait=False, **_SMALL)
        cluster.wait_for_nodes(timeout=120)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
