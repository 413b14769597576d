"""Own XDF recordings as a data set: the windows of the live path, under the labels of a table."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.eeg_signals import MUSE_LABELS, MUSE_RATE_HZ, read_muse
from support.own_folders import CHANNELS, eeg_stream, gaze_stream, write_recording, write_table
from support.xdf_writer import XdfStream

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_entropy import differential_entropy, eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.seed_entropy import seed_feature_spec
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec
from hadua.models.cleaning import Cleaning, Reference
from hadua.models.errors import RecordingError
from hadua.models.features import Modality
from hadua.service.training.data import extract
from hadua.service.training.own_recordings import read_own

EEG, EYE = Modality.EEG, Modality.EYE
FULL = "file,start_s,end_s,label,subject,session,stimulus"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, two sittings of the first; 12 s each, the last without gaze."""
    root = tmp_path_factory.mktemp("own")
    write_recording(root / "anna1.xdf", eeg_stream(1), gaze_stream(1))
    write_recording(root / "anna2.xdf", eeg_stream(2), gaze_stream(2))
    write_recording(root / "bert.xdf", eeg_stream(3, channels=("O1", "PZ", "CZ")))
    write_table(
        root,
        "anna2.xdf,1001.2,1006,sad,anna,2,film 2",
        "bert.xdf,1002,1008,happy,bert,1,film 1",
        "anna1.xdf,1006,1011,sad,anna,1,film 2",
        "anna1.xdf,1001,1006,happy,anna,1,film 1",
        header=FULL,
    )
    return root


@pytest.fixture(scope="module")
def own(folder: Path) -> FeatureSet:
    return read_own(folder)


def played(path: Path, modality: Modality) -> tuple[StreamSpec, list[SampleChunk]]:
    source = XdfSource(path, stream="eeg" if modality is EEG else "gaze")
    spec, chunks = source.open(1.0), []
    try:
        while (chunk := source.read(1.0)) is not None:
            chunks.append(chunk)
    except EndOfStreamError:
        source.close()
    return spec, chunks


def test_cleaning_is_that_of_a_live_session(folder: Path) -> None:
    cleaning = Cleaning(notch_hz=50.0, reference=Reference.AVERAGE)
    own = read_own(folder, cleaning=cleaning)

    spec = own.specs[EEG]
    assert spec.cleaning == cleaning
    stream, chunks = played(folder / "anna1.xdf", EEG)
    extractor = EegExtractor(stream, spec)
    live = {w.end_s: w.values for c in chunks for w in extractor.push(c)}
    rows = next(t for t in own.trials if "anna1" in t.where).values[EEG]
    assert all(any(np.array_equal(row, w) for w in live.values()) for row in rows)


def test_every_interval_is_a_trial_person_after_person(own: FeatureSet) -> None:
    assert own.classes == ("happy", "sad")
    assert own.people == ("anna", "bert")
    assert [(t.subject, t.session, t.trial, t.stimulus, t.where) for t in own.trials] == [
        (0, 1, 1, "film 1", "anna1.xdf, line 5"),
        (0, 1, 2, "film 2", "anna1.xdf, line 4"),
        (0, 2, 1, "film 2", "anna2.xdf, line 2"),
        (1, 1, 1, "film 1", "bert.xdf, line 3"),
    ]
    assert [sorted({*t.y.tolist()}) for t in own.trials] == [[0], [1], [1], [0]]
    # Windows of 1 s on a grid of 0.5 s that lie wholly inside 5, 5, 4.8 (from 1001.5 on) and 6 s.
    assert [len(t) for t in own.trials] == [9, 9, 8, 11]


def test_features_are_those_of_the_live_path(own: FeatureSet, folder: Path) -> None:
    streams = {m: played(folder / "anna1.xdf", m) for m in (EEG, EYE)}
    live = extract({m: (spec, iter(chunks)) for m, (spec, chunks) in streams.items()}, own.specs)
    inside = [w for w in live if 1002.0 - 1e-9 <= w.end_s <= 1006.0 + 1e-9]

    for modality in (EEG, EYE):
        expected = [w.windows[modality] for w in inside]
        np.testing.assert_array_equal(
            own.trials[0].values[modality],
            [np.where(w.present, w.values, np.nan) for w in expected],
        )
    assert np.isfinite(own.trials[0].values[EEG]).all()
    assert np.isfinite(own.trials[1].values[EYE]).mean() > 0.5


def test_channels_are_those_that_the_recordings_have_in_common(own: FeatureSet) -> None:
    assert own.specs[EEG] == eeg_feature_spec(("CZ", "O1"), window_s=1.0, hop_s=0.5)
    assert own.specs[EYE].label == "hadua-eye/1"


