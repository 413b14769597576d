"""One contract, every runtime: what holds for one holds for all."""

import importlib
import inspect
import pkgutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import make_bundle

import hadua.models
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import BundleError, InvalidInputError, RuntimeUnavailableError, UsageError
from hadua.models.export import load_network
from hadua.models.features import BoolArray, Modality
from hadua.models.network import HaduaNetwork
from hadua.models.onnx_runtime import OnnxRuntime
from hadua.models.runtime import DeviceName, Float32Array, Runtime, RuntimeName, load_runtime
from hadua.models.torchscript_runtime import TorchScriptRuntime

RUNTIMES: dict[RuntimeName, type[OnnxRuntime] | type[TorchScriptRuntime]] = {
    "onnx": OnnxRuntime,
    "torchscript": TorchScriptRuntime,
}
KINDS = {"both": (4, True), "eeg only": (4, False), "eye only": (0, True)}
CONTEXT = 5
Inputs = tuple[Float32Array, Float32Array, BoolArray]
every_runtime = pytest.mark.parametrize("name", RUNTIMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture
def bundle(folder: Path) -> Bundle:
    return _bundle(folder, "both", CONTEXT, 0)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest, bundle: Bundle) -> Iterator[Runtime]:
    runtime = load_runtime(bundle, name=request.param, device="cpu")
    yield runtime
    runtime.close()


@cache
def _bundle(folder: Path, kind: str, context: int, seed: int) -> Bundle:
    channels, eye = KINDS[kind]
    path = folder / f"{kind}-{context}-{seed}"
    return load_bundle(
        make_bundle(path, eeg_channels=channels, eye=eye, context=context, seed=seed)
    )


@cache
def _loaded(
    folder: Path, kind: str, context: int, seed: int
) -> tuple[HaduaNetwork, tuple[Runtime, ...]]:
    bundle = _bundle(folder, kind, context, seed)
    loaded = tuple(load_runtime(bundle, name=name, device="cpu") for name in RUNTIMES)
    return load_network(bundle), loaded


def inputs(bundle_or_network: Bundle | HaduaNetwork, n: int, length: int, seed: int) -> Inputs:
    if isinstance(bundle_or_network, Bundle):
        widths = [bundle_or_network.width(m) for m in (Modality.EEG, Modality.EYE)]
    else:
        widths = [bundle_or_network.n_eeg, bundle_or_network.n_eye]
    rng = np.random.default_rng(seed)
    eeg, eye = (rng.standard_normal((n, length, w), np.float32) for w in widths)
    return eeg, eye, rng.random((n, length, 2)) > 0.3


def test_no_runtime_is_missing_from_the_contract() -> None:
    found = {
        thing
        for module in pkgutil.iter_modules(hadua.models.__path__)
        if module.name.endswith("_runtime")
        for _, thing in inspect.getmembers(
            importlib.import_module(f"hadua.models.{module.name}"), inspect.isclass
        )
        if thing.__module__.endswith(module.name)
    }
    assert found == set(RUNTIMES.values())
    assert set(RUNTIMES) == set(get_args(RuntimeName))


def test_they_are_runtimes(runtime: Runtime) -> None:
    assert isinstance(runtime, Runtime)
    assert isinstance(runtime, RUNTIMES[runtime.name])
    assert runtime.device == "cpu"


@given(
    kind=st.sampled_from(sorted(KINDS)),
    context=st.sampled_from([1, 3, CONTEXT, 12]),
    seed=st.integers(0, 1),
    n=st.sampled_from([1, 2, 7, 64]),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_they_equal_the_network(
    folder: Path, kind: str, context: int, seed: int, n: int, data: st.DataObject
) -> None:
    length = data.draw(st.integers(1, context), label="T")
    network, runtimes = _loaded(folder, kind, context, seed)
    eeg, eye, _ = given_inputs = inputs(network, n, length, data.draw(st.integers(0, 999)))
    mask = data.draw(st.lists(st.booleans(), min_size=2 * length, max_size=2 * length))
    present = np.broadcast_to(np.array(mask).reshape(1, length, 2), (n, length, 2)).copy()

    for where in (given_inputs[2], present):
        with torch.no_grad():
            tensors = [torch.from_numpy(a) for a in (eeg, eye, where)]
            expected = network(*tensors).numpy()
        for runtime in runtimes:
            got = runtime.logits(eeg, eye, where)
            assert got.dtype == np.float32
            np.testing.assert_allclose(
                got, expected, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(expected).max()))
            )


def test_a_batch_is_its_rows(runtime: Runtime, bundle: Bundle) -> None:
    eeg, eye, present = inputs(bundle, 6, CONTEXT, 3)
    rows = [runtime.logits(eeg[i : i + 1], eye[i : i + 1], present[i : i + 1]) for i in range(6)]
    np.testing.assert_allclose(
        runtime.logits(eeg, eye, present), np.concatenate(rows), rtol=1e-5, atol=1e-5
    )


def test_the_same_question_has_the_same_answer(runtime: Runtime, bundle: Bundle) -> None:
    x = inputs(bundle, 1, CONTEXT, 4)
    first = runtime.logits(*x)
    assert all(np.array_equal(runtime.logits(*x), first) for _ in range(5))


def _placed(x: Inputs, offset: int) -> Inputs:
    """The same values, starting `offset` elements behind a boundary of 64 bytes."""

    def place(a: np.ndarray) -> np.ndarray:
        room = np.empty(a.nbytes + 64 + offset * a.itemsize, np.uint8)
        start = -room.ctypes.data % 64 + offset * a.itemsize
        there = room[start : start + a.nbytes].view(a.dtype).reshape(a.shape)
        there[...] = a
        return there

    eeg, eye, present = x
    return place(eeg), place(eye), place(present)


