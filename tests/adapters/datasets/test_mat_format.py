"""Files that SciPy does not write but MATLAB does, and the rest against SciPy."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.io import loadmat, savemat

from hadua.adapters.datasets.mat_format import MatError, MatFile


def part(order: str, kind: int, data: bytes, *, small: bool = False) -> bytes:
    if small:
        word = struct.pack(f"{order}I", len(data) << 16 | kind)
        return word + data.ljust(4, b"\0")
    return struct.pack(f"{order}II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(order: str, name: str, x: npt.NDArray[np.generic], *, stored: tuple[int, str]) -> bytes:
    """A matrix of class double whose numbers are stored in another type, as MATLAB packs them."""
    kind, dtype = stored
    raw = x.astype(f"{order}{dtype}").tobytes(order="F")
    body = (
        part(order, 6, struct.pack(f"{order}II", 6, 0))
        + part(order, 5, struct.pack(f"{order}{x.ndim}i", *x.shape))
        + part(order, 1, name.encode(), small=len(name) <= 4)
        + part(order, kind, raw, small=len(raw) <= 4)
    )
    return struct.pack(f"{order}II", 14, len(body)) + body


def mat_file(path: Path, order: str, elements: list[bytes]) -> Path:
    mark = b"IM" if order == "<" else b"MI"
    text = b"MATLAB 5.0 MAT-file".ljust(124, b" ")
    path.write_bytes(text + struct.pack(f"{order}H", 0x0100) + mark + b"".join(elements))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("stored", [(9, "f8"), (7, "f4"), (2, "u1"), (3, "i2"), (5, "i4")])
@pytest.mark.parametrize("name", ["x", "de_LDS15"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2, 4)])
@pytest.mark.parametrize("packed", [True, False])
def test_numbers_packed_as_matlab_packs_them(
    tmp_path: Path,
    order: str,
    stored: tuple[int, str],
    name: str,
    shape: tuple[int, ...],
    packed: bool,
) -> None:
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    element = matrix(order, name, x, stored=stored)
    if packed:
        data = zlib.compress(element)
        element = struct.pack(f"{order}II", 15, len(data)) + data
    path = mat_file(tmp_path / "a.mat", order, [element])

    with MatFile(path) as file:
        array = file.read(name)

    assert array.values is not None
    np.testing.assert_array_equal(array.values, x)
    np.testing.assert_array_equal(loadmat(path)[name], x)  # SciPy reads the same


@settings(max_examples=40, deadline=None)
@given(
    x=hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int8, np.uint16, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=6),
    ),
    packed=st.booleans(),
)
def test_scipy_and_this_reader_agree(
    tmp_path_factory: pytest.TempPathFactory, x: npt.NDArray[np.generic], packed: bool
) -> None:
    path = tmp_path_factory.mktemp("mat") / "a.mat"
    savemat(path, {"first": np.eye(3), "x": x, "last": "text"}, do_compression=packed)

    with MatFile(path) as file:
        assert file.names == ["first", "x", "last"]
        array = file.read("x")

    assert array.values is not None
    np.testing.assert_array_equal(array.values, np.asarray(loadmat(path)["x"], np.float64))
    assert array.values.shape == array.shape == x.shape


def test_classes_of_matlabs_own_are_passed_over(tmp_path: Path) -> None:
    opaque = part("<", 6, struct.pack("<II", 17, 0)) + part("<", 1, b"str", small=True)
    elements = [struct.pack("<II", 14, len(opaque)) + opaque]
    elements.append(matrix("<", "x", np.eye(2), stored=(9, "f8")))

    with MatFile(mat_file(tmp_path / "a.mat", "<", elements)) as file:
        assert file.names == ["x"]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_damaged_bytes_are_read_or_refused_and_nothing_else(
    tmp_path: Path, seed: int, packed: bool
) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"x": np.eye(3), "y": np.ones((2, 2, 2))}, do_compression=packed)
    raw = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(124, len(raw), size=3).tolist():
        raw[at] = int(rng.integers(256))
    path.write_bytes(raw)

    with suppress(MatError), MatFile(path) as file:
        for name in file.names:
            file.read(name)


def test_another_length_of_numbers_than_the_shape_says_is_refused(tmp_path: Path) -> None:
    element = matrix("<", "x", np.ones((2, 3)), stored=(9, "f8"))
    element = element.replace(struct.pack("<ii", 2, 3), struct.pack("<ii", 2, 4))
    path = mat_file(tmp_path / "a.mat", "<", [element])

    with MatFile(path) as file, pytest.raises(MatError, match=r"48 bytes for .*\(2, 4\)"):
        file.read("x")