def test_a_recording_without_gaze_has_none_and_the_set_says_so(own: FeatureSet) -> None:
    bert = own.trials[-1]

    assert np.isnan(bert.values[EYE]).all()
    assert bert.values[EYE].shape == (11, 33)
    assert np.isfinite(bert.values[EEG]).all()
    assert "bert.xdf: no stream for eye, read as not measured" in own.provenance
    assert (
        own.provenance[0]
        == "Own recordings: 3 files, 4 labelled intervals, 4 trials of 37 windows."
    )


def test_every_file_is_hashed_and_counted(folder: Path) -> None:
    seen: list[tuple[int, int]] = []

    data = read_own(folder, on_file=lambda done, total: seen.append((done, total)))

    assert set(data.hashes) == {"labels.csv", "anna1.xdf", "anna2.xdf", "bert.xdf"}
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_caller_chooses_the_features(folder: Path) -> None:
    spec = seed_feature_spec(("CZ", "PZ"), window_s=2.0, hop_s=0.5)

    data = read_own(folder, specs={EEG: spec})

    assert data.specs == {EEG: spec}
    assert [len(t) for t in data.trials] == [7, 7, 6, 9]
    assert np.isnan(data.trials[0].values[EEG][:, 5:]).all()
    assert np.isfinite(data.trials[-1].values[EEG]).all()
    assert any("anna1.xdf: Stream 'Amp' has 1 of the model's 2" in n for n in data.provenance)


def test_relative_times_are_those_after_the_first_sample(tmp_path: Path) -> None:
    streams = eeg_stream(1), gaze_stream(1)
    for name, line, clock in (("lsl", "1001,1006", "lsl"), ("rel", "1,6", "relative")):
        write_recording(tmp_path / name / "a.xdf", *streams)
        write_table(
            tmp_path / name, f"a.xdf,{line},x,{clock}", header="file,start_s,end_s,label,clock"
        )

    one, other = read_own(tmp_path / "lsl"), read_own(tmp_path / "rel")

    for modality in (EEG, EYE):
        np.testing.assert_array_equal(
            one.trials[0].values[modality], other.trials[0].values[modality]
        )


def test_a_complete_cap_is_read_in_the_order_of_seed(tmp_path: Path) -> None:
    cap = (*SEED_62[::-1], "FT9")
    stream = eeg_stream(1, seconds=4.0, channels=SEED_62[::-1])
    x = np.c_[stream.x, stream.x[:, 0]]
    write_recording(tmp_path / "a.xdf", replace(stream, x=x, labels=cap))
    write_table(tmp_path, "a.xdf,1000,1004,x")

    data = read_own(tmp_path)

    assert data.specs[EEG] == eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5)
    assert set(data.specs) == {EEG}


def test_a_gap_is_not_measured_and_a_long_one_begins_a_new_trial(tmp_path: Path) -> None:
    write_recording(tmp_path / "short.xdf", eeg_stream(1, gap_s=1.0))
    write_recording(tmp_path / "long.xdf", eeg_stream(1, gap_s=100.0))
    write_table(tmp_path, "short.xdf,1000,1013,x", "long.xdf,1000,1112,x")

    short, before, after = read_own(tmp_path).trials

    measured = np.isfinite(short.values[EEG]).all(axis=1)
    assert len(short) == 25
    assert np.flatnonzero(~measured).tolist() == list(range(11, 14))
    assert (before.stimulus, before.trial, after.stimulus, after.trial) == (
        "long.xdf, line 3",
        1,
        "long.xdf, line 3",
        2,
    )
    assert np.isfinite(before.values[EEG]).all()
    assert np.isfinite(after.values[EEG]).all(axis=1).tolist() == [False] * 2 + [True] * 11


