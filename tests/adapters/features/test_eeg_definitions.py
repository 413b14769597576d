from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from support.eeg_signals import MUSE_LABELS, MUSE_RATE_HZ, chunks, eeg_stream, read_muse

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_definitions import (
    EEG_DEFINITIONS,
    eeg_channels,
    eeg_definition,
)
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.seed_entropy import SeedEntropy, seed_feature_spec
from hadua.adapters.sources.simulator import Simulation, make_pair
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk
from hadua.models.errors import FeatureMismatchError, InvalidInputError
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray, Modality

SPECS = {
    "hadua-de/1": eeg_feature_spec(("CZ", "O1"), window_s=2.0, hop_s=0.5),
    "seed-de/1": seed_feature_spec(("CZ", "O1"), window_s=2.0, hop_s=0.5),
}


def spec_of(
    names: tuple[str, ...], *, definition: str = "hadua-de", modality: Modality = Modality.EEG
) -> FeatureSpec:
    return FeatureSpec(modality, definition, 1, names, 1.0, 0.5)


def test_every_definition_has_a_spec_here() -> None:
    assert set(SPECS) == set(EEG_DEFINITIONS)


@pytest.mark.parametrize("label", SPECS)
def test_a_definition_is_found_by_what_its_spec_says(label: str) -> None:
    spec = SPECS[label]

    assert spec.label == label
    assert eeg_definition(spec).label == label
    assert eeg_definition(spec).names(("CZ", "O1")) == spec.names
    assert eeg_channels(spec) == ("CZ", "O1")


@pytest.mark.parametrize("label", SPECS)
def test_what_it_measures_fits_its_names(label: str) -> None:
    definition = EEG_DEFINITIONS[label]
    x = np.random.default_rng(0).standard_normal((500, 3))

    assert definition.measure(250.0, 500)(x).shape == (3, len(definition.bands))


def test_all_channels_of_seed_come_back() -> None:
    assert eeg_channels(seed_feature_spec(SEED_62, window_s=4.0, hop_s=4.0)) == SEED_62


@pytest.mark.parametrize("definition", ["hadua-de", "seed-de"])
def test_band_major_names_are_refused(definition: str) -> None:
    bands = eeg_definition(SPECS[f"{definition}/1"]).bands
    names = tuple(f"{c}:{b}" for b in bands for c in ("O1", "O2"))
    with pytest.raises(InvalidInputError, match="got 'O2:delta', expected 'O1:theta'"):
        eeg_channels(spec_of(names, definition=definition))


def test_incomplete_names_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="too few names"):
        eeg_channels(spec_of(("O1:delta", "O1:theta")))


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("other-de", "version of hadua that has them"),
        ("seed-de-lds", "its future included.*cannot be extracted live"),
        ("seed-de-movingave", "cannot be extracted live"),
    ],
)
def test_an_unknown_definition_is_refused_with_both_names_and_a_reason(
    definition: str, reason: str
) -> None:
    message = rf"got {definition}/1 .*expected hadua-de/1 or seed-de/1 .*{reason}"
    with pytest.raises(FeatureMismatchError, match=message):
        eeg_channels(spec_of(("O1:delta",), definition=definition))


def test_eye_features_by_an_eegs_name_are_refused() -> None:
    with pytest.raises(FeatureMismatchError, match=r"got hadua-de/1 \(eye\)"):
        eeg_definition(spec_of(("O1:delta",), modality=Modality.EYE))


def simulated(seconds: float) -> Iterator[SampleChunk]:
    source, _ = make_pair(
        Simulation(person=4, seed=2), origin_s=500.0, speed=None, duration_s=seconds
    )
    source.open(1.0)
    try:
        while (chunk := source.read(1.0)) is not None:
            yield chunk
    except EndOfStreamError:
        source.close()


def test_live_features_equal_those_of_the_whole_recording_bit_for_bit() -> None:
    parts = list(simulated(9.0))
    spec = seed_feature_spec(SEED_62, window_s=4.0, hop_s=0.5)
    extractor = EegExtractor(parts[0].spec, spec)

    live = [w for chunk in parts for w in extractor.push(chunk)]

    t_s = np.concatenate([c.t_s for c in parts])
    x = np.concatenate([c.x for c in parts])
    rate_hz = parts[0].spec.rate_hz
    columns = [parts[0].spec.labels.index(name) for name in SEED_62]
    x = x[:, columns]
    n = round(4.0 * rate_hz)
    measure = SeedEntropy(rate_hz, n)
    assert len(live) == 11
    for window in live:
        i = int(np.searchsorted(t_s, window.start_s - 0.5 / rate_hz))
        part = np.ascontiguousarray(x[i : i + n].T).T  # one layout, so one rounding
        np.testing.assert_array_equal(window.values, measure(part - part.mean(axis=0)).reshape(-1))
        assert window.present.all(), window.reason


def muse_windows(x: FloatArray, t_s: FloatArray) -> list[FeatureWindow]:
    stream = eeg_stream(*MUSE_LABELS)
    extractor = EegExtractor(
        stream, seed_feature_spec(("TP9", "AF7", "AF8", "TP10"), window_s=4.0, hop_s=0.5)
    )
    return [w for chunk in chunks(stream, t_s, x) for w in extractor.push(chunk)]


def test_an_amplifiers_offset_does_not_matter(recordings: Path) -> None:
    t_s, x = read_muse(recordings, session=9)
    t_s, x = t_s[:10_000], x[:10_000]

    for a, b in zip(muse_windows(x, t_s), muse_windows(x + 20_000.0, t_s), strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-6)


def test_live_features_are_close_to_those_of_the_published_preprocessing(recordings: Path) -> None:
    """Zero phase, 0.1 to 70 Hz, no mains, 200 Hz: what a bundle's statistics come from."""
    _, x = read_muse(recordings, session=9)
    t_s = np.arange(len(x)) / MUSE_RATE_HZ
    live = muse_windows(x, t_s)

    band = scipy.signal.butter(2, [0.1, 70.0], "band", fs=MUSE_RATE_HZ, output="sos")
    clean = scipy.signal.sosfiltfilt(band, x[:, :4], axis=0)
    clean = scipy.signal.filtfilt(*scipy.signal.iirnotch(60.0, 30.0, MUSE_RATE_HZ), clean, axis=0)
    clean = scipy.signal.resample_poly(clean, 200, int(MUSE_RATE_HZ), axis=0)
    measure = SeedEntropy(200.0, 800)
    rows = [
        measure(clean[i : i + 800]).reshape(-1)
        for i in (int(np.ceil(w.start_s * 200.0 - 1e-6)) for w in live)
    ]

    published = np.array(rows).reshape(len(live), 4, 5)[10:-10]
    here = np.array([w.values for w in live]).reshape(len(live), 4, 5)[10:-10]
    assert (np.abs((here - published).mean(axis=(0, 1))) < 0.15).all()
    assert ((here - published).std(axis=(0, 1)) < 0.3 * published.std(axis=(0, 1))).all()
