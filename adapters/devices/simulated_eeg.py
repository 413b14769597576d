"""Imitated EEG amplifiers, as their programs' sources (named in the presets) make their outlets."""

from collections.abc import Mapping

import numpy as np

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.devices.simulated import (
    SimulatedChannel,
    SimulatedDevice,
    SimulatedOutlet,
    Value,
    constant,
    number,
)

_TEN_TWENTY = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8"),
    *("P7", "P3", "Pz", "P4", "P8", "O1", "O2", "FC1", "FC2", "CP1", "CP2", "FC5"),
    *("FC6", "CP5", "CP6", "PO3", "PO4", "Oz", "AF3", "AF4"),
)
_ACTICAP = (
    *("Fp1", "Fz", "F3", "F7", "F9", "FC5", "FC1", "C3", "T7", "CP5", "CP1"),
    *("Pz", "P3", "P7", "P9", "O1", "Oz", "O2", "P10", "P8", "P4", "CP2"),
    *("CP6", "T8", "C4", "Cz", "FC2", "FC6", "F10", "F8", "F4", "Fp2"),
)
_QUIK_CAP = (*SEED_62[:32], "M1", *SEED_62[32:41], "M2", *SEED_62[41:])
_BIOSEMI_64 = (
    *("Fp1", "AF7", "AF3", "F1", "F3", "F5", "F7", "FT7", "FC5", "FC3", "FC1"),
    *("C1", "C3", "C5", "T7", "TP7", "CP5", "CP3", "CP1", "P1", "P3", "P5"),
    *("P7", "P9", "PO7", "PO3", "O1", "Iz", "Oz", "POz", "Pz", "CPz", "Fpz"),
    *("Fp2", "AF8", "AF4", "AFz", "Fz", "F2", "F4", "F6", "F8", "FT8", "FC6"),
    *("FC4", "FC2", "FCz", "Cz", "C2", "C4", "C6", "T8", "TP8", "CP6", "CP4"),
    *("CP2", "P2", "P4", "P6", "P8", "P10", "PO8", "PO4", "O2"),
)
_EPOC = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_MICROVOLTS_PER_COUNT = 0.05


def electrode(k: int, *, times: float = 1.0, above: float = 0.0) -> Value:
    """What the electrode of number `k` measures: microvolts times `times`, `above` zero."""
    return lambda samples: np.asarray(samples.eeg_uv(k) * times + above)


def _eeg(label: str, k: int, *, unit: str = "microvolts") -> SimulatedChannel:
    return SimulatedChannel({"label": label, "type": "EEG", "unit": unit}, electrode(k))


def _extra(label: str, kind: str, value: Value, *, unit: str = "") -> SimulatedChannel:
    return SimulatedChannel({"label": label, "type": kind, "unit": unit}, value)


def _places(electrodes: tuple[str, ...], *, first: int = 0) -> Mapping[int, str]:
    return {first + i: name for i, name in enumerate(electrodes)}


def _actichamp() -> SimulatedDevice:
    """32 electrodes that are named by numbers, inputs, markers and a counter in one stream."""
    channels = (
        *(_eeg(str(i + 1), i) for i in range(32)),
        *(_extra(f"AUX_{i}", "AUX", constant(900.0), unit="microvolts") for i in range(1, 9)),
        _extra("Markers", "Markers", constant(-1.0)),
        _extra("SampleCounter", "SampleCounter", number()),
    )
    outlet = SimulatedOutlet(
        *("actiCHamp-17080123", "EEG", channels, 500.0, 500.0, "17080123"),
        chunk=10,
        says=(("acquisition/manufacturer", "Brain Products"),),
    )
    source = "lsl:name=actiCHamp-17080123,preset=actichamp"
    return SimulatedDevice("actichamp", outlet, source, _places(_ACTICAP))


def _biosemi(*, abc: bool) -> SimulatedDevice:
    """Unreferenced, the computer's name for a source_id, a trigger channel in front."""
    electrodes = _BIOSEMI_64 if abc else _TEN_TWENTY
    own = [f"{'AB'[i // 32]}{1 + i % 32}" for i in range(64)] if abc else electrodes
    channels = (
        _extra("Trig1", "Trigger", constant(0.0), unit="microvolts"),
        *(_eeg(label, i) for i, label in enumerate(own)),
        *(_extra(f"EX{i}", "EXG", constant(70.0), unit="microvolts") for i in range(1, 9)),
    )
    source_id = "lab-pc-3" if abc else "lab-pc-4"
    says = (
        ("cap/labelscheme", "BioSemi-ABC" if abc else "Rita-MoBI-2010-7"),
        ("reference/subtracted", "No"),
        ("reference/label", "EX1"),
        ("acquisition/manufacturer", "BioSemi"),
    )
    outlet = SimulatedOutlet(
        "BioSemi", "EEG", channels, 512.0, 512.0, source_id, chunk=16, says=says
    )
    source = f"lsl:name=BioSemi,source_id={source_id}"
    name = "biosemi-abc" if abc else "biosemi"
    return SimulatedDevice(name, outlet, source, _places(electrodes, first=1))


