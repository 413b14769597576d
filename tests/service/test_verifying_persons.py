"""Sessions of a person: with a profile, with another one from the middle on, begun in the middle.

And streams that came back changed; and all of that at once.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.bundles import make_bundle
from support.changed_streams import halves, reordered, too_slow
from support.pipelines import CHANNELS, ORIGIN_S, Chunks, recorded
from support.profiles import AT_UNIX, PERSON, own_profile, profile_of
from support.recorded_sessions import Act, act_and_record, answer_with, begin
from support.recordings import load, only_file, samples, texts
from typer.testing import CliRunner, Result

from hadua.adapters.recordings.layout import StepEvent
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.service.cli.main import build
from hadua.service.person_data import PROFILES
from hadua.service.verification import Verdict

EEG, EYE = Modality.EEG, Modality.EYE
EARLY_S, MIDDLE_S, LATE_S = ORIGIN_S + 2.7, ORIGIN_S + 5.3, ORIGIN_S + 7.6


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    return load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=4))


@pytest.fixture
def data(tmp_path: Path, bundle: Bundle) -> Path:
    """A data folder in which a person has two profiles, the first in force."""
    store = ProfileStore(tmp_path / "data" / PROFILES)
    for version in (1, 2):
        store.save(own_profile(bundle, version=version), at_unix=AT_UNIX + version)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)
    return tmp_path / "data"


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["verify"]), ["verify", *map(str, args)])


def verdict(*args: str | Path) -> Verdict:
    result = run("--json", *args)
    assert result.stdout, result.stderr
    found = msgspec.json.decode(result.stdout, type=Verdict)
    assert result.exit_code == (0 if found.identical else 1)
    return found


def changed_eeg(change: Callable[..., object]) -> Chunks:
    chunks = recorded()
    eeg = change(*halves(chunks[EEG]))
    assert isinstance(eeg, list)
    return {EEG: eeg, EYE: chunks[EYE]}


def session_file(
    data: Path,
    bundle: Bundle,
    *acts: tuple[float, Act],
    chunks: Chunks | None = None,
    participant: str | None = PERSON,
    from_the_start: bool = True,
) -> Path:
    lab = data.parent / "lab"
    act_and_record(
        data,
        bundle,
        acts,
        chunks=chunks or recorded("eeg.gap@6+0.3"),
        participant=participant,
        baseline_s=4.0,
        **({"record": lab} if from_the_start else {}),
    )
    return only_file(lab if from_the_start else data / "recordings")


def versions_said(path: Path) -> set[int]:
    frames = [json.loads(text) for text in texts(load(path)["HADUA-frames"])]
    return {f["profile_version"] for f in frames if f["type"] == "prediction"}


def require_identical(path: Path, *, at_least: int = 8) -> None:
    found = verdict(path)
    assert (found.identical, found.notes) == (True, ()), found
    assert found.recorded == found.compared >= at_least
    altered = path.with_suffix(".altered.xdf")  # and the comparison can fail
    data, said = path.read_bytes(), b'"abstained":false'
    last = data.rindex(said)
    altered.write_bytes(data[:last] + b'"abstained":true ' + data[last + len(said) :])
    other = verdict(altered)
    assert (other.identical, other.differing) == (False, 1)
    assert other.differences[0].fields == ("abstained",)


def test_with_a_profile_from_its_start(bundle: Bundle, data: Path) -> None:
    path = session_file(data, bundle)
    assert versions_said(path) == {1}
    ProfileStore(data / PROFILES).delete(PERSON)  # the recording needs no data folder
    require_identical(path)


def test_with_others_from_its_middle_on(bundle: Bundle, data: Path) -> None:
    """Forward, back to the bundle as shipped, and to one that had answered before."""
    path = session_file(
        data,
        bundle,
        (EARLY_S, answer_with(2)),
        (MIDDLE_S, answer_with(0)),
        (LATE_S, answer_with(1)),
    )
    assert versions_said(path) == {0, 1, 2}
    steps = samples(load(path)["HADUA-steps"])
    swaps = steps[steps[:, 1] == StepEvent.PROFILE]
    assert swaps[:, 2].tolist() == [2, 0, 1]
    require_identical(path)


def test_begun_in_the_middle(bundle: Bundle, data: Path) -> None:
    path = session_file(data, bundle, (MIDDLE_S, begin), participant=None, from_the_start=False)
    assert 4 < verdict(path).compared < 12
    require_identical(path, at_least=4)


@pytest.mark.parametrize("change", [reordered, too_slow])
def test_a_stream_that_came_back_changed(
    bundle: Bundle, data: Path, change: Callable[..., object]
) -> None:
    path = session_file(data, bundle, chunks=changed_eeg(change), participant=None)
    require_identical(path)


@pytest.mark.parametrize(
    "acts",
    [
        [(EARLY_S, begin), (MIDDLE_S, answer_with(2)), (LATE_S, answer_with(0))],
        [(EARLY_S, answer_with(2)), (MIDDLE_S, answer_with(0)), (LATE_S, begin)],
        [(EARLY_S, answer_with(0)), (MIDDLE_S, answer_with(2)), (LATE_S, begin)],
    ],
    ids=["before the swaps", "after them, as shipped", "after them, with a profile"],
)
def test_begun_in_the_middle_of_a_person_whose_amplifier_changes(
    bundle: Bundle, data: Path, acts: Sequence[tuple[float, Act]]
) -> None:
    chunks = changed_eeg(reordered)
    path = session_file(data, bundle, *acts, chunks=chunks, from_the_start=False)
    require_identical(path, at_least=3)


def test_another_profile_than_the_recorded_one_does_not_pass(bundle: Bundle, data: Path) -> None:
    """Damaged, it is refused; put in the place of the right one with its own hash, it is found."""
    path = session_file(data, bundle)
    text = document(path, "profile")
    damaged = text.replace(text[2000:2004], "AAAA", 1)
    refused = run(replaced(path, text, damaged))
    assert refused.exit_code == 1
    assert "profile 1 in the recording is damaged: got sha256" in refused.stderr
    assert "take the original" in refused.stderr

    store = data.parent / "other"
    other = session_file(_with_profile_2(store, bundle), bundle)
    wrong = document(other, "profile")
    found = verdict(replaced(path, text, wrong))
    assert found.identical is False
    assert found.differing > found.compared / 2
    assert "probabilities" in found.differences[0].fields


def _with_profile_2(folder: Path, bundle: Bundle) -> Path:
    """A data folder in which the person's first profile is another one."""
    store = ProfileStore(folder / "data" / PROFILES)
    store.save(replace(own_profile(bundle, version=2), version=1, parent=0), at_unix=AT_UNIX)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)
    return folder / "data"


