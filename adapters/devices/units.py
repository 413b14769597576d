"""Units of electric potential as devices write them, in microvolts.

One rule for EEG and gaze: a unit that is not said is assumed, aloud (EEG: microvolts; gaze: 0 to 1
across the screen; pupil: millimetres), and the report lists it. A unit that is said but is none
that we know is refused: the number may mean anything.
"""

_FACTORS: dict[str, float] = {
    **dict.fromkeys(("microvolt", "microvolts", "micro volt", "micro volts"), 1.0),
    **dict.fromkeys(("uv", "uvolt", "uvolts", "\u03bcv", "\u03bcvolt", "\u03bcvolts"), 1.0),
    **dict.fromkeys(("millivolt", "millivolts", "mv"), 1e3),
    **dict.fromkeys(("volt", "volts", "v"), 1e6),
    **dict.fromkeys(("nanovolt", "nanovolts", "nv"), 1e-3),
    # mne-lsl writes the unit as a power of ten of the volt: its player sends "0".
    **{str(power): 10.0 ** (power + 6) for power in (0, -3, -6, -9)},
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
        "adu",
        "digital",
        "code",
        "codes",
        "int",
        "au",
        "a.u.",
        "arbitrary",
        "normalized",
    )
)

_UNSAID = frozenset(("", "unknown", "unspecified", "none", "n/a", "na", "nan", "null", "-", "?"))


def is_said(unit: str) -> bool:
    """Whether `unit` says anything at all."""
    return unit.strip().casefold() not in _UNSAID


def microvolts_per(unit: str) -> float | None:
    """How many microvolts one `unit` is; None if it is not a unit of potential that we know.

    Upper and lower case are the same, so `MV` is read as millivolts: no electrode delivers
    megavolts. Both code points of the letter mu (micro sign and Greek letter) are known.
    """
    return _FACTORS.get(_folded(unit))


def is_raw_counts(unit: str) -> bool:
    """Whether `unit` says that the values are converter counts or otherwise without a scale."""
    return not _RAW.isdisjoint(_folded(unit).split())


def _folded(unit: str) -> str:
    # Case folding turns the micro sign U+00B5 into the Greek letter U+03BC.
    folded = " ".join(unit.casefold().replace("_", " ").split())
    return folded if folded in _FACTORS else " ".join(folded.replace("-", " ").split())