def _neuroscan() -> SimulatedDevice:
    """Raw 32-bit counts, no labels, one source_id for all, an event channel behind."""
    channels = (
        *(
            SimulatedChannel(None, electrode(i, times=1.0 / _MICROVOLTS_PER_COUNT))
            for i in range(64)
        ),
        SimulatedChannel(None, constant(0.0)),
    )
    outlet = SimulatedOutlet(
        *("Neuroscan", "EEG", channels, 1000.0, 1000.0, "Neuroscan_sdetsff", "int32", 20),
        says=(("settings/Resolusion", f"{_MICROVOLTS_PER_COUNT:g}"),),
    )
    source = "lsl:name=Neuroscan,preset=neuroscan"
    return SimulatedDevice("neuroscan", outlet, source, _places(_QUIK_CAP))


def _gtec() -> SimulatedDevice:
    """A g.Nautilus: accelerometer, counter, link, battery, inputs among the electrodes."""
    channels = (
        *(_eeg(label, i, unit="uV") for i, label in enumerate(_TEN_TWENTY)),
        *(_extra(f"ACC {a}", "Accelerometer", constant(0.3), unit="g") for a in "XYZ"),
        _extra("Counter", "Counter", number(), unit="samples"),
        _extra("Link Quality", "LinkQuality", constant(90.0), unit="unknown"),
        _extra("Battery Level", "BatteryLevel", constant(80.0), unit="unknown"),
        _extra("Digital IOs", "DigitalIOs", constant(0.0), unit="unknown"),
        _extra("Validation Indicator", "ValidationIndicator", constant(1.0), unit="unknown"),
    )
    outlet = SimulatedOutlet(
        *("NA-2020.01.01", "EEG", channels, 250.0, 250.0, "NA-2020.01.01"),
        chunk=8,
        says=(("acquisition/manufacturer", "g.Tec"), ("acquisition/model", "NA-2020.01.01")),
    )
    return SimulatedDevice("gtec", outlet, "lsl:name=NA-2020.01.01", _places(_TEN_TWENTY))


def _muse() -> SimulatedDevice:
    """Chunks of 12; its other streams have the same name and source_id."""
    electrodes = ("TP9", "AF7", "AF8", "TP10")
    aux = _extra("Right AUX", "EEG", constant(-1000.0), unit="microvolts")
    channels = (*(_eeg(label, i) for i, label in enumerate(electrodes)), aux)
    motion = tuple(
        _extra(label, "accelerometer", constant(0.1), unit="g") for label in ("X", "Y", "Z")
    )
    name, source_id, says = "Muse", "Muse00:55:DA:B0:12:34", (("manufacturer", "Muse"),)
    outlet = SimulatedOutlet(name, "EEG", channels, 256.0, 256.0, source_id, chunk=12, says=says)
    acc = SimulatedOutlet(name, "ACC", motion, 52.0, 52.0, source_id, says=says)
    return SimulatedDevice("muse", outlet, "lsl:name=Muse,type=EEG", _places(electrodes), (acc,))


def _openbci() -> SimulatedDevice:
    """Name and type as typed, no labels, every stream with one source_id."""
    electrodes = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    channels = tuple(SimulatedChannel(None, electrode(i)) for i in range(8))
    motion = tuple(SimulatedChannel(None, constant(0.0)) for _ in range(3))
    outlet = SimulatedOutlet("obci_eeg1", "EEG", channels, 250.0, 250.0, "openbcigui", chunk=8)
    aux = SimulatedOutlet("obci_eeg2", "AUX", motion, 250.0, 250.0, "openbcigui", chunk=8)
    source = "lsl:name=obci_eeg1,preset=openbci"
    return SimulatedDevice("openbci", outlet, source, _places(electrodes), (aux,))


def _emotiv() -> SimulatedDevice:
    """Time stamp, counter, flags and markers among the electrodes, which are far above zero."""
    before = (("Timestamp", number()), ("Counter", number()), ("Interpolate", constant(0.0)))
    after = (("HardwareMarker", constant(0.0)), ("Markers", constant(0.0)))
    channels = (
        *(SimulatedChannel({"label": label}, value) for label, value in before),
        *(
            SimulatedChannel({"label": label}, electrode(i, above=4200.0))
            for i, label in enumerate(_EPOC)
        ),
        *(SimulatedChannel({"label": label}, value) for label, value in after),
    )
    outlet = SimulatedOutlet(
        "EmotivDataStream-EEG", "EEG", channels, 128.0, 128.0, "EPOCX-E202073D", chunk=4
    )
    return SimulatedDevice(
        "emotiv", outlet, "lsl:name=EmotivDataStream-EEG", _places(_EPOC, first=3)
    )


EEG_DEVICES: tuple[SimulatedDevice, ...] = (
    _actichamp(),
    _biosemi(abc=False),
    _biosemi(abc=True),
    _neuroscan(),
    _gtec(),
    _muse(),
    _openbci(),
    _emotiv(),
)
"""One imitation for each preset of an EEG amplifier."""
