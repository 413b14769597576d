"""The graph beyond what a runtime lets through: any batch, any number of windows."""

from functools import cache

import numpy as np
import onnxruntime
import pytest
import torch
from support.bundles import random_network

from hadua.models.folded import fold
from hadua.models.network import HaduaNetwork
from hadua.models.onnx_graph import to_onnx

KINDS = {"both": (20, 33), "eeg only": (20, 0), "eye only": (0, 33)}


@cache
def loaded(kind: str, context: int) -> tuple[HaduaNetwork, onnxruntime.InferenceSession]:
    network = random_network(*KINDS[kind], context=context)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = to_onnx(fold(network))
    return network, onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", [3, 4, 8, 10, 16])
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_it_equals_the_network_at_every_length(kind: str, context: int, n: int) -> None:
    network, session = loaded(kind, context)
    for length in sorted({1, 2, 3, 10, context, context + 1, 3 * context}):
        rng = np.random.default_rng((n, length))
        eeg, eye = (rng.standard_normal((n, length, d), np.float32) for d in KINDS[kind])
        present = rng.random((n, length, 2)) > 0.3
        given = {"eeg": eeg, "eye": eye, "present": present}
        with torch.no_grad():
            expected = network(*(torch.from_numpy(x) for x in given.values())).numpy()

        (got,) = session.run(["logits"], {i.name: given[i.name] for i in session.get_inputs()})

        atol = 1e-5 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=atol, err_msg=f"T={length}")


def test_what_lies_outside_a_span_weighs_nothing_whatever_the_scores() -> None:
    network = random_network(20, 33, context=4)
    for attention in (network.eeg_attention, network.eye_attention, network.cross_attention):
        attention.W_q.weight.data.mul_(1e3)
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(
        to_onnx(fold(network)), options, ["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    eeg, eye = (rng.standard_normal((2, 4, d), np.float32) for d in (20, 33))
    present = np.ones((2, 4, 2), np.bool_)

    (got,) = session.run(["logits"], {"eeg": eeg, "eye": eye, "present": present})

    with torch.no_grad():
        expected = network(*(torch.from_numpy(x) for x in (eeg, eye, present))).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)
