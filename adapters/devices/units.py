"""Units of electric potential as devices write them, in microvolts."""

_FACTORS: dict[str, float] = {
    **dict.fromkeys(("microvolt", "microvolts", "micro volt", "micro volts", "uv", "\u03bcv"), 1.0),
    **dict.fromkeys(("millivolt", "millivolts", "mv"), 1e3),
    **dict.fromkeys(("volt", "volts", "v"), 1e6),
    **dict.fromkeys(("nanovolt", "nanovolts", "nv"), 1e-3),
}
_RAW = frozenset(
    (
        "count",
        "counts",
        "raw",
        "adc",
        "lsb",
        "bits",
        "ticks",
        "au",
        "a.u.",
        "arbitrary",
        "normalized",
    )
)


def microvolts_per(unit: str) -> float | None:
    """How many microvolts one `unit` is; None if it is not a unit of potential that we know.

    Upper and lower case are the same, so `MV` is read as millivolts: no electrode delivers
    megavolts. Both code points of the letter mu (micro sign and Greek letter) are known.
    """
    return _FACTORS.get(_folded(unit))


def is_raw_counts(unit: str) -> bool:
    """Whether `unit` says that the values are converter counts or otherwise without a scale."""
    return _folded(unit) in _RAW


def _folded(unit: str) -> str:
    # Case folding turns the micro sign U+00B5 into the Greek letter U+03BC.
    return " ".join(unit.casefold().replace("-", " ").replace("_", " ").split())
