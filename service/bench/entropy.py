"""Differential entropy of a window of EEG, and what else is done to it, against bare transforms."""

from functools import partial

import numpy as np

from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.cleaning import WindowCleaner
from hadua.adapters.features.eeg_entropy import DifferentialEntropy, eeg_feature_spec
from hadua.adapters.features.eeg_window import EegWindowMeasure
from hadua.adapters.quality.eeg_judge import EegJudge
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.adapters.windows.signal_window import SignalWindow
from hadua.models.cleaning import Cleaning
from hadua.models.features import FloatArray
from hadua.service.bench.comparison import Comparison, Other
from hadua.service.bench.effort import Effort
from hadua.service.bench.entropy_peers import filter_bank, mne_features, torcheeg
from hadua.service.bench.row import Row
from hadua.service.bench.timing import Call, in_turn

RATE_HZ, N_SAMPLES = 1000.0, 1000
WITHIN_RFFT = 1.3
OF_PEERS = 0.1  # ten times faster

_WHAT = "differential entropy, 62 ch x 1 s at 1000 Hz"


def rows(effort: Effort) -> list[Row]:
    """62 channels, 1 s at 1000 Hz, one thread."""
    rng = np.random.default_rng(0)
    x_uv = np.ascontiguousarray(rng.standard_normal((62, N_SAMPLES)) * 10.0).T  # as windows come
    ours = partial(DifferentialEntropy(RATE_HZ, N_SAMPLES), x_uv)
    floors = (
        Other("bare np.fft.rfft", partial(np.fft.rfft, x_uv.T, axis=1), WITHIN_RFFT),
        Other("bare np.fft.rfft of float32", partial(np.fft.rfft, x_uv.T.astype(np.float32))),
    )
    peers = (
        Other("a stateful scipy SOS filter bank", filter_bank(x_uv, rate_hz=RATE_HZ)),
        *torcheeg(x_uv, rate_hz=RATE_HZ, target=OF_PEERS),
        *mne_features(x_uv, rate_hz=RATE_HZ, target=OF_PEERS),
    )
    made: list[Row] = []
    for pace in effort.paces:
        made += Comparison(_WHAT, ours, floors, pace).rows()
    made += Comparison(_WHAT, ours, peers, effort.slow).rows()
    return made + _whole(effort) + _beside(effort)


def _whole(effort: Effort) -> list[Row]:
    """All that a session does to a window of EEG: judge, complete, measure."""
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5)
    channels = tuple(Channel(name, "EEG", "microvolts") for name in SEED_62)
    mapping = map_eeg(StreamSpec("made up", channels, RATE_HZ, type="EEG"), SEED_62)
    x_uv = np.ascontiguousarray(_alike()[:N_SAMPLES].T).T
    window = SignalWindow(0.0, 1.0, np.arange(N_SAMPLES) / RATE_HZ, x_uv)
    measure = EegWindowMeasure(mapping, rate_hz=RATE_HZ, spec=spec)
    begun = measure.begin(x_uv[: N_SAMPLES - measure.n_tail])
    calls = {
        "": partial(measure, window),
        ", of that after its last sample": partial(measure, window, begun),
    }
    bare = Other("bare np.fft.rfft", partial(np.fft.rfft, x_uv.T, axis=1))
    name = "an EEG window judged, completed, measured{}, 62 ch x 1 s at 1000 Hz"
    return [
        row
        for pace in effort.paces
        for which, ours in calls.items()
        for row in Comparison(name.format(which), ours, [bare], pace).rows()
    ]


def _beside(effort: Effort) -> list[Row]:
    """What judging and cleaning a window of 62 channels costs, against its differential entropy."""
    t_s = np.arange(1096) / RATE_HZ
    x_uv = _alike()
    window = np.ascontiguousarray(x_uv[:N_SAMPLES].T).T
    spectrum = np.fft.rfft(window.T, axis=1)
    judge = EegJudge(SEED_62, rate_hz=RATE_HZ, n_samples=N_SAMPLES, leaking_hz=50.0)
    cleaner = partial(WindowCleaner, rate_hz=RATE_HZ, window_s=1.0, highest_hz=50.0)
    notch, rate = cleaner(Cleaning(notch_hz=50.0, high_pass_hz=0.5)), cleaner(Cleaning(rate_hz=200))
    good = np.ones(62, np.bool_)
    longer = round((1.0 + 2.0 * rate.reach_s) * RATE_HZ)
    calls: dict[str, Call] = {
        "entropy": partial(DifferentialEntropy(RATE_HZ, N_SAMPLES), window),
        "quality, spectrum shared": partial(judge, window, spectrum),
        "cleaning, 50 Hz and drift": partial(notch, t_s[:N_SAMPLES], window, good),
        "cleaning, to 200 Hz": partial(rate, t_s[:longer], x_uv[:longer], good),
    }
    q = in_turn(calls, rounds=effort.hot.rounds // 4)
    floor = q.pop("entropy")
    against = f"differential entropy of the window: {floor.p50:.3g}"
    return [
        Row(
            f"{name}, 62 ch x 1 s at 1000 Hz",
            found.p50,
            found.p99,
            "us",
            against,
            found.p50 / floor.p50,
            "hot",
        )
        for name, found in q.items()
    ]


def _alike() -> FloatArray:
    """`(1096, 62)`, neighbours alike, as on a head."""
    rng = np.random.default_rng(1)
    shared, own = rng.standard_normal((1, 1096)), rng.standard_normal((62, 1096))
    return np.ascontiguousarray(8.0 * shared + 2.0 * own).T
