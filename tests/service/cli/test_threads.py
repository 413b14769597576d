"""How many threads the commands give to numpy."""

import os
import subprocess
import sys

import pytest

_ASKED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SCRIPT = (
    "import hadua.service.cli.main, numpy as np\n"
    "from threadpoolctl import threadpool_info\n"
    "print(*{i['num_threads'] for i in threadpool_info() if i['internal_api'] == 'openblas'})\n"
)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one core")
@pytest.mark.parametrize(
    ("asked", "given"),
    [({}, "1"), ({"OMP_NUM_THREADS": "2"}, "2"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")],
)
def test_a_product_of_small_matrices_waits_for_no_other_thread(
    asked: dict[str, str], given: str
) -> None:
    left = {k: v for k, v in os.environ.items() if k not in _ASKED}
    found = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env=left | asked,
        capture_output=True,
        text=True,
        timeout=30.0,
        check=True,
    )
    assert found.stdout.strip() in {given, ""}  # empty: numpy with another library
