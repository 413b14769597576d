"""A recorded session computes again to the bit; whatever was changed since is found and named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.bundles import make_bundle
from support.pipelines import CHANNELS
from support.recorded_sessions import WINDOWS, record_session, record_set_back
from support.recordings import load, samples, stamps
from typer.testing import CliRunner, Result

from hadua.service.cli.main import build
from hadua.service.verification import Verdict


@pytest.fixture(scope="module")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_session(tmp_path_factory.mktemp("session"), faults="eeg.gap@4+0.3")


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["verify"]), ["verify", *map(str, args)])


def verdict(*args: str | Path) -> Verdict:
    result = run("--json", *args)
    found = msgspec.json.decode(result.stdout, type=Verdict)
    assert result.exit_code == (0 if found.identical else 1)
    return found


def test_what_was_not_touched_is_identical(session_file: Path) -> None:
    found = verdict(session_file)
    assert found.identical is True
    assert found.differing == 0
    assert found.recorded == found.compared >= WINDOWS
    assert found.changed == found.notes == ()
    assert found.made_by["bundle"].startswith("random@")
    assert found.made_by["runtime"] == "onnx on cpu"
    assert found.made_by["numpy"] == np.__version__
    told = run(session_file)
    assert told.exit_code == 0
    assert f"{session_file}: identical" in told.stdout
    assert "computed again by the same" in told.stdout


def changed(path: Path, to: Path, *, at: bytes, by: bytes) -> Path:
    """A copy of a file in which a text was replaced by another of the same length."""
    data = path.read_bytes()
    assert len(at) == len(by)
    assert data.count(at) >= 1
    to.write_bytes(data.replace(at, by))
    return to


def test_one_changed_sample_is_found(session_file: Path, tmp_path: Path) -> None:
    x = samples(load(session_file)["HADUA-sim-eeg"])[5500]
    tampered = changed(
        session_file, tmp_path / "a.xdf", at=x.tobytes(), by=np.where(x == x[0], 99.0, x).tobytes()
    )
    found = verdict(tampered)
    assert found.identical is False
    assert 1 <= found.differing < found.compared
    assert "probabilities" in found.differences[0].fields
    assert found.differences[0].recorded != found.differences[0].recomputed
    told = run(tampered)
    assert "NOT identical" in told.stdout
    assert "largest difference of a probability" in told.stdout


def test_one_changed_prediction_is_found(session_file: Path, tmp_path: Path) -> None:
    tampered = changed(
        session_file, tmp_path / "a.xdf", at=b'"abstained":false', by=b'"abstained":true '
    )
    found = verdict(tampered)
    assert found.identical is False
    assert found.largest_difference == 0.0
    assert found.differences[0].fields == ("abstained",)


def test_other_versions_are_named_although_the_result_is_the_same(
    session_file: Path, tmp_path: Path
) -> None:
    numpy = f'"numpy":"{np.__version__}"'.encode()
    older = changed(session_file, tmp_path / "a.xdf", at=numpy, by=numpy.replace(b"2.", b"1."))
    found = verdict(older)
    assert found.identical is True
    assert found.changed == ("numpy",)
    assert f"-> {np.__version__}" in run(older).stdout


def test_another_bundle_is_named(session_file: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path, eeg_channels=CHANNELS, context=4, seed=5, name="other")
    found = verdict(session_file, "--bundle", other)
    assert found.identical is False
    assert found.changed == ("bundle", "bundle_sha256")


def test_a_recording_that_was_cut_off_is_verified_up_to_the_cut(
    session_file: Path, tmp_path: Path
) -> None:
    data = session_file.read_bytes()
    cut = tmp_path / "cut.xdf"
    cut.write_bytes(data[: data.index(b"<sample_count>") - 500])
    found = verdict(cut)
    assert found.identical is True
    assert found.notes == ("the recording was cut off: compared up to the cut",)


def test_a_session_that_its_stream_ended_is_verified_up_to_there(tmp_path: Path) -> None:
    """Its last samples cannot be used here either; what was said before them can be computed."""
    found = verdict(record_set_back(tmp_path))
    assert found.identical is True
    assert found.compared == found.recorded > 5
    (note,) = found.notes
    assert note.startswith("the session ended with samples that cannot be used: time stamps run")


def test_samples_that_cannot_be_used_are_a_fault_where_the_session_went_on(
    session_file: Path, tmp_path: Path
) -> None:
    t_s = stamps(load(session_file)["HADUA-sim-eeg"])[5500:5501]
    back = changed(
        session_file,
        tmp_path / "a.xdf",
        at=t_s.tobytes(),
        by=(t_s - 60.0).tobytes(),
    )
    result = run(back)
    assert result.exit_code == 1
    assert "time stamps run backwards" in result.stderr


@pytest.mark.parametrize(
    ("make", "code", "match"),
    [
        (lambda path: path / "none.xdf", 1, "cannot be read"),
        (lambda path: path, 1, "cannot be read"),
        (lambda path: _write(path / "a.xdf", b"text"), 1, "is not an XDF file"),
        (lambda path: _write(path / "a.xdf", b"XDF:"), 1, "has no pipeline in it"),
    ],
)
def test_what_cannot_be_verified_is_refused_in_words(
    make: Callable[[Path], Path], code: int, match: str, tmp_path: Path
) -> None:
    result = run(make(tmp_path))
    assert result.exit_code == code
    assert match in result.stderr


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_recording_of_another_program_is_refused(recordings: Path) -> None:
    result = run(recordings / "xdf" / "minimal.xdf")
    assert result.exit_code == 1
    assert "is not a session that hadua-serve recorded" in result.stderr


def test_a_bundle_that_is_gone_is_asked_for(session_file: Path, tmp_path: Path) -> None:
    here = session_file.parents[3] / "bundle"
    away = here.rename(tmp_path / "elsewhere")
    try:
        result = run(session_file)
        assert result.exit_code == 2
        assert "bundle 'random@" in result.stderr
        assert "--bundle" in result.stderr
        assert verdict(session_file, "--bundle", away).identical is True
    finally:
        shutil.move(away, here)
