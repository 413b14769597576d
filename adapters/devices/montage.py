"""Electrode names: the 62 of SEED, and one spelling for the many that devices use."""

import re
from collections.abc import Mapping
from types import MappingProxyType

SEED_62: tuple[str, ...] = (
    *("FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6"),
    *("F8", "FT7", "FC5", "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8"),
    *("T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8"),
    *("TP7", "CP5", "CP3", "CP1", "CPZ", "CP2", "CP4", "CP6", "TP8"),
    *("P7", "P5", "P3", "P1", "PZ", "P2", "P4", "P6", "P8"),
    *("PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8", "CB1", "O1", "OZ", "O2", "CB2"),
)
"""The channels of the SEED data sets in the order of their files."""

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "T3": "T7",
        "T4": "T8",
        "T5": "P7",
        "T6": "P8",
        "A1": "M1",
        "A2": "M2",
        "PO9": "CB1",
        "PO10": "CB2",
    }
)
"""Other names of the same places: those of the first 10-20 system; ear lobe and mastoid, ten
degrees apart; and Neuroscan's CB1 and CB2 (see `electrodes`)."""

_PREFIX = re.compile(r"^EEG[\s_:.-]*(?=[A-Z])")
_REFERENCE = re.compile(r"[\s_-]*[-_\s](REF|LE|RE|AVG|AVE|AR|CAR|AA|A1|A2|A1A2|M1|M2)$")
_ELECTRODE = re.compile(
    r"(FP|AFP|AF|AFF|F|FFT|FFC|FT|FC|FTT|FCC|T|C|TTP|CCP|TP|CP|TPP|CPP|P|PPO|PO|POO|O|I|CB|N|A|M)"
    r"(Z|\d{1,2}H?)"
)


def canonical(label: str) -> str:
    """Spell an electrode's name the one way that models use: `EEG Fp1-REF` is `FP1`, `t3` is `T7`.

    A name with a second electrode behind a dash (`FP1-F7`, a bipolar derivation) is another signal
    and keeps it; only names of common references are taken off.
    """
    name = _PREFIX.sub("", label.strip().upper())
    name = _REFERENCE.sub("", name).strip(" .")
    return SYNONYMS.get(name, name)


def is_electrode(label: str) -> bool:
    """Whether the name is one of the 10-20, 10-10 or 10-5 kind, whatever a model thinks of it."""
    return _ELECTRODE.fullmatch(canonical(label)) is not None