def test_where_the_values_lie_in_memory_does_not_matter(runtime: Runtime, bundle: Bundle) -> None:
    for length in range(1, CONTEXT + 1):
        x = inputs(bundle, 1, length, length)
        answers = [runtime.logits(*_placed(x, offset)) for offset in range(16)]
        assert all(np.array_equal(a, answers[0]) for a in answers)


def test_inputs_may_be_views_and_read_only(runtime: Runtime, bundle: Bundle) -> None:
    eeg, eye, present = inputs(bundle, 2, CONTEXT, 5)
    strided_eeg, strided_eye = (np.repeat(a, 2, axis=1)[:, ::2] for a in (eeg, eye))
    turned = present[:, ::-1].copy()[:, ::-1]
    for view in (strided_eeg, strided_eye, turned):
        view.setflags(write=False)

    got = runtime.logits(strided_eeg, strided_eye, turned)

    assert np.array_equal(got, runtime.logits(eeg, eye, present))


def _wrong_shapes(x: Inputs) -> dict[str, Inputs]:
    eeg, eye, present = x
    return {
        "eeg too narrow": (eeg[..., :-1], eye, present),
        "eye too wide": (eeg, np.concatenate((eye, eye), axis=-1), present),
        "batches differ": (eeg[:1], eye, present),
        "times differ": (eeg, eye[:, :1], present),
        "one modality of presence": (eeg, eye, present[..., :1]),
        "no time axis": (eeg[:, 0], eye[:, 0], present[:, 0]),
        "no windows": (eeg[:, :0], eye[:, :0], present[:, :0]),
        "no batch": (eeg[:0], eye[:0], present[:0]),
        "too many windows": (*(np.concatenate((a,) * 3, axis=1) for a in x),),  # type: ignore[dict-item]
    }


@pytest.mark.parametrize("case", sorted(_wrong_shapes((np.zeros((2, 2, 1), np.float32),) * 3)))  # type: ignore[arg-type]
def test_a_wrong_shape(runtime: Runtime, bundle: Bundle, case: str) -> None:
    wrong = _wrong_shapes(inputs(bundle, 2, 2, 0))[case]
    with pytest.raises(InvalidInputError, match=r"does not fit: got eeg .*expected \(n, T, 20\)"):
        runtime.logits(*wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("modality", [0, 1])
def test_a_value_that_is_not_finite(
    runtime: Runtime, bundle: Bundle, value: float, modality: int
) -> None:
    x = inputs(bundle, 2, 2, 0)
    x[modality][1, 0, 3] = value
    x[2][:] = False
    name = ("eeg", "eye")[modality]
    with pytest.raises(
        InvalidInputError, match=rf"{name} holds values that are not finite: got 1 "
    ):
        runtime.logits(*x)


def test_a_wrong_type(runtime: Runtime, bundle: Bundle) -> None:
    eeg, eye, present = inputs(bundle, 1, 1, 0)
    with pytest.raises(InvalidInputError, match=r"eeg float64.*expected float32, float32, bool"):
        runtime.logits(eeg.astype(np.float64), eye, present)


def test_an_error_leaves_it_usable(runtime: Runtime, bundle: Bundle) -> None:
    x = inputs(bundle, 1, 1, 0)
    before = runtime.logits(*x)
    with pytest.raises(InvalidInputError, match="does not fit"):
        runtime.logits(x[0], x[1], x[2][..., :1])
    assert np.array_equal(runtime.logits(*x), before)


def test_closing_twice_is_closing_once(runtime: Runtime, bundle: Bundle) -> None:
    runtime.close()
    runtime.close()
    with pytest.raises(RuntimeUnavailableError, match=rf"'{runtime.name}' is closed"):
        runtime.logits(*inputs(bundle, 1, 1, 0))


def test_it_may_move_from_thread_to_thread(runtime: Runtime, bundle: Bundle) -> None:
    questions = [inputs(bundle, 1, 1 + k % CONTEXT, k) for k in range(20)]
    here = [runtime.logits(*x) for x in questions]
    lock = threading.Lock()

    def ask(x: Inputs) -> Float32Array:
        with lock:
            return runtime.logits(*x)

    with ThreadPoolExecutor(4) as pool:
        there = list(pool.map(ask, questions))
    assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))


@every_runtime
def test_a_device_that_is_not_there(bundle: Bundle, name: RuntimeName) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(RuntimeUnavailableError, match="device 'cuda' is not there"):
        load_runtime(bundle, name=name, device="cuda")


@every_runtime
def test_auto_takes_what_is_there(bundle: Bundle, name: RuntimeName) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert load_runtime(bundle, name=name, device="auto").device == "cpu"


@every_runtime
def test_a_bundle_that_changed_after_it_was_opened(tmp_path: Path, name: RuntimeName) -> None:
    bundle = load_bundle(make_bundle(tmp_path))
    for file in ("model.onnx", "model.ts"):
        (bundle.path / file).write_bytes(b"something else")
    with pytest.raises(BundleError, match="is not the file its manifest names"):
        load_runtime(bundle, name=name, device="cpu")


def test_an_unknown_runtime_or_device(bundle: Bundle) -> None:
    unknown: RuntimeName = "tensorflow"  # type: ignore[assignment]
    nowhere: DeviceName = "tpu"  # type: ignore[assignment]
    with pytest.raises(UsageError, match="got 'tensorflow', expected 'onnx' or 'torchscript'"):
        load_runtime(bundle, name=unknown)
    with pytest.raises(UsageError, match="got 'tpu', expected 'auto', 'cpu' or 'cuda'"):
        load_runtime(bundle, device=nowhere)
    with pytest.raises(UsageError, match="got 0, expected 1 or more"):
        load_runtime(bundle, threads=0)
