import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.feature_checks import assert_equal
from support.official_files import write_official
from support.seed_files import write_seed
from support.seed_iv_files import write_seed_iv
from support.seed_v_files import write_seed_v
from support.seed_vii_files import write_seed_vii

from hadua.adapters.datasets.library import READERS, read_features
from hadua.models.errors import UsageError

WRITERS: dict[str, Callable[[Path], Path]] = {
    "seed": write_seed,
    "seed-iv": write_seed_iv,
    "seed-v": write_seed_v,
    "seed-vii": write_seed_vii,
    "official": write_official,
}


def test_every_reader_is_tested_by_name() -> None:
    assert list(READERS) == list(WRITERS)


@pytest.mark.parametrize("name", WRITERS)
def test_a_data_set_is_read_by_its_name(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    reports: list[tuple[int, int]] = []

    data = read_features(
        name, root, allow_pickle=True, on_file=lambda done, total: reports.append((done, total))
    )

    assert data.name == name
    assert_equal(data, READERS[name](root, allow_pickle=True, on_file=lambda done, total: None))
    assert reports[-1] == (len(data.hashes), len(data.hashes))
    assert data.licence
    assert data.provenance


def test_another_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"'deap': .*expected seed, seed-iv, seed-v, seed-vii, official"
    ):
        read_features("deap", tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_reading_needs_neither_scipy_nor_torch(tmp_path: Path, name: str) -> None:
    code = (
        "import sys, pathlib\n"
        "from hadua.adapters.datasets.library import read_features\n"
        f"read_features({name!r}, pathlib.Path(sys.argv[1]), allow_pickle=True)\n"
        "print({'scipy', 'torch', 'pandas'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, WRITERS[name](tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "set()"
