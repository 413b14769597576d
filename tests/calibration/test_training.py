import numpy as np
import pytest
import torch
from support.windows import people, relabelled, without

from hadua.calibration.labelled import UNLABELLED, LabelledWindows
from hadua.calibration.scores import score
from hadua.calibration.training import Progress, Recipe, TrainedNetwork, logits_of, train
from hadua.models.errors import HaduaError

QUICK = Recipe(epochs=4, batch=64)


def accuracy(trained: TrainedNetwork, data: LabelledWindows) -> float:
    rows, logits = logits_of(trained, data)
    return score(logits.argmax(axis=1), data.y[rows]).accuracy


def test_what_can_be_learnt_is_learnt_and_carries_over_to_others() -> None:
    trained = train(people(3, seed=1), n_classes=3, context=4, seed=0, recipe=QUICK)

    assert accuracy(trained, people(2, seed=2)) > 0.9


def test_shuffled_labels_leave_chance() -> None:
    data = people(3, seed=1, separable=False)
    trained = train(data, n_classes=3, context=3, seed=0, recipe=QUICK)

    assert accuracy(trained, people(3, seed=2, separable=False)) == pytest.approx(1 / 3, abs=0.07)


@pytest.mark.parametrize(("d_eeg", "d_eye"), [(6, 0), (0, 4)])
def test_one_modality_is_enough(d_eeg: int, d_eye: int) -> None:
    data = people(2, seed=1, d_eeg=d_eeg, d_eye=d_eye)
    trained = train(data, n_classes=3, context=3, seed=0, recipe=QUICK)

    assert accuracy(trained, people(2, seed=2, d_eeg=d_eeg, d_eye=d_eye)) > 0.8


def test_either_modality_can_go_missing() -> None:
    trained = train(people(3, seed=1), n_classes=3, context=4, seed=0, recipe=QUICK)
    whole = people(2, seed=2)

    for lost in (0, 1):
        assert accuracy(trained, without(whole, lost)) > 0.75


def test_the_same_seed_gives_the_same_weights_to_the_bit() -> None:
    data = people(1, seed=1)
    recipe = Recipe(epochs=2, batch=32)

    one, two, other = (
        train(data, n_classes=3, context=3, seed=seed, recipe=recipe) for seed in (5, 5, 6)
    )

    def weights(trained: TrainedNetwork) -> list[bytes]:
        return [t.numpy().tobytes() for t in trained.network.state_dict().values()]

    assert weights(one) == weights(two) != weights(other)
    assert one.losses == two.losses


def test_training_leaves_torch_as_it_found_it() -> None:
    before = torch.get_num_threads(), torch.random.get_rng_state().numpy().tobytes()

    train(people(1, seed=1), n_classes=3, context=3, seed=0, recipe=Recipe(epochs=1))

    assert (torch.get_num_threads(), torch.random.get_rng_state().numpy().tobytes()) == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_every_epoch_reports() -> None:
    seen: list[Progress] = []

    trained = train(
        people(1, seed=1),
        n_classes=3,
        context=3,
        seed=0,
        recipe=Recipe(epochs=3),
        on_epoch=seen.append,
    )

    assert [(p.epoch, p.epochs) for p in seen] == [(1, 3), (2, 3), (3, 3)]
    assert tuple(p.loss for p in seen) == trained.losses
    assert not trained.network.training


def test_logits_do_not_depend_on_what_else_is_asked() -> None:
    data = people(2, seed=1)
    trained = train(data, n_classes=3, context=4, seed=0, recipe=Recipe(epochs=1))
    y = np.where(np.arange(len(data)) % 7 == 0, data.y, UNLABELLED)
    some = relabelled(data, y)

    rows, logits = logits_of(trained, some)
    all_rows, all_logits = logits_of(trained, data)

    assert rows.tolist() == np.flatnonzero(y != UNLABELLED).tolist()
    assert all_rows.tolist() == list(range(len(data)))
    np.testing.assert_allclose(logits, all_logits[rows], atol=1e-5)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    with pytest.raises(HaduaError, match="training diverged in epoch 1"):
        train(
            people(1, seed=1),
            n_classes=3,
            context=3,
            seed=0,
            recipe=Recipe(epochs=2, batch=64, rate=float("inf")),
        )
