"""The computer, the settings, the disk."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.doctor import LINUX, FakeHost, a_visit, said

from hadua.service.config import Settings
from hadua.service.doctor.surroundings import Room
from hadua.service.doctor.system import look_at_disk, look_at_settings, look_at_system


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HADUA_{name.upper()}", raising=False)


def test_the_system_is_named() -> None:
    ((state, found),) = said(look_at_system(a_visit()))
    assert (state, found) == ("ok", "Linux 6.1 (x86_64), Python 3.11.7 (64 bit), hadua 0.1.0")


def test_a_python_of_32_bits_is_a_problem() -> None:
    (finding,) = look_at_system(a_visit(FakeHost(kind=replace(LINUX, bits=32))))
    assert finding.state == "problem"
    assert "64-bit" in finding.fix


def test_settings_are_read_as_the_service_reads_them(tmp_path: Path) -> None:
    config = tmp_path / "hadua.toml"
    config.write_text("eeg = 'lsl:type=EEG'\nport = 1", encoding="utf-8")
    visit = a_visit(flags={"port": 2}, config=config)

    (finding,) = look_at_settings(visit)

    assert (finding.state, finding.found) == ("ok", "set: eeg, port")
    assert (visit.settings.eeg, visit.settings.port) == ("lsl:type=EEG", 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("eeg = lsl", "settings file"),
        ("prot = 1", "unknown setting 'prot'"),
        ("port = 'x'", "setting 'port': got 'x'"),
    ],
)
def test_a_settings_file_that_cannot_be_is_a_problem_and_the_flags_still_count(
    tmp_path: Path, text: str, found: str
) -> None:
    config = tmp_path / "hadua.toml"
    config.write_text(text, encoding="utf-8")
    visit = a_visit(flags={"gaze": "sim:"}, config=config)

    (finding,) = look_at_settings(visit)

    assert finding.state == "problem"
    assert found in finding.found
    assert finding.fix
    assert (visit.settings.gaze, visit.settings.port) == ("sim:", 8000)


def test_a_misspelt_variable_is_named_with_the_right_one() -> None:
    host = FakeHost(variables={"HADUA_PROT": "1", "HADUA_PORT": "1", "HADUA_CONFIG": "x"})
    _, finding = look_at_settings(a_visit(host))
    assert (finding.state, finding.fix) == ("warning", "Did you mean HADUA_PORT?")
    assert finding.found == "HADUA_PROT is no setting and is ignored"


def test_a_disk_with_room_is_fine() -> None:
    ((state, found),) = said(look_at_disk(a_visit()))
    assert state == "ok"
    assert found == ("100.0 GB free of 200: about 112 h of 62 channels at 1000 Hz; writes 300 MB/s")


@pytest.mark.parametrize(
    ("host", "state", "words"),
    [
        (FakeHost(space=Room(9 * 10**8, 10**12)), "problem", "below 1 GB (min_free_mb)"),
        (FakeHost(space=Room(2 * 10**9, 10**12)), "warning", "Make room"),
        (FakeHost(speed=1e6), "warning", "network drive"),
        (FakeHost(space=OSError(2, "No such file")), "problem", "--data-dir"),
        (FakeHost(speed=OSError(30, "Read-only file system")), "problem", "--data-dir"),
    ],
)
def test_a_disk_that_will_not_do(host: FakeHost, state: str, words: str) -> None:
    (finding,) = look_at_disk(a_visit(host))
    assert finding.state == state
    assert words in finding.fix


def test_recordings_may_go_elsewhere() -> None:
    visit = a_visit(FakeHost(speed=OSError(13, "Permission denied")))
    visit.settings = Settings.model_construct(data_dir=Path("/data"), record=Path("/records"))
    data, records = look_at_disk(visit)
    assert "'/data'" in data.looked_at
    assert "'/records'" in records.looked_at
    assert "--data-dir" in data.fix
    assert "the setting record" in records.fix


def test_a_folder_that_a_cloud_copies_is_named() -> None:
    visit = a_visit()
    visit.settings = Settings.model_construct(data_dir=Path("/users/me/OneDrive - Uni/data"))
    (finding,) = look_at_disk(visit)
    assert finding.state == "warning"
    assert "cloud" in finding.fix
