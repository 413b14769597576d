import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import random_network

from hadua.calibration.stretches import BLOCK, fused_of_windows, logits_of_windows
from hadua.calibration.windows import Windows


def windows_of(lengths: list[int], *, seed: int) -> Windows:
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    present = rng.random((n, 2)) > 0.2
    return Windows(
        rng.standard_normal((n, 5), np.float32) * present[:, :1],
        rng.standard_normal((n, 4), np.float32) * present[:, 1:],
        present,
        np.zeros(n, np.int64),
        np.ones(n, np.int64),
        np.repeat(np.arange(len(lengths)), lengths),
    )


@given(
    lengths=st.lists(
        st.sampled_from([1, 2, 3, 9, 40, BLOCK - 1, BLOCK, BLOCK + 1, 300]), max_size=5
    ),
    context=st.sampled_from([1, 3, 8]),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_every_window_is_answered_as_a_session_would(
    lengths: list[int], context: int, seed: int
) -> None:
    network = random_network(5, 4, context=context, seed=seed)
    windows = windows_of(lengths, seed=seed)

    logits = logits_of_windows(network, windows)

    depth = windows.depth()
    for row in np.random.default_rng(seed).permutation(len(windows))[:20]:
        past = slice(row + 1 - min(depth[row], context), row + 1)
        x = (windows.x_eeg, windows.x_eye, windows.present)
        with torch.no_grad():
            alone = network(*(torch.from_numpy(a[past])[None] for a in x))[0].numpy()
        np.testing.assert_allclose(logits[row], alone, rtol=1e-4, atol=1e-5)


def test_logits_are_the_classifier_of_the_fused_features() -> None:
    network = random_network(5, 4, context=3)
    windows = windows_of([7, 2], seed=1)

    fused = torch.from_numpy(fused_of_windows(network, windows)).float()

    with torch.no_grad():
        logits = network.classifier(fused).numpy()
    np.testing.assert_allclose(logits, logits_of_windows(network, windows), atol=1e-5)