def broken(stream: XdfStream) -> XdfStream:
    return replace(stream, labels=tuple(f"sensor {k}" for k in range(len(stream.labels))))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.xdf,900,1005,x", r"line 2, column 'start_s': got 900 s, expected within the recording, "
         r"1000.000 to 1003.996 s.*relative"),
        ("a.xdf,1002,1200,x", r"line 2, column 'end_s': got 1200 s, expected within"),
        ("a.xdf,1,3,x", r"column 'start_s': got 1 s, expected within the recording"),
        ("a.xdf,1001,1001.7,x", r"column 'end_s': got an interval of 0.7 s without a whole window, "
         r"expected at least 1.5 s of signal: windows of 1 s every 0.5 s"),
    ],
)  # fmt: skip
def test_an_interval_that_the_recording_cannot_fill_is_refused(
    line: str, message: str, tmp_path: Path
) -> None:
    write_recording(tmp_path / "a.xdf", eeg_stream(1, seconds=4.0))
    write_table(tmp_path, line)

    with pytest.raises(RecordingError, match=message):
        read_own(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (broken, r"no electrode in common: got stream 'Amp' with channels 'sensor 0'"),
        (lambda s: replace(s, labels=()), r"'Amp' without a channel name.*never guessed"),
        (lambda s: replace(s, type="ECG"), r"a.xdf': got the streams 'Amp' \(type 'ECG'\), exp"),
        (lambda s: replace(s, rate_hz=0.0), r"a.xdf': stream 'Amp'"),
        (lambda s: replace(s, rate_hz=50.0, stamp_s=1000.0 + np.arange(len(s.x)) / 50.0),
         r"a.xdf': sampling rate for differential entropy: got 50.0 Hz"),
    ],
)  # fmt: skip
def test_a_recording_that_cannot_be_used_is_named(
    change: Callable[[XdfStream], XdfStream], message: str, tmp_path: Path
) -> None:
    write_recording(tmp_path / "a.xdf", change(eeg_stream(1, seconds=4.0)))
    write_table(tmp_path, "a.xdf,1000,1004,x")

    with pytest.raises(RecordingError, match=message):
        read_own(tmp_path)


def test_two_streams_of_a_type_are_told_apart_by_name(tmp_path: Path) -> None:
    write_recording(
        tmp_path / "a.xdf",
        eeg_stream(1, seconds=4.0),
        eeg_stream(2, seconds=4.0, name="Other"),
    )
    write_table(tmp_path, "a.xdf,1000,1004,x")

    with pytest.raises(RecordingError, match=r"a.xdf': more than one stream 'eeg'"):
        read_own(tmp_path)
    one, other = (read_own(tmp_path, streams={EEG: name}) for name in ("Amp", "Other"))
    assert (one.trials[0].values[EEG] != other.trials[0].values[EEG]).all()


def test_specs_of_channels_that_are_not_there_are_refused(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.xdf", eeg_stream(1, seconds=4.0))
    write_table(tmp_path, "a.xdf,1000,1004,x")
    spec = eeg_feature_spec(("TP9", "TP10"), window_s=1.0, hop_s=0.5)

    with pytest.raises(RecordingError, match=r"a.xdf': its EEG cannot be used.*CZ, FP1, O1"):
        read_own(tmp_path, specs={EEG: spec})


def test_a_truncated_recording_is_refused(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.xdf", eeg_stream(1, seconds=4.0))
    path.write_bytes(path.read_bytes()[:-100])
    write_table(tmp_path, "a.xdf,1000,1004,x")

    with pytest.raises(RecordingError, match=r"a.xdf' is truncated"):
        read_own(tmp_path)


def test_a_real_recording_is_measured_window_by_window(recordings: Path, tmp_path: Path) -> None:
    """Real Muse EEG, as an XDF file with even time stamps."""
    _, x = read_muse(recordings, session=9)
    x = x[: 30 * int(MUSE_RATE_HZ)]
    stamp_s = 100.0 + np.arange(len(x)) / MUSE_RATE_HZ
    write_recording(
        tmp_path / "muse.xdf", XdfStream("Muse", "EEG", MUSE_RATE_HZ, stamp_s, x, MUSE_LABELS)
    )
    write_table(tmp_path, "muse.xdf,105,115,flicker", "muse.xdf,115,125,other")

    data = read_own(tmp_path)

    assert data.specs[EEG].names[::5] == tuple(f"{c}:delta" for c in ("TP9", "AF7", "AF8", "TP10"))
    for trial, start_s in zip(data.trials, (105.0, 115.0), strict=True):
        assert len(trial) == 19
        for k, row in enumerate(trial.values[EEG]):
            i = round((start_s + 0.5 * k - 100.0) * MUSE_RATE_HZ)
            expected = differential_entropy(x[i : i + 256, :4], MUSE_RATE_HZ)
            np.testing.assert_allclose(row.reshape(4, 5), expected, atol=1e-9)


def test_a_real_recording_without_channel_names_says_what_to_do(
    recordings: Path, tmp_path: Path
) -> None:
    name = "clock_resets.xdf"
    (tmp_path / name).write_bytes((recordings / "xdf" / name).read_bytes())
    write_table(tmp_path, f"{name},820,850,x")

    with pytest.raises(RecordingError, match=r"'BioSemi' without a channel name.*in the outlet"):
        read_own(tmp_path)


def test_the_simulated_channels_are_what_these_tests_think(folder: Path) -> None:
    spec, chunks = played(folder / "anna1.xdf", EEG)
    assert spec.labels == CHANNELS
    assert chunks[0].t_s[0] == pytest.approx(1000.0)
