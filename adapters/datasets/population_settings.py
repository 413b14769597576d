"""The constants of the synthetic benchmark population; `docs/population.md` says why each."""

from dataclasses import dataclass

BANDS: tuple[str, ...] = ("delta", "theta", "alpha", "beta", "gamma")
EYE_WIDTH = 33
CLASSES: tuple[str, ...] = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class PopulationSettings:
    """How hard the population is, and what goes wrong in its recordings.

    The unit of an amplitude is the standard deviation of a feature's smooth background. The unit
    of `eeg_signal` and `eye_signal` is that of the whole noise along the pattern, what is d' in
    signal detection. Shares are of 1.

    Args:
        eeg_signal: d' of the emotion's pattern in the EEG features, at state 1.
        eye_signal: Likewise in the eye features.
        eeg_private: Mean share of a person's EEG patterns that is theirs alone, in variance.
        eye_private: Likewise of the eye patterns.
        private_sd: How much these shares differ between people.
        sense_sd_deg: How far a person's states are turned in the plane of states.
        clip_sd: Log-sd of how strongly a clip works on everybody.
        trial_sd: Log-sd of how strongly it works on one person.
        weak_share: Share of a person's trials in which the clip hardly works.
        weak_factor: What it then works with.
        onset: Share of the state that is missing in the first window of a trial.
        onset_windows: How many windows it takes to grow by a factor e.
        state_sd: Drift of the state within a trial, seen by both senses.
        sense_noise_sd: Drift of the state that only one sense sees.
        state_memory: Correlation of both with the window before.
        content: Size of what a clip evokes besides emotion, in everybody alike.
        background_memory: Correlation of the background with the window before.
        trial_offset: Size of a background that stays for a whole trial.
        tail: Degrees of freedom of the noise's size from window to window.
        artefact_share: Share of windows with an artefact.
        artefact: Size of an artefact.
        person_offset: Size of a person's own mean.
        session_offset: Size of a session's own mean.
        session_drift: Change of the mean from the first trial of a session to the last.
        person_gain: Log-sd of a person's own scale.
        session_gain: Log-sd of a session's own scale.
        bad_electrodes: Most electrodes of a session that fail.
        flat_share: Share of those that are flat, so that nothing is measured; others are noisy.
        bad_noise: Noise of a noisy electrode.
        gaze_loss: Mean share of windows without gaze.
        gaze_loss_shape: First parameter of the Beta distribution of that share over people.
        gaze_gap_windows: Mean length of a gap in the gaze.
    """

    eeg_signal: float = 7.0
    eye_signal: float = 3.2
    eeg_private: float = 0.92
    eye_private: float = 0.79
    private_sd: float = 0.04
    sense_sd_deg: float = 20.0
    clip_sd: float = 0.15
    trial_sd: float = 0.12
    weak_share: float = 0.05
    weak_factor: float = 0.45
    onset: float = 0.4
    onset_windows: float = 1.0
    state_sd: float = 0.15
    sense_noise_sd: float = 0.15
    state_memory: float = 0.8
    content: float = 0.1
    background_memory: float = 0.5
    trial_offset: float = 0.15
    tail: float = 6.0
    artefact_share: float = 0.04
    artefact: float = 1.5
    person_offset: float = 1.3
    session_offset: float = 0.35
    session_drift: float = 0.3
    person_gain: float = 0.3
    session_gain: float = 0.1
    bad_electrodes: int = 4
    flat_share: float = 0.5
    bad_noise: float = 4.0
    gaze_loss: float = 0.1
    gaze_loss_shape: float = 0.6
    gaze_gap_windows: float = 4.0
