import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.devices.completion import MIN_SHARE, Completer
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import InvalidInputError


def measured(*names: str, channels: tuple[str, ...] = SEED_62) -> "np.typing.NDArray[np.bool_]":
    return np.array([name in names for name in channels], np.bool_)


@settings(deadline=None)
@given(bad=st.sets(st.integers(0, 61)))
def test_only_what_is_missing_is_filled_and_only_where_it_is_worth_it(bad: set[int]) -> None:
    there = np.array([i not in bad for i in range(62)], np.bool_)

    completion = Completer(SEED_62).complete(there)

    assert set(completion.filled) <= bad
    assert not set(completion.used) & bad
    assert completion.matrix.shape == (len(completion.filled), len(completion.used))
    assert (completion.share >= MIN_SHARE).all()
    assert (completion.share <= 1.0).all()


def test_a_hole_in_a_dense_cap_is_filled_and_four_electrodes_fill_almost_nothing() -> None:
    completer = Completer(SEED_62)
    hole = completer.complete(~measured("CZ", "P3"))
    muse = completer.complete(measured("TP7", "AF3", "AF4", "TP8"))

    assert [SEED_62[i] for i in hole.filled] == ["CZ", "P3"]
    assert hole.share.min() > 0.8
    assert len(muse.filled) < 10


def test_a_channel_without_a_place_neither_helps_nor_is_helped() -> None:
    channels = ("CZ", "X17", "C1", "C2", "FCZ", "CPZ", "X18")
    completion = Completer(channels).complete(
        measured("X17", "C1", "C2", "FCZ", "CPZ", channels=channels)
    )

    assert [channels[i] for i in completion.used] == ["C1", "C2", "FCZ", "CPZ"]
    assert {channels[i] for i in completion.filled} <= {"CZ"}


@pytest.mark.parametrize("there", [np.ones(62, np.bool_), np.zeros(62, np.bool_)])
def test_with_all_or_none_there_is_nothing_to_do(there: "np.typing.NDArray[np.bool_]") -> None:
    completion = Completer(SEED_62).complete(there)
    assert completion.matrix.shape == (0, np.count_nonzero(there))


def test_the_same_set_is_not_computed_again_and_memory_is_bounded() -> None:
    completer = Completer(SEED_62)
    first = completer.complete(~measured("CZ"))
    assert completer.complete(~measured("CZ")) is first
    for name in SEED_62:
        completer.complete(~measured(name))
    assert completer.complete(~measured("CZ")) is not first


def test_another_montage_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"shape \(4,\).*\(62,\)"):
        Completer(SEED_62).complete(np.ones(4, np.bool_))
