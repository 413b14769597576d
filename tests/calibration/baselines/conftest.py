"""One thread for all of torch: networks this small lose by more, all the more on a busy machine."""

from collections.abc import Iterator

import pytest

from hadua.calibration.chance import one_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield
