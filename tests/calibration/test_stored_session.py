"""A session on disk: killed at any moment, it goes on with every window that it had kept."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.bundles import make_bundle
from support.calibrations import PLAN, a_session, windows_at

from hadua.calibration.report import Report
from hadua.calibration.session_state import Refusal, State
from hadua.calibration.stored_session import SESSION, StoredSession, read_prior, read_session
from hadua.models.bundle import Bundle, Normalisation, load_bundle
from hadua.models.errors import CalibrationError
from hadua.models.features import Modality

KILLED = """
import sys
from pathlib import Path
from support.calibrations import a_session, windows_at
from hadua.calibration.stored_session import StoredSession
from hadua.models.bundle import load_bundle
bundle = load_bundle(Path(sys.argv[2]))
stored = StoredSession.begin(Path(sys.argv[1]), a_session(bundle).start(), bundle)
k = 0
while True:
    stored.take(*windows_at(k, bundle))
    k += 1
    if k > 4:
        print(stored.session.collected, flush=True)
    if stored.session.collected == 100:
        sys.stdin.read()
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(make_bundle(tmp_path, eeg_channels=1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "P01" / "calibration"


def test_killed_while_collecting(folder: Path, bundle: Bundle) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(bundle.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    with process:
        assert process.stdout is not None
        said = [int(next(process.stdout)) for _ in range(100)]
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    assert read_session(folder).collected < 100  # what was stored lags behind
    stored = StoredSession.resume(folder, bundle)

    assert said[-1] == 100
    assert (stored.session.state, stored.session.collected) == (State.COLLECTING, 100)
    assert stored.session.measured == {Modality.EEG: 100, Modality.EYE: 100}
    np.testing.assert_array_equal(stored.collected().eeg[:, 0], np.arange(4, 104))
    # It goes on, even with a clock that began anew; and ends as it would have.
    for k in range(-500, -470):
        stored.take(*windows_at(k, bundle))
    assert stored.session.state is State.FITTING
    assert stored.session.refused == {}


def test_a_stored_session_is_the_session(folder: Path, bundle: Bundle) -> None:
    stored = StoredSession.begin(folder, a_session(bundle).start(), bundle)
    for k in range(200):
        if stored.session.state.takes_windows:
            stored.take(*windows_at(k, bundle, quality=float(k % 7 != 0)))
    assert stored.session.state is State.FITTING
    assert stored.session.refused == {Refusal.POOR_QUALITY: 23}
    report = Report(130, windows_refused={"poor quality": 22}, balance={"a": 0.5}, risk="medium")
    stored.put(stored.session.fitted(1, report))

    back = StoredSession.resume(folder, bundle).session
    assert (back.state, back.version, back.report) == (State.READY, 1, report)
    assert read_session(folder).plan == PLAN


def test_a_new_session_takes_the_folder(folder: Path, bundle: Bundle) -> None:
    first = StoredSession.begin(folder, a_session(bundle).start(), bundle)
    for k in range(20):
        first.take(*windows_at(k, bundle))
    second = StoredSession.begin(folder, a_session(bundle), bundle)
    assert len(second.collected()) == 0
    assert read_session(folder).state is State.IDLE


def test_what_cannot_go_on_says_why(folder: Path, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no calibration in"):
        StoredSession.resume(folder, bundle)
    StoredSession.begin(folder, a_session(bundle).start(), bundle)
    other = load_bundle(make_bundle(tmp_path / "other", eeg_channels=1, seed=1))
    with pytest.raises(CalibrationError, match=r"cannot go on: got windows for bundle 'random@"):
        StoredSession.resume(folder, other)
    for content in (b"", b"{", b'{"id": 3}', b"\xff" * 99):
        (folder / SESSION).write_bytes(content)
        with pytest.raises(CalibrationError, match="cannot go on"):
            StoredSession.resume(folder, bundle)


def test_windows_are_of_one_participant(folder: Path, bundle: Bundle) -> None:
    StoredSession.begin(folder, a_session(bundle).start(), bundle)
    path = folder / SESSION
    path.write_bytes(path.read_bytes().replace(b'"P01"', b'"P02"'))
    with pytest.raises(CalibrationError, match="another participant"):
        StoredSession.resume(folder, bundle)


def test_the_rest_is_kept(folder: Path, bundle: Bundle) -> None:
    stored = StoredSession.begin(folder, a_session(bundle).start(), bundle)
    assert read_prior(folder, bundle) is bundle.normalisation
    own = Normalisation(np.arange(5.0), np.arange(1.0, 6.0))
    stored.keep_prior({Modality.EEG: own})
    prior = read_prior(folder, bundle)
    np.testing.assert_array_equal(prior[Modality.EEG].mean, own.mean)
    assert prior[Modality.EYE] is bundle.normalisation[Modality.EYE]
    stored.keep_prior({Modality.EEG: Normalisation(np.zeros(4), np.ones(4))})
    with pytest.raises(CalibrationError, match=r"got \(4,\) means, expected \(5,\)"):
        read_prior(folder, bundle)
    (folder / "prior.safetensors").write_bytes(b"not")
    with pytest.raises(CalibrationError, match="is damaged"):
        read_prior(folder, bundle)
