"""What a bundle carries of its source people so that adaptation can do without their windows.

Not a window is in it: for all windows and for every class, the mean of random Fourier features of
the network's fused features, each mean over many windows of several people. That many are enforced
here. Beside them may lie the consensus: one linear map per modality from features to classes. It is
not a proof of anonymity: the means describe how the features are distributed, which is their
purpose.
"""

from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hadua.models.errors import BundleError
from hadua.models.safetensors_file import load_arrays

FUSED_WIDTH = 384
"""Width of the network's fused features (`network.FUSED_WIDTH`, which would import torch)."""
MIN_WINDOWS = 100
"""Fewest windows of a class behind a mean that a bundle carries."""
MIN_PEOPLE = 3
"""Fewest people they are of."""

_ROUNDING = 1e-3


def _nothing() -> npt.NDArray[np.float32]:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class SourceStatistics:
    """Kernel mean embeddings of source features by random Fourier features, as plain arrays.

    The D = 2 n_kernels n_features random features of a row x are `cos(w (x - centre))` for all
    frequencies w, kernel by kernel, then the sines, all divided by `sqrt(n_features)`.

    Args:
        frequencies: `(n_kernels, n_features, d)`, float32.
        bandwidth: `(1,)`, squared width of the narrowest kernel.
        centre: `(d,)`, mean of the features.
        mean: `(D,)`, mean random features of all windows.
        class_means: `(n_classes, D)`, of the windows of each class.
        windows: `(n_classes,)`, int64, how many windows each class has.
        people: `(n_classes,)`, int64, of how many people.
        consensus_eeg: `(n_eeg, n_classes)`, what the people's EEG agrees on; no rows and no columns
            if nothing is known of it.
        consensus_eye: `(n_eye, n_classes)`, likewise of their eyes.
    """

    frequencies: npt.NDArray[np.float32]
    bandwidth: npt.NDArray[np.float32]
    centre: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    class_means: npt.NDArray[np.float32]
    windows: npt.NDArray[np.int64]
    people: npt.NDArray[np.int64]
    consensus_eeg: npt.NDArray[np.float32] = field(default_factory=_nothing)
    consensus_eye: npt.NDArray[np.float32] = field(default_factory=_nothing)

    COUNTS: ClassVar[tuple[str, str]] = ("windows", "people")
    OPTIONAL: ClassVar[tuple[str, str]] = ("consensus_eeg", "consensus_eye")

    @property
    def has_consensus(self) -> bool:
        """Whether it says what the source people agree on."""
        return bool(self.consensus_eeg.shape[1])

    def to_bytes(self) -> bytes:
        """The stored form; the same statistics give the same bytes."""
        # Here and below imported late: serving a bundle without statistics needs no safetensors.
        from safetensors.numpy import save

        absent = () if self.has_consensus else self.OPTIONAL
        names = [f.name for f in fields(self) if f.name not in absent]
        return save({name: np.ascontiguousarray(getattr(self, name)) for name in names})


def parse_source_statistics(content: bytes, *, n_classes: int, where: str) -> SourceStatistics:
    """Read the stored form and check it.

    Args:
        content: What `to_bytes` gave.
        n_classes: Number of classes of the bundle.
        where: What the error names.

    Raises:
        BundleError: not such a file, arrays of other shapes, values that cannot be, or a mean over
            fewer than `MIN_WINDOWS` windows or `MIN_PEOPLE` people.
    """
    arrays = _arrays(content, where=where)
    floats = {name: a.astype(np.float32) for name, a in arrays.items()}
    counts = {name: arrays[name].astype(np.int64) for name in SourceStatistics.COUNTS}
    statistics = SourceStatistics(
        frequencies=floats["frequencies"],
        bandwidth=floats["bandwidth"],
        centre=floats["centre"],
        mean=floats["mean"],
        class_means=floats["class_means"],
        windows=counts["windows"],
        people=counts["people"],
        consensus_eeg=floats.get("consensus_eeg", _nothing()),
        consensus_eye=floats.get("consensus_eye", _nothing()),
    )
    require_source_statistics(statistics, n_classes=n_classes, where=where)
    return statistics


