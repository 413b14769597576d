"""Reads safetensors with a bound on what their header may hold.

The library itself checks that shapes, types and places of all arrays fit the bytes that are there;
it would read a header of 100 MB, some million arrays of nothing.
"""

import struct

import numpy as np
import numpy.typing as npt

MOST_HEADER_BYTES = 2**20  # a few hundred arrays are a few ten thousand
Arrays = dict[str, npt.NDArray[np.generic]]


def load_arrays(content: bytes) -> Arrays:
    """The arrays by name.

    Raises:
        ValueError: no such file, a header that is too large, or types that numpy does not have.
    """
    # Imported late: serving a bundle without statistics needs no safetensors.
    from safetensors import SafetensorError
    from safetensors.numpy import load

    require_small_header(content)
    try:
        return load(content)
    except (SafetensorError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from error


def require_small_header(content: bytes) -> None:
    """Raise `ValueError` for a header that is larger than any of ours, or than the file."""
    if len(content) < 8:
        raise ValueError(f"a file of {len(content)} bytes")
    (n_bytes,) = struct.unpack_from("<Q", content)
    if n_bytes > min(MOST_HEADER_BYTES, len(content) - 8):
        raise ValueError(f"a header of {n_bytes} bytes, {MOST_HEADER_BYTES} at most")
