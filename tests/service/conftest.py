"""What tests of the service share."""

from pathlib import Path

import pytest
from support.keeping import new_data_folder


@pytest.fixture
def new_folder(tmp_path: Path) -> Path:
    """A data folder with an empty database."""
    return new_data_folder(tmp_path / "data")