def test_a_profile_that_is_not_in_the_file_is_asked_for(bundle: Bundle, data: Path) -> None:
    """As in recordings of earlier versions: it comes from the data folder, or is missed."""
    path = session_file(data, bundle)
    text = document(path, "profile")
    without = replaced(path, text, text.replace('"event":"profile"', '"event":"nothing"'))
    found = verdict(without, "--data-dir", data)
    assert found.identical is True
    assert "the recording does not hold it" in found.notes[0]
    ProfileStore(data / PROFILES).delete(PERSON)
    refused = run(without, "--data-dir", data)
    assert refused.exit_code == 2
    assert f"profile 1 of '{PERSON}', which answered, is not here" in refused.stderr
    assert "it was erased, or made room for newer ones" in refused.stderr
    assert "--data-dir" in refused.stderr


def test_a_swap_to_a_profile_that_is_not_in_the_file_is_refused(bundle: Bundle, data: Path) -> None:
    path = session_file(data, bundle, (MIDDLE_S, answer_with(2)))
    text = document(path, "profile", version=2)
    without = replaced(path, text, text.replace('"event":"profile"', '"event":"nothing"'))
    refused = run(without)
    assert refused.exit_code == 1
    assert "a profile that answered is not in it: got version 2, expected one of 1" in (
        refused.stderr
    )


