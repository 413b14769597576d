"""How often each fault of the simulator is found, and how often one is seen that is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.eye_extractor import EyeExtractor
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.adapters.sources.simulated_faults import Faults, parse_faults
from hadua.adapters.sources.simulator import Simulation, make_pair
from hadua.adapters.sources.source import EndOfStreamError
from hadua.models.features import FeatureWindow, Modality
from hadua.models.quality import EegQuality, EyeState, Flag, GazeQuality

EEG, EYE = Modality.EEG, Modality.EYE


@dataclass(frozen=True)
class Rates:
    """Shares of windows of one fault, and how many windows each is of.

    Args:
        whole: Windows that lie wholly inside the fault in which it was found.
        touched: Windows that hold some of it, but not only, in which it was found.
        beside: Channels (or eyes) of windows without any of it that were called bad all the same.
    """

    whole: float
    touched: float
    beside: float
    n_whole: int
    n_touched: int
    n_beside: int


@cache
def windows(
    modality: Modality, *, person: int = 3, seconds: float, faults: str = ""
) -> tuple[FeatureWindow, ...]:
    """The windows of a simulated person, extracted as they are live."""
    pair = make_pair(
        Simulation(person=person, seed=person),
        origin_s=0.0,
        speed=None,
        duration_s=seconds,
        faults=Faults(parse_faults(faults)),
    )
    source = next(s for s in pair if s.modality is modality)
    stream = source.open(1.0)
    extractor: EegExtractor | EyeExtractor
    if modality is EEG:
        extractor = EegExtractor(stream, eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5))
    else:
        spec = eye_feature_spec(window_s=4.0, hop_s=0.5)
        extractor = EyeExtractor(stream, spec, screen=Screen())
    out: list[FeatureWindow] = []
    try:
        while (chunk := source.read(1.0)) is not None:
            out += extractor.push(chunk)
    except EndOfStreamError:
        source.close()
    return tuple(out)


def eeg_rates(
    name: str, flag: Flag, *, person: int = 3, start_s: float = 6.0, length_s: float = 8.0
) -> Rates:
    """Of a fault of the EEG, by the flag that should find it."""
    fault = f"{name}@{start_s}+{length_s}"
    found = windows(EEG, person=person, seconds=start_s + length_s + 6.0, faults=fault)
    target = name.partition(":")[2]
    hit = {target} if target else set(SEED_62)
    whole: list[bool] = []
    touched: list[bool] = []
    beside: list[bool] = []
    for w in found:
        assert isinstance(w.signal, EegQuality), w.reason
        inside = min(w.end_s, start_s + length_s) - max(w.start_s, start_s)
        for channel in w.signal.channels():
            if channel.name not in hit or inside <= 0.0:
                beside.append(channel.name in w.signal.bad_names)
            elif inside >= w.end_s - w.start_s - 1e-9:
                whole.append(flag in channel.flags and channel.name in w.signal.bad_names)
            else:
                touched.append(channel.name in w.signal.bad_names)
    return _rates(whole, touched, beside)


def gaze_rates(
    name: str,
    states: dict[str, EyeState],
    *,
    person: int = 3,
    start_s: float = 12.0,
    length_s: float = 10.0,
) -> Rates:
    """Of a fault of the gaze, by the state that each eye that it hits should have."""
    fault = f"{name}@{start_s}+{length_s}"
    found = windows(EYE, person=person, seconds=start_s + length_s + 10.0, faults=fault)
    whole: list[bool] = []
    touched: list[bool] = []
    beside: list[bool] = []
    for w in found:
        assert isinstance(w.signal, GazeQuality), w.reason
        inside = min(w.end_s, start_s + length_s) - max(w.start_s, start_s)
        for eye in w.signal.eyes:
            if eye.eye not in states or inside <= 0.0:
                beside.append(eye.state is not EyeState.GOOD)
            elif inside >= w.end_s - w.start_s - 1e-9:
                whole.append(eye.state is states[eye.eye])
            elif inside > 0.6 * (w.end_s - w.start_s):
                touched.append(eye.state is states[eye.eye])
    return _rates(whole, touched, beside)


def _rates(whole: Sequence[bool], touched: Sequence[bool], beside: Sequence[bool]) -> Rates:
    def share(hits: Sequence[bool]) -> float:
        return sum(hits) / len(hits) if hits else float("nan")

    n_each = len(whole), len(touched), len(beside)
    return Rates(share(whole), share(touched), share(beside), *n_each)