def require_source_statistics(
    statistics: SourceStatistics, *, n_classes: int, where: str, width: int = FUSED_WIDTH
) -> None:
    """Raise `BundleError` unless a bundle of so many classes may carry these statistics."""
    _require_shapes(statistics, n_classes=n_classes, width=width, where=where)
    _require_values(statistics, where=where)
    for name, least in (("windows", MIN_WINDOWS), ("people", MIN_PEOPLE)):
        counts = getattr(statistics, name)
        if counts.min() < least:
            raise BundleError(
                f"{where}: too few {name} behind the mean of class {int(counts.argmin())}",
                got=str(int(counts.min())),
                expected=f"{least} or more of every class",
                hint="A mean over so few would come close to their data: leave it out.",
            )


def _arrays(content: bytes, *, where: str) -> dict[str, npt.NDArray[np.generic]]:
    try:
        arrays = load_arrays(content)
    except ValueError as error:
        raise BundleError(
            f"{where}: not a safetensors file", got=str(error), hint="Copy the bundle again."
        ) from error
    expected = {f.name: _dtype(f.name) for f in fields(SourceStatistics)}
    got = {name: a.dtype for name, a in arrays.items()}
    if not set(got) & set(SourceStatistics.OPTIONAL):  # of before there was a consensus, or of few
        expected = {n: d for n, d in expected.items() if n not in SourceStatistics.OPTIONAL}
    if got != expected:
        raise BundleError(
            f"{where}: other arrays than those of source statistics",
            got=_names(got),
            expected=_names(expected),
            hint="Export the bundle again.",
        )
    return arrays


def _require_shapes(s: SourceStatistics, *, n_classes: int, width: int, where: str) -> None:
    kernels, features = s.frequencies.shape[:2] if s.frequencies.ndim == 3 else (0, 0)
    dimension = 2 * kernels * features
    expected = {
        "frequencies": (max(kernels, 1), max(features, 1), width),
        "bandwidth": (1,),
        "centre": (width,),
        "mean": (dimension,),
        "class_means": (n_classes, dimension),
        "windows": (n_classes,),
        "people": (n_classes,),
    }
    if s.has_consensus:
        for name in s.OPTIONAL:
            rows = getattr(s, name).shape[0]
            expected[name] = (rows, n_classes)
    for name, shape in expected.items():
        if (got := getattr(s, name).shape) != shape:
            raise BundleError(
                f"{where}: shape of {name!r}",
                got=str(got),
                expected=str(shape),
                hint="It belongs to another bundle; export this one again.",
            )


def _require_values(s: SourceStatistics, *, where: str) -> None:
    for f in fields(s):
        if not np.isfinite(getattr(s, f.name)).all():
            raise BundleError(
                f"{where}: {f.name!r} holds a value that is not finite",
                hint="Export the bundle again.",
            )
    if not s.bandwidth[0] > 0:
        raise BundleError(f"{where}: bandwidth", got=f"{s.bandwidth[0]:g}", expected="above 0")
    cosines, sines = np.split(np.vstack((s.mean, s.class_means)).astype(np.float64), 2, axis=1)
    length = np.sqrt((cosines**2 + sines**2) * s.frequencies.shape[1]).max()
    if length > 1.0 + _ROUNDING:
        raise BundleError(
            f"{where}: values that are no mean of random Fourier features",
            got=f"a mean of cosine and sine of length {length:.4g}",
            expected="1 at most",
            hint="The file was changed; export the bundle again.",
        )
    if (s.people > s.windows).any():
        raise BundleError(f"{where}: more people than windows in a class")


def _dtype(name: str) -> np.dtype[np.generic]:
    return np.dtype(np.int64 if name in SourceStatistics.COUNTS else np.float32)


def _names(dtypes: dict[str, np.dtype[np.generic]]) -> str:
    return ", ".join(f"{name} {dtypes[name]}" for name in sorted(dtypes)) or "nothing"