def test_a_damaged_state_is_refused(bundle: Bundle, data: Path) -> None:
    path = session_file(data, bundle, (MIDDLE_S, begin), participant=None, from_the_start=False)
    text = document(path, "pipeline")
    state = json.loads(text)["state"]["data"]
    assert len(base64.b64decode(state)) > 10_000
    refused = run(replaced(path, text, text.replace(state[500:504], "AAAA", 1)))
    assert refused.exit_code == 1
    assert "state of the pipeline in the recording is damaged" in refused.stderr
    no_state = replaced(path, text, text.replace('"state":{"sha256"', '"sTATE":{"sha256"'))
    found = verdict(no_state)
    assert found.identical is False
    assert "whose state is not in it: the first predictions cannot be the same" in found.notes[0]


def test_what_an_earlier_version_did_not_say_is_refused(bundle: Bundle, data: Path) -> None:
    path = session_file(data, bundle, chunks=changed_eeg(reordered), participant=None)
    raw = path.read_bytes()
    assert raw.count(b"<spec>") == 3
    old = path.with_suffix(".old.xdf")
    old.write_bytes(raw.replace(b"<spec>", b"<sPEC>").replace(b"</spec>", b"</sPEC>"))
    refused = run(old)
    assert refused.exit_code == 1
    assert "its eeg stream came back changed" in refused.stderr
    swapped = path.with_suffix(".swapped.xdf")
    swapped.write_bytes(raw.replace(b'"steps_before":0,', b'"swapped": true, '))
    refused = run(swapped)
    assert refused.exit_code == 2
    assert "which does not say where" in refused.stderr
    newer = path.with_suffix(".newer.xdf")
    newer.write_bytes(raw.replace(b"<layout>2<", b"<layout>9<"))
    assert "got layout '9', expected layout 2 or an earlier one" in run(newer).stderr


def test_an_old_recording_with_one_stream_each_is_verified_as_before(
    bundle: Bundle, data: Path
) -> None:
    path = session_file(data, bundle, participant=None)
    raw = path.read_bytes().replace(b"<spec>", b"<sPEC>").replace(b"</spec>", b"</sPEC>")
    path.write_bytes(raw.replace(b"<layout>2<", b"<layout>1<"))
    require_identical(path)


def test_another_bundle_answers_as_shipped(bundle: Bundle, data: Path) -> None:
    path = session_file(data, bundle, (MIDDLE_S, answer_with(2)))
    found = verdict(path, "--bundle", demo_bundle_path())
    assert found.identical is False
    assert found.notes == ("another bundle: it answers as shipped, and from the first sample "
        "recorded on",)  # fmt: skip


def test_a_profile_that_only_normalises_is_enough(bundle: Bundle, tmp_path: Path) -> None:
    store = ProfileStore(tmp_path / "data" / PROFILES)
    store.save(replace(profile_of(bundle), weights={}, model=b""), at_unix=AT_UNIX)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)
    require_identical(session_file(tmp_path / "data", bundle))


def document(path: Path, event: str, *, version: int | None = None) -> str:
    """The text of a document of the session stream."""
    every = [(json.loads(text), text) for text in texts(load(path)["HADUA-session"])]
    of_event = [(facts, text) for facts, text in every if facts["event"] == event]
    (found,) = [text for facts, text in of_event if version in (None, facts.get("version"))]
    return found


def replaced(path: Path, text: str, by: str) -> Path:
    """A copy of a file with another document of the same length."""
    data = path.read_bytes()
    assert len(text) == len(by)
    assert data.count(text.encode()) == 1
    to = path.with_suffix(".replaced.xdf")
    to.write_bytes(data.replace(text.encode(), by.encode()))
    return to
