"""Stacked weights of many people give each person's own answer."""

import numpy as np
import torch
from batched_people import Stacked
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import random_network

from hadua.models.folded import FoldedSequence, fold

N_EEG, N_EYE, CONTEXT = 10, 33, 5


@settings(deadline=None, max_examples=20)
@given(people=st.integers(1, 5), length=st.integers(1, CONTEXT), seed=st.integers(0, 2**16))
def test_each_person_is_answered_as_if_alone(people: int, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    nets: list[FoldedSequence] = []
    for k in range(people):
        folded = fold(random_network(N_EEG, N_EYE, context=CONTEXT, seed=seed + k))
        assert isinstance(folded, FoldedSequence)
        nets.append(folded)
        nets[-1].double()  # in floats both round, and neither is the right one to a millionth
    eeg = rng.normal(size=(people, length, N_EEG))
    eye = rng.normal(size=(people, length, N_EYE))
    present = rng.random((people, length, 2)) < 0.8

    together = Stacked.of(nets)(eeg, eye, present)  # type: ignore[arg-type]

    with torch.no_grad():
        alone = np.concatenate(
            [
                net(*(torch.from_numpy(x[k : k + 1]) for x in (eeg, eye, present))).numpy()
                for k, net in enumerate(nets)
            ]
        )
    largest = max(1.0, float(np.abs(alone).max()))
    np.testing.assert_allclose(together / largest, alone / largest, rtol=0.0, atol=1e-6)
