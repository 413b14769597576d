"""A connection to a running Ray cluster whose nodes all run the code and versions of this process.

Ray itself looks for minutes for a cluster that is not there, and computes on nodes with another
version of a package without a word; both are found out here, first.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

from hadua.models.errors import HaduaError, RuntimeUnavailableError, UsageError
from hadua.service.cluster.versions import differences, versions_here

_ANSWER_S = 3.0
_CONNECT_S = 60.0  # a busy machine takes its time
_PROBE_S = 90.0  # a node's first process has torch to import


class ClusterError(HaduaError):
    """A cluster that does not answer, or that cannot be worked with."""

    code: ClassVar[str] = "cluster-unavailable"


@dataclass(frozen=True, slots=True)
class Nodes:
    """How many nodes of a cluster answer.

    Args:
        alive: Those that answer now.
        lost: Those that once did and do not any more.
        cores: Cores of those that answer.
    """

    alive: int
    lost: int
    cores: int

    def __str__(self) -> str:
        lost = f", {self.lost} lost" if self.lost else ""
        return f"{self.alive} nodes with {self.cores} cores{lost}"


@contextmanager
def connected(
    address: str, *, versions: Callable[[], dict[str, str]] = versions_here
) -> Iterator[None]:
    """Be connected to the cluster whose head is at `HOST:PORT`.

    This machine has to be one of its nodes, if only one without cores (`ray start --address=...
    --num-cpus=0`).

    Args:
        address: The head's.
        versions: What has to be the same on every node.

    Raises:
        UsageError: not an address.
        RuntimeUnavailableError: Ray is not installed.
        ClusterError: nothing answers, or not a cluster that this process can work with.
    """
    _require_address(address)
    if find_spec("ray") is None:
        raise RuntimeUnavailableError(
            "--cluster needs the package 'ray'",
            got="not installed",
            hint="It is in the extra 'cluster': pip install 'hadua[cluster]'.",
        )
    _require_answer(address)
    _connect(address)
    import ray

    try:
        _require_equal_versions(address, versions)
        yield
    finally:
        ray.shutdown()


def nodes() -> Nodes:
    """Those of the cluster that this process is connected to."""
    import ray

    known = ray.nodes()
    alive = [node for node in known if node["Alive"]]
    cores = int(sum(node["Resources"].get("CPU", 0.0) for node in alive))
    # A node that came back counts as lost once, too: what it computed was computed again.
    return Nodes(len(alive), len(known) - len(alive), cores)


def _require_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise UsageError(
            "--cluster",
            got=repr(address),
            expected="HOST:PORT of the cluster's head",
            hint="`ray start --head` says it; its port is 6379 unless told otherwise.",
        )


def _require_answer(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise ClusterError(
            f"no cluster answers at {address!r}",
            got=error.strerror or str(error) or type(error).__name__,
            hint="Is its head running (`ray status`), and may this machine reach that port?",
        ) from error


def _connect(address: str) -> None:
    """Ray's own attempt, in a thread that is left behind if it takes too long."""
    failed: list[Exception] = []

    def attempt() -> None:
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no word to anybody outside
        try:
            ray.init(
                address=address,
                namespace="hadua",
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
            )
        except (RuntimeError, ConnectionError, ValueError, OSError, ray.exceptions.RayError) as e:
            failed.append(e)

    thread = threading.Thread(target=attempt, name="ray-connect", daemon=True)
    thread.start()
    thread.join(_CONNECT_S)
    if not thread.is_alive() and not failed:
        return
    got = " ".join(str(failed[0]).split()) if failed else f"no word within {_CONNECT_S:g} s"
    raise ClusterError(
        f"cluster {address!r}: cannot be joined",
        got=got,
        hint="This machine has to be one of its nodes, with the head's versions of Ray and Python:"
        f" `ray start --address={address}`, with --num-cpus=0 if it is not to compute.",
    )


def _require_equal_versions(address: str, versions: Callable[[], dict[str, str]]) -> None:
    """Ask every node; a result may depend on each of them."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU", 0.0) >= 1.0:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            remote = ray.remote(num_cpus=0, scheduling_strategy=there)(versions)
            asked[node["NodeManagerHostname"], node["NodeID"]] = remote.remote()
    if not asked:
        raise ClusterError(
            f"cluster {address!r}", got="no node with a core", expected="at least one that computes"
        )
    for (host, node_id), answer in asked.items():
        try:
            found = ray.get(answer, timeout=_PROBE_S)
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"cluster {address!r}: node {host!r} ({node_id[:8]}) cannot work for HADUA",
                got=str(error).strip().splitlines()[-1],
                hint="HADUA, with its extra 'train', has to be installed on every node.",
            ) from error
        differing = differences(found, versions())
        if differing:
            raise ClusterError(
                f"cluster {address!r}: node {host!r} ({node_id[:8]}) would compute something else",
                got=", ".join(f"{name} {there}" for name, there, _ in differing),
                expected=", ".join(f"{name} {here}" for name, _, here in differing),
                hint="Install the same versions everywhere.",
            )
