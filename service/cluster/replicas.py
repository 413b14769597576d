"""Inference replicas on a Ray cluster, as one runtime: whichever is idle answers.

Replicas hold nothing that must survive them: each has the bundle's network and no more. Ray starts
one anew that died; what it was asked is asked of another.
"""

import os
import queue
import time
from contextlib import AbstractContextManager
from typing import Literal

from hadua.models.bundle import Bundle
from hadua.models.features import BoolArray
from hadua.models.manifest import ONNX
from hadua.models.runtime import DeviceName, Float32Array, RuntimeName, load_runtime
from hadua.service.cluster.connection import ClusterError, connected
from hadua.service.cluster.versions import serving_versions_here

ANSWER_S = 2.0
"""How long one replica may take before another is asked."""
_START_S = 120.0
_FOREVER = -1


class _Replica:
    """Runs in a process of the cluster."""

    def __init__(self, bundle: Bundle, device: DeviceName, model: bytes, number: int) -> None:
        self._runtime = load_runtime(bundle, name="onnx", device=device, model=model)
        self._number = number

    def logits(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray
    ) -> tuple[Float32Array, str]:
        # Ray's arrays are read-only views of its store, and the network's own come back.
        return self._runtime.logits(eeg, eye, present), f"replica {self._number}"

    def facts(self) -> tuple[Literal["cpu", "cuda"], int]:
        return self._runtime.device, os.getpid()


class Replicas:
    """Meets `Runtime`, and may be called from as many threads as there are replicas.

    Args:
        bundle: Its network answers, as ONNX.
        address: The cluster's head.
        count: How many replicas.
        device: Where each of them runs.
        gpus: What each of them takes of a GPU.

    Raises:
        ClusterError: no such cluster, or one without room for them.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        address: str,
        count: int,
        device: DeviceName = "auto",
        gpus: float = 0.0,
    ) -> None:
        self._cluster: AbstractContextManager[None] = connected(
            address, versions=serving_versions_here
        )
        self._cluster.__enter__()
        try:
            self._start(bundle, count, device, gpus)
        except BaseException:
            self._cluster.__exit__(None, None, None)
            raise
        self._closed = False

    def _start(self, bundle: Bundle, count: int, device: DeviceName, gpus: float) -> None:
        import ray

        model = ray.put((bundle.path / ONNX).read_bytes())
        shared = ray.put(bundle)
        kind = ray.remote(
            num_cpus=1,
            num_gpus=gpus,
            max_restarts=_FOREVER,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )(_Replica)
        self._all = [kind.remote(shared, device, model, k + 1) for k in range(count)]
        try:
            facts = ray.get([one.facts.remote() for one in self._all], timeout=_START_S)
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"{count} replicas",
                got=str(error).strip().splitlines()[-1],
                hint="Has the cluster a free core for each of them (`ray status`)?",
            ) from error
        self._device: Literal["cpu", "cuda"] = facts[0][0]
        self.pids = tuple(pid for _, pid in facts)
        self._idle: queue.SimpleQueue[int] = queue.SimpleQueue()
        for k in range(count):
            self._idle.put(k)

    @property
    def name(self) -> RuntimeName:
        """What they run."""
        return "onnx"

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where the first of them runs."""
        return self._device

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._all)

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """As `Runtime.logits` has it."""
        return self.logits_from(eeg, eye, present)[0]

    def logits_from(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray
    ) -> tuple[Float32Array, str]:
        """Logits, and which replica gave them; one that is gone or slow is passed over.

        Raises:
            ClusterError: none of them answers.
        """
        import ray

        until_s, last = time.monotonic() + ANSWER_S * (self.count + 1), ""
        for _ in range(self.count + 1):
            try:
                k = self._idle.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                break
            try:
                logits, who = ray.get(
                    self._all[k].logits.remote(eeg, eye, present), timeout=ANSWER_S
                )
            except ray.exceptions.RayError as error:
                last = " ".join(str(error).split())[:200]
            else:
                return logits, who
            finally:
                self._idle.put(k)  # at the end of the line
        raise ClusterError(f"none of {self.count} replicas answers", got=last or "all are busy")

    def close(self) -> None:
        """Let go of them; idempotent."""
        if not self._closed:
            self._closed = True
            self._cluster.__exit__(None, None, None)
