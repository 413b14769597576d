"""One model for all who ask: loaded once, closed after the last, alive for everybody else."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.errors import RuntimeUnavailableError
from hadua.models.runtime import InputShape, Runtime, load_runtime
from hadua.service.shared_runtime import SharedRuntime


def test_it_is_loaded_once_and_closed_with_its_last_user() -> None:
    bundle = load_bundle(demo_bundle_path())
    loaded: list[Runtime] = []

    def load() -> Runtime:
        loaded.append(load_runtime(bundle, device="cpu"))
        return loaded[-1]

    shared = SharedRuntime(load)
    inputs = InputShape.of(bundle).zeros(1, bundle.context)
    one, other = shared(), shared()
    expected = one.logits(*inputs)
    one.close()
    one.close()
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        one.logits(*inputs)
    assert np.array_equal(other.logits(*inputs), expected)
    other.close()
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        loaded[0].logits(*inputs)
    again = shared()
    assert np.array_equal(again.logits(*inputs), expected)
    assert len(loaded) == 2
    assert (again.name, again.device) == ("onnx", "cpu")
    again.close()


def test_many_threads_get_the_same_bits_as_one() -> None:
    bundle = load_bundle(demo_bundle_path())
    shared = SharedRuntime(lambda: load_runtime(bundle, device="cpu"))
    rng = np.random.default_rng(0)
    eeg, eye, present = InputShape.of(bundle).zeros(32, bundle.context)
    eeg, eye = (rng.normal(size=x.shape).astype(np.float32) for x in (eeg, eye))

    def answers(k: int) -> list[bytes]:
        mine = shared()
        at = slice(k, k + 1)
        out = [mine.logits(eeg[at], eye[at], present[at]).tobytes() for _ in range(20)]
        mine.close()
        return out

    alone = [answers(k) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answers, range(8))) == alone
