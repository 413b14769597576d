"""The licensed data sets by name."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from hadua.adapters.datasets.feature_files import OnFile, no_report
from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.adapters.datasets.official_export import read_official
from hadua.adapters.datasets.seed import read_seed
from hadua.adapters.datasets.seed_iv import read_seed_iv
from hadua.adapters.datasets.seed_v import read_seed_v
from hadua.adapters.datasets.seed_vii import read_seed_vii
from hadua.models.errors import UsageError


class Reader(Protocol):
    """Reads a data set as its holders have it."""

    def __call__(self, root: Path, *, allow_pickle: bool, on_file: OnFile) -> FeatureSet:
        """Read the folder that it was unpacked into."""
        ...


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "seed": read_seed,
        "seed-iv": read_seed_iv,
        "seed-v": read_seed_v,
        "seed-vii": read_seed_vii,
        "official": read_official,
    }
)
"""Readers by the name that commands use."""


def read_features(
    name: str, root: Path, *, allow_pickle: bool = False, on_file: OnFile = no_report
) -> FeatureSet:
    """Read a data set by name.

    Args:
        name: One of `READERS`.
        root: Folder that it was unpacked into.
        allow_pickle: Permission to read pickled data.
        on_file: Called with the number of files read and their total.

    Raises:
        UsageError: no such name; lists the names there are.
        RecordingError: what is there is not as published.
    """
    if name not in READERS:
        raise UsageError(
            f"data set {name!r}", got="no reader of that name", expected=f"{', '.join(READERS)}"
        )
    return READERS[name](root, allow_pickle=allow_pickle, on_file=on_file)
