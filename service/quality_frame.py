"""From the quality of a window's signal to the frame that clients get."""

from collections.abc import Mapping

import numpy as np

from hadua.adapters.features.band_power import BandPower, band_power
from hadua.models.features import FeatureWindow, FloatArray, Modality
from hadua.models.quality import EegQuality, EyeQuality, GazeQuality, SignalQuality
from hadua.service.wire import (
    BandsPart,
    EegQualityPart,
    EyePart,
    EyeQualityPart,
    PredictionFrame,
    QualityFrame,
)

EVERY_S = 1.0
"""Least distance between two quality frames, in seconds of signal."""

_DIGITS = 3
_TENS = np.array([float(f"1e{k}") for k in range(23)])  # those that a double holds exactly


def quality_frame(
    answer: PredictionFrame,
    signals: Mapping[Modality, SignalQuality],
    *,
    seq: int,
    windows: Mapping[Modality, FeatureWindow] | None = None,
) -> QualityFrame:
    """The frame that follows a prediction; `windows` are what it was made from."""
    eeg, eye = signals.get(Modality.EEG), signals.get(Modality.EYE)
    window = (windows or {}).get(Modality.EEG)
    power = None if window is None else band_power(window)
    return QualityFrame(
        session_id=answer.session_id,
        epoch=answer.epoch,
        seq=seq,
        start_s=answer.start_s,
        end_s=answer.end_s,
        time_unix=answer.time_unix,
        modalities=answer.modalities,
        eeg=eeg_part(eeg) if isinstance(eeg, EegQuality) else None,
        eye=eye_part(eye) if isinstance(eye, GazeQuality) else None,
        bands=None if power is None else bands_part(power),
    )


def bands_part(power: BandPower) -> BandsPart:
    """Power by band and region as it is sent."""
    return BandsPart(
        names=power.bands,
        low_hz=tuple(low for low, _ in power.ranges_hz),
        high_hz=tuple(high for _, high in power.ranges_hz),
        channels=dict(power.channels),
        power_uv2=_all_shortened(power.power_uv2),
    )


def eeg_part(quality: EegQuality) -> EegQualityPart:
    """EEG as it is sent."""
    return EegQualityPart(
        names=quality.names,
        states=tuple(map(str, quality.states())),
        flags={name: tuple(map(str, flags)) for name, flags in quality.flagged().items()},
        interpolated=quality.interpolated_names,
        left_out=quality.left_out_names,
        numbers=_all_shortened(quality.numbers_in_order()),
    )


def eye_part(quality: GazeQuality) -> EyeQualityPart:
    """Eyes as they are sent."""
    left, right = map(_eye, quality.eyes)
    return EyeQualityPart(
        left=left,
        right=right,
        blink_share=round(quality.blink_share, _DIGITS),
        blinks_per_s=round(quality.blinks_per_s, _DIGITS),
    )


def _eye(eye: EyeQuality) -> EyePart:
    return EyePart(
        state=str(eye.state),
        measured=round(eye.measured, _DIGITS),
        on_screen=None if eye.on_screen is None else round(eye.on_screen, _DIGITS),
    )


def _all_shortened(values: Mapping[str, FloatArray]) -> dict[str, tuple[float | None, ...]]:
    """Of each name as many; at once, for each call of numpy takes longer than what it does."""
    if not values:
        return {}
    short, n = shortened(np.concatenate(list(values.values()))), len(next(iter(values.values())))
    return {name: tuple(short[k * n : (k + 1) * n]) for k, name in enumerate(values)}


def shortened(values: FloatArray) -> list[float | None]:
    """With three digits each: more of them nobody can read, and they are most of the frame.

    Args:
        values: `(n,)`, of any unit; what is not finite is None.
    """
    there = np.isfinite(values)
    x = np.where(there, values, 0.0)
    size = np.where(x == 0.0, 1.0, np.abs(x))
    places = np.clip(_DIGITS - 1 - np.floor(np.log10(size)).astype(np.intp), -22, 22)
    tens = _TENS[np.abs(places)]
    # By powers of ten that are exact, so that what comes out is the double next to its decimals.
    x = np.where(places >= 0, np.rint(x * tens) / tens, np.rint(x / tens) * tens)
    return [
        value if known else None for value, known in zip(x.tolist(), there.tolist(), strict=True)
    ]
