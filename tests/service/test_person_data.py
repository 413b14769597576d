"""Everything of a person in one archive, and gone: rows, profiles, recordings, bytes."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from support.keeping import new_data_folder
from support.profiles import grow
from support.service import Parts, async_test, running, settings_for_tests

from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.errors import InvalidInputError
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.journal import Published
from hadua.service.metrics import Metrics
from hadua.service.person_data import PROFILES, PersonData
from hadua.service.recorded_files import FOLDER, RecordedFiles
from hadua.service.recordings import About, Recordings
from hadua.service.storage.errors import ParticipantUnknownError
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage

NAME = "Person-4711"
WORDS = b"raw signals of somebody"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(demo_bundle_path())


def fill(folder: Path, bundle: Bundle, *, name: str = NAME, session: str = "s-1") -> None:
    """A person with everything that can be kept of one."""
    storage = Storage.open(folder, unix_clock=lambda: 1000.0)
    storage.enter(name)
    storage.consent(name, notice="notice/1", recorded_by="anna")
    storage.began(SessionRecord(session, 1, name, 5.0, 9.0, "stopped", "", "demo@1", 3))
    for seq in (1, 2, 3):
        storage.append(Published(session, 1, seq, "prediction", json.dumps({"seq": seq})))
    storage.close()
    grow(ProfileStore(folder / PROFILES), bundle, versions=2, participant=name)
    recording = folder / FOLDER / f"sub-{name}" / "ses-1" / f"sub-{name}_ses-1_eeg.xdf"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(WORDS)


def opened(folder: Path) -> tuple[PersonData, Storage]:
    storage = Storage.open(folder, unix_clock=lambda: 2000.0)
    profiles = ProfileStore(folder / PROFILES)
    scratch = folder / "exports"
    return PersonData(storage, profiles, recordings=RecordedFiles(folder), scratch=scratch), storage


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_nothing_is_left_of_an_erased_person_and_all_of_another(
    tmp_path: Path, bundle: Bundle
) -> None:
    folder = new_data_folder(tmp_path)
    fill(folder, bundle)
    fill(folder, bundle, name="P02", session="s-2")
    assert any(NAME.encode() in content for content in bytes_in(folder).values())
    people, storage = opened(folder)

    gone = people.erase(NAME)

    assert (gone.sessions, gone.frames, gone.consents) == (1, 3, 1)
    assert (gone.profiles, gone.recordings, gone.files) == (2, 1, 1)
    held = bytes_in(folder)
    assert [name for name, content in held.items() if NAME.encode() in content] == []
    assert [name for name in held if NAME in name] == []
    assert any(WORDS in content for name, content in held.items() if "P02" in name)
    assert storage.participant("P02").consented
    assert json.loads(storage.trail()[-1].detail)["profiles"] == 2
    with pytest.raises(ParticipantUnknownError, match=f"nothing is kept of .*{NAME}"):
        people.erase(NAME)
    storage.close()


def test_profiles_without_a_row_are_erased_too(tmp_path: Path, bundle: Bundle) -> None:
    folder = new_data_folder(tmp_path)
    grow(ProfileStore(folder / PROFILES), bundle, versions=1, participant=NAME)
    people, storage = opened(folder)

    gone = people.erase(NAME)

    assert (gone.profiles, gone.sessions) == (1, 0)
    assert not (folder / PROFILES / NAME).exists()
    assert [entry.action for entry in storage.trail()] == ["participant erased"]
    storage.close()


def test_damaged_profiles_are_erased_like_whole_ones(tmp_path: Path, bundle: Bundle) -> None:
    folder = new_data_folder(tmp_path)
    fill(folder, bundle)
    home = folder / PROFILES / NAME
    (home / "active.json").write_text("{")
    (home / "versions" / "000001" / "profile.json").write_text("{")
    people, storage = opened(folder)

    gone = people.erase(NAME)

    assert (gone.sessions, gone.profiles, gone.recordings) == (1, 2, 1)
    assert not home.exists()
    storage.close()


@pytest.mark.parametrize("name", ["../profiles", "a/b", "a\nb", "", "."])
def test_an_id_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    people, storage = opened(new_data_folder(tmp_path))
    with pytest.raises(InvalidInputError, match="participant"):
        people.erase(name)
    with pytest.raises(InvalidInputError, match="participant"):
        people.export(name)
    storage.close()


def record(settings: Settings, participant: str) -> None:
    """A recording as a session of that participant makes it."""
    recordings = Recordings(
        settings, classes=("a", "b"), metrics=Metrics(), clock=lambda: 1.0, unix_clock=lambda: 1.0
    )
    recorder = recordings.begin(
        About(session_id="s-1", epoch=1, participant=participant, modalities=(Modality.EEG,))
    )
    recorder.start()
    recorder.stop("asked to")
    assert recorder.join(10.0)


def test_recordings_are_erased_wherever_they_went_and_only_the_persons_own(tmp_path: Path) -> None:
    folder, lab, disk = new_data_folder(tmp_path / "data"), tmp_path / "lab", tmp_path / "disk"
    settings = settings_for_tests(data_dir=folder, min_free_mb=0.0)
    for place in (None, lab, disk):
        record(settings.model_copy(update={"record": place}), "P-01")
    record(settings, "P01")  # whose files lie in the same folder: BIDS labels have no hyphen
    cut = folder / FOLDER / "sub-P01" / "ses-s1" / "cut.xdf"
    cut.write_bytes(b"XDF:\x01")  # says of nobody that it is theirs
    shutil.rmtree(disk)  # unplugged
    people, storage = opened(folder)

    gone = people.erase("P-01")

    assert (gone.recordings, gone.out_of_reach) == (3, (str(disk),))
    assert list(lab.rglob("*")) == []
    (left,) = RecordedFiles(folder).all()
    assert left.participant == "P01"
    assert [n for n, held in bytes_in(tmp_path).items() if b"P-01" in held] == []
    storage.close()


@async_test
async def test_an_archive_holds_everything_and_is_not_left_behind(new_folder: Path) -> None:
    bundle = load_bundle(demo_bundle_path())
    fill(new_folder, bundle)
    (new_folder / "exports").mkdir()
    (new_folder / "exports" / ".export-left.zip").write_bytes(b"of a killed service")
    collected = new_folder / "profiles" / NAME / "calibration" / "windows.f32"
    collected.parent.mkdir()
    collected.write_bytes(WORDS)
    async with running(Parts(data_folder=new_folder)) as service:
        answer = await service.http.get(f"/api/v1/participants/{NAME}/export")
        unknown = await service.http.get("/api/v1/participants/P09/export")
        gone = await service.http.delete(f"/api/v1/participants/{NAME}")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "participant-unknown")
    assert (gone.json()["profiles"], gone.json()["recordings"]) == (2, 1)
    assert f"{NAME}.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        facts = json.loads(archive.read("participant.json"))
        lines = archive.read("frames/s-1_1.jsonl").splitlines()
        recording = archive.read(f"recordings/sub-{NAME}/ses-1/sub-{NAME}_ses-1_eeg.xdf")
    assert {"README.txt", "audit.json", "sessions.json", "profiles.zip"} <= names
    assert facts["consents"][0]["notice"] == "notice/1"
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert recording == WORDS
    assert "calibration/windows.f32" in names
    assert not [name for name in bytes_in(new_folder) if "export-" in name]
