"""Where electrodes sit on the head, by name.

`electrodes.csv` has the 10-05 system (Oostenveld & Praamstra 2001,
doi:10.1016/S1388-2457(00)00527-7) as measured on the template head Colin27, from the table that MNE
calls `colin27_1005` (`standard_1005` in older versions): directions from the centre of the sphere
that fits SEED's 62 electrodes best, x to the right, y to the front, z up.

`CB1` and `CB2` of Neuroscan's caps (and so of SEED) are no names of that system. They are put at
`PO9` and `PO10`, where the table `colin27_postfixed` of the same source has its Cb1 and Cb2.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hadua.adapters.devices.montage import canonical
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

_FILE = Path(__file__).with_name("electrodes.csv")


@cache
def electrode_table() -> Mapping[str, tuple[float, float, float]]:
    """Unit vector of every electrode known, by its canonical name."""
    rows = (line.split(",") for line in _FILE.read_text(encoding="utf-8").splitlines()[1:])
    return MappingProxyType({name: (float(x), float(y), float(z)) for name, x, y, z in rows})


def has_place(name: str) -> bool:
    """Whether it is known where the electrode sits."""
    return canonical(name) in electrode_table()


def electrode_positions(names: Iterable[str]) -> FloatArray:
    """Directions `(n, 3)` of electrodes, in the order of `names`, however they are spelled.

    Raises:
        InvalidInputError: a name whose place is not known.
    """
    names = tuple(names)
    table = electrode_table()
    unknown = [name for name in names if canonical(name) not in table]
    if unknown:
        raise InvalidInputError(
            "place of an electrode",
            got=", ".join(map(repr, unknown[:6])),
            expected="a name of the 10-05 system, or CB1, CB2, A1, A2, M1, M2",
        )
    return np.array([table[canonical(name)] for name in names], np.float64).reshape(-1, 3)
