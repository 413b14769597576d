"""Tasks on the nodes of a cluster: one that dies with its node is done again on another."""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import redirect_stdout
from typing import Generic, TypeVar

from hadua.service.cluster.connection import Nodes, connected, nodes
from hadua.service.evaluation.workers import Failure, attempt

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.5  # Ctrl-C is heard between waits
_LOOK_S = 2.0
_RETRIES = 3  # after the first attempt; what kills its process every time is given up


class _Work(Generic[S, T, R]):
    """Takes what several tasks share as an argument, for Ray to send once to each node."""

    def __init__(self, work: Callable[[S, T], R]) -> None:
        self._work = work

    def __call__(self, shared: S, task: T) -> R | Failure:
        return attempt(lambda task: self._work(shared, task), task)


def run_on_cluster(
    work: Callable[[S, T], R],
    tasks: Sequence[T],
    *,
    address: str,
    shared: Callable[[T], tuple[str, Callable[[], S]]],
    on_nodes: Callable[[Nodes], None] = lambda _: None,
) -> Generator[tuple[T, R | Failure]]:
    """Run every task on some node and hand over each result as it comes, in any order.

    Args:
        work: A function of a module, or a `partial` of one; a task has one core and one thread.
        tasks: What to call it with.
        address: The cluster's head.
        shared: Name of what a task needs besides, and where to have it from. The name is asked
            for once only.
        on_nodes: Told now and then who is there.

    Raises:
        ClusterError: the cluster is not there, or computes otherwise than this process.
    """
    if not tasks:
        return
    with redirect_stdout(sys.stderr), connected(address):  # where Ray's own words belong
        import ray

        remote = ray.remote(
            num_cpus=1, max_retries=_RETRIES, retry_exceptions=False, scheduling_strategy="SPREAD"
        )(_call)
        stored: dict[str, object] = {}
        waiting: dict[object, T] = {}
        own = ray.put(_Work(work))
        for task in tasks:
            name, load = shared(task)
            if name not in stored:
                stored[name] = ray.put(load())
            waiting[remote.remote(own, stored[name], task)] = task
        looked_s = -_LOOK_S
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_S)
            if time.monotonic() - looked_s >= _LOOK_S:
                looked_s = time.monotonic()
                on_nodes(nodes())
            for reference in done:
                task = waiting.pop(reference)
                try:
                    result = ray.get(reference)
                except ray.exceptions.RayError as error:
                    result = Failure(" ".join(str(error).split())[:300])
                yield task, result
        on_nodes(nodes())  # who was lost since the latest look


def _call(work: _Work[S, T, R], shared: S, task: T) -> R | Failure:
    return work(shared, task)
