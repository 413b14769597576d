import io
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.evaluations import fold

from hadua.service.evaluation.folds import ResultsError, packed, read_folds, unpacked, write_folds
from hadua.service.evaluation.results import FoldResult


def is_same(a: FoldResult, b: FoldResult) -> bool:
    """Whether nothing differs, to the last bit and in the type of every array."""
    for one in fields(FoldResult):
        x, y = getattr(a, one.name), getattr(b, one.name)
        if isinstance(x, np.ndarray):
            if x.dtype != y.dtype or x.tobytes() != y.tobytes():
                return False
        elif x != y:
            return False
    return True


@given(
    right=st.lists(st.booleans(), min_size=1, max_size=30),
    person=st.text(st.characters(codec="utf-8"), max_size=20),
    seconds=st.floats(0.0, 1e6),
    threshold=st.none() | st.floats(0.0, 1.0),
    single=st.booleans(),
)
def test_nothing_is_lost(
    right: list[bool], person: str, seconds: float, threshold: float | None, single: bool
) -> None:
    first = fold(person=person, right=right, seconds=seconds, threshold=threshold)
    if single:
        first = replace(first, probabilities=first.probabilities.astype(np.float32))
    second = fold("coral", "prequential", seed=2**40)

    back = unpacked(packed([first, second]), where="here")

    assert len(back) == 2
    assert is_same(first, back[0])
    assert is_same(second, back[1])


def test_equal_folds_give_equal_bytes() -> None:
    assert packed([fold()]) == packed([fold()])
    assert packed([fold()]) != packed([fold(seed=1)])


def test_no_folds_are_none() -> None:
    assert unpacked(packed([]), where="here") == ()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "fold.npz"
    write_folds(path, [fold()])
    write_folds(path, [fold(seed=1)])

    assert [f.seed for f in read_folds(path)] == [1]
    assert [p.name for p in path.parent.iterdir()] == ["fold.npz"]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"missing\.npz.*No such file"):
        read_folds(tmp_path / "missing.npz")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    whole = packed([fold(right=[True] * 50)])
    for end in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ResultsError, match="folds 'cut'"):
            unpacked(whole[:end], where="cut")


def rewritten(**changed: object) -> bytes:
    """The file of one fold with some of its arrays others, or gone (None)."""
    with np.load(io.BytesIO(packed([fold()]))) as arrays:
        content = {k: v for k, v in {**arrays, **changed}.items() if v is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


def head(**changed: object) -> object:
    with np.load(io.BytesIO(packed([fold()]))) as arrays:
        heads = json.loads(str(arrays["folds"]))
    return np.array(json.dumps([heads[0] | changed]))


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"0/y": None}, r"arrays \['0/y'\] too many or too few"),
        ({"1/y": np.zeros(4)}, r"arrays \['1/y'\] too many or too few"),
        ({"0/y": np.zeros(4)}, "classes of float64"),
        ({"0/y": np.zeros(3, np.int64)}, r"true classes \(3,\)"),
        ({"0/probabilities": np.ones((4, 3), np.int64)}, "probabilities of int64"),
        ({"0/probabilities": np.full((4, 3), np.nan)}, "values from nan"),
        ({"folds": None}, "folds is not a file|KeyError"),
        ({"folds": head(schema_version=2)}, "Input should be 1"),
        ({"folds": head(colour="blue")}, "Extra inputs are not permitted"),
        ({"folds": head(protocol="best")}, "transductive"),
        ({"folds": np.array([{}], dtype=object)}, "allow_pickle"),
    ],
)
def test_what_is_not_a_file_of_folds_is_refused(changed: dict[str, object], what: str) -> None:
    with pytest.raises(ResultsError, match=what):
        unpacked(rewritten(**changed), where="here")
