"""`auto` takes the device that is faster, and the CPU where the GPU cannot; it says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
import pytest
from support.bundles import make_bundle

from hadua.models.bundle import Bundle, load_bundle
from hadua.models.choosing import Device, fastest
from hadua.models.device_choice import chosen, load_where_faster
from hadua.models.errors import BundleError, RuntimeUnavailableError
from hadua.models.features import BoolArray
from hadua.models.manifest import ONNX
from hadua.models.onnx_binding import MOST_SHAPES, BoundCalls
from hadua.models.onnx_runtime import cuda_is_there
from hadua.models.runtime import Float32Array, InputShape, Runtime, RuntimeName, load_runtime


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Fake:
    """A runtime that takes its time by a clock of the test, and may fail when it is asked."""

    def __init__(
        self, device: Device, clock: Clock, *, took_s: float, fails: Exception | None = None
    ) -> None:
        self._device, self._clock, self._took_s, self._fails = device, clock, took_s, fails
        self.calls, self.closed = 0, False

    @property
    def name(self) -> RuntimeName:
        return "onnx"

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        return self._device

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        if self._fails is not None:
            raise self._fails
        self.calls += 1
        # The tenth call is slow: a median does not mind.
        self._clock.now_s += self._took_s * (100.0 if self.calls == 10 else 1.0)
        return np.zeros((1, 3), np.float32)

    def close(self) -> None:
        self.closed = True


INPUTS = (
    np.zeros((1, 1, 2), np.float32),
    np.zeros((1, 1, 2), np.float32),
    np.ones((1, 1, 2), bool),
)


def given(fake: Fake) -> Callable[[], Runtime]:
    return lambda: fake


@pytest.mark.parametrize(("cpu_us", "cuda_us", "expected"), [(80, 200, "cpu"), (300, 90, "cuda")])
def test_the_faster_one_stays_and_the_other_is_let_go(
    cpu_us: int, cuda_us: int, expected: str
) -> None:
    clock = Clock()
    cpu = Fake("cpu", clock, took_s=cpu_us / 1e6)
    cuda = Fake("cuda", clock, took_s=cuda_us / 1e6)

    runtime, choice = fastest({"cpu": given(cpu), "cuda": given(cuda)}, INPUTS, clock=clock)

    assert runtime.device == choice.device == expected
    assert {"cpu": cpu, "cuda": cuda}[expected].closed is False
    assert (cpu.closed, cuda.closed) == (expected != "cpu", expected != "cuda")
    assert choice.median_us == pytest.approx({"cpu": cpu_us, "cuda": cuda_us})
    assert f"{expected} is the faster one here: cpu {cpu_us} us, cuda {cuda_us} us" in choice.reason


@pytest.mark.parametrize("when", ["loading", "asked"])
@pytest.mark.parametrize(
    "error", [RuntimeUnavailableError("no driver", hint="Check it."), BundleError("out of memory")]
)
def test_a_gpu_that_cannot_is_left_and_the_reason_says_so(
    when: str, error: RuntimeUnavailableError | BundleError
) -> None:
    clock = Clock()
    cpu = Fake("cpu", clock, took_s=1.0)
    cuda = Fake("cuda", clock, took_s=0.1, fails=error)

    def load() -> Runtime:
        if when == "loading":
            raise error
        return cuda

    runtime, choice = fastest({"cpu": given(cpu), "cuda": load}, INPUTS, clock=clock)

    assert runtime is cpu
    assert choice.reason == f"cuda cannot be used: {error}"
    assert cuda.closed is (when == "asked")
    assert not cpu.closed


def test_a_cpu_that_cannot_is_an_error() -> None:
    def load() -> Runtime:
        raise BundleError("damaged")

    with pytest.raises(BundleError, match="damaged"):
        fastest({"cpu": load}, INPUTS)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(make_bundle(tmp_path, eeg_channels=("CZ", "PZ"), context=3))


def test_it_is_measured_once_for_a_bundle_and_remembered(tmp_path: Path) -> None:
    # Of its own: what is remembered is remembered for the process.
    bundle = load_bundle(make_bundle(tmp_path, eeg_channels=("CZ", "PZ"), context=3, seed=7))
    clock, loaded = Clock(), list[str]()

    def load(
        bundle: Bundle, *, name: RuntimeName, device: Device, threads: int, model: bytes | None
    ) -> Runtime:
        loaded.append(device)
        return Fake(device, clock, took_s=1e-3)

    for _ in range(3):
        load_where_faster(
            bundle, name="onnx", threads=1, model=None, has_cuda=lambda name: True, load=load
        )
    first, *later = loaded[:1], *loaded[2:]
    choice = chosen(bundle, "onnx")
    assert first == ["cpu"]
    assert loaded[1] == "cuda"
    assert choice is not None
    assert later == [choice.device] * 2


@pytest.mark.skipif(cuda_is_there(), reason="this machine has a GPU")
def test_without_a_gpu_there_is_nothing_to_measure(bundle: Bundle) -> None:
    runtime = load_runtime(bundle, device="auto")
    choice = chosen(bundle, "onnx")
    assert runtime.device == "cpu"
    assert choice is not None
    assert choice.reason == "this installation has no GPU to run on"
    assert not choice.median_us
    runtime.close()


def test_bound_calls_give_what_a_plain_call_gives_in_every_shape(bundle: Bundle) -> None:
    """On the CPU, whose buffers are bound in the same way."""
    session = ort.InferenceSession(bundle.read(ONNX), providers=["CPUExecutionProvider"])
    calls = BoundCalls(session, device="cpu", n_classes=len(bundle.classes), graphs=False)
    shape, rng = InputShape.of(bundle), np.random.default_rng(0)
    kept: list[tuple[Float32Array, Float32Array]] = []
    for k in range(2 * MOST_SHAPES + 6):
        eeg, eye, present = shape.zeros(1 + k % (MOST_SHAPES + 3), 1 + k % 3)
        eeg, eye = (rng.normal(size=x.shape).astype(np.float32) for x in (eeg, eye))
        present = rng.random(present.shape) < 0.7
        feed: dict[str, Float32Array | BoolArray] = {"eeg": eeg[:, ::-1], "eye": eye}
        feed["present"] = present
        kept.append((calls(feed), session.run(["logits"], feed)[0]))
    for bound, plain in kept:  # after all calls: what was given is not overwritten
        assert bound.tobytes() == plain.tobytes()


@pytest.mark.skipif(not cuda_is_there(), reason="ONNX Runtime has no CUDA here")
def test_a_gpu_gives_what_the_cpu_gives(bundle: Bundle) -> None:
    cpu, cuda = (load_runtime(bundle, device=d) for d in ("cpu", "cuda"))
    eeg, eye, present = InputShape.of(bundle).zeros(4, 3)
    eeg = np.random.default_rng(0).normal(size=eeg.shape).astype(np.float32)
    for _ in range(3):
        np.testing.assert_allclose(
            cuda.logits(eeg, eye, present), cpu.logits(eeg, eye, present), rtol=1e-3, atol=1e-4
        )
