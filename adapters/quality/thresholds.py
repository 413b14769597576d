"""Where signal stops being good, and who says so.

Absolute figures and not scores against the other channels: a fault of the reference or a bad cap
hits all of them, and a headband has only four. What is `ours` has its ground beside it. None was
fitted to a recording that tests us but `leak_bad`: it was moved after a false alarm on one, whose
silence since then proves nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EegThresholds:
    """Limits of one EEG channel in one window.

    Args:
        flat_uv: Less between highest and lowest sample within `flat_s` is flat. Lowest activity in
            BrainVision Analyzer's raw data inspection: 0.5 uV in 100 ms.
        flat_s: See above.
        rail_uv: What is flat this far from 0 stands at the end of the amplifier's range; ours: no
            electrode of a working AC amplifier rests there, and a DC one does not rest.
        railed_share: Share of samples that are exactly the highest, or the lowest; ours: of 256
            samples of real EEG in steps of 0.5 uV at most 2.3 % were.
        jump_uv_per_ms: Steepest step, over 4 ms. Maximal allowed voltage step in the same
            inspection: 50 uV/ms. Blinks stay below 5.
        line_noisy: Hum over EEG (1 to 45 Hz), both rms: from 1 on there is more hum than EEG.
        line_bad: From 5 on (14 dB) the electrode is taken to have lost the skin; ours.
        leak_bad: Power that hum adds to the highest band by leaking, over the band's own: 1 raises
            its entropy by 0.35 nats, twice what that varies by; ours, and only for mains beside the
            band that the bundle's cleaning leaves in.
        noise_uv: Noise of the density found between 52 and 118 Hz, in a band as wide as gamma
            (19 Hz); ours: EEG's own gamma has 2 to 3.5, so from 5 on most of what is measured there
            is muscle or contact noise.
        correlation: With what the spline through all other electrodes tells; PREP calls channels
            bad below 0.4 in windows of 1 s (Bigdely-Shamlo et al. 2015,
            doi:10.3389/fninf.2015.00016; there: with the channel most like it).
    """

    flat_uv: float = 0.5
    flat_s: float = 0.1
    rail_uv: float = 1000.0
    railed_share: float = 0.05
    jump_uv_per_ms: float = 50.0
    line_noisy: float = 1.0
    line_bad: float = 5.0
    leak_bad: float = 1.0
    noise_uv: float = 5.0
    correlation: float = 0.4


@dataclass(frozen=True, slots=True)
class GazeThresholds:
    """Limits of an eye in one window.

    Args:
        measured: An eye seen for less of the window is lost; the features' own limit.
        on_screen: An eye that looked at the screen for less of the time it was seen is elsewhere;
            ours: then most of what is measured does not belong to what is shown.
        margin: Beside the screen begins so far beyond its edge, in halves of its size; ours: a
            degree on a desk, what calibrated trackers are accurate to.
        frozen: An eye whose position repeats itself exactly for more of the time it was seen does
            not come from an eye; ours: real gaze moves, and its tracker is noisy.
        blink_share: Eyes closed by blinks for more of the window; ours: the upper bound of blinking
            in conversation is 32.5 a minute (Doughty 2001, doi:10.1097/00006324-200110000-00011),
            0.14 of the time if each closes the eyes for 250 ms.
    """

    measured: float = 0.5
    on_screen: float = 0.5
    margin: float = 0.05
    frozen: float = 0.95
    blink_share: float = 0.2


EEG = EegThresholds()
GAZE = GazeThresholds()
