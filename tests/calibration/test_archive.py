"""A participant as one file: there and back, and what else may call itself such a file."""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bundles import make_bundle
from support.profiles import AT_UNIX, PERSON, grow

from hadua.calibration.archive import export_participant, import_participant
from hadua.calibration.profile_files import DOCUMENT, to_files
from hadua.calibration.store import VERSIONS, ProfileStore
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import HaduaError, ProfileError


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(make_bundle(tmp_path, eeg_channels=1))


@pytest.fixture
def store(tmp_path: Path, bundle: Bundle) -> ProfileStore:
    store = ProfileStore(tmp_path / "participants")
    grow(store, bundle, versions=3)
    store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="entropy")
    return store


@pytest.fixture
def other(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "other")


def test_there_and_back(
    store: ProfileStore, other: ProfileStore, bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "P01.zip"
    path.write_bytes(export_participant(store, PERSON))

    assert import_participant(other, path, at_unix=AT_UNIX) == PERSON

    before, after = store.history(PERSON), other.history(PERSON)
    assert (after.active, after.good, list(after.versions)) == (2, 2, [1, 2, 3])
    assert after.events[:-1] == before.events
    assert (after.events[-1].event, after.events[-1].reason) == ("imported", "P01.zip")
    for version in after.versions:
        one, two = (s.load(PERSON, version, bundle=bundle) for s in (store, other))
        assert to_files(one) == to_files(two)
    assert export_participant(store, PERSON) == path.read_bytes()  # the same state, the same bytes


def test_one_who_is_here_already(store: ProfileStore, tmp_path: Path) -> None:
    path = tmp_path / "P01.zip"
    path.write_bytes(export_participant(store, PERSON))
    with pytest.raises(ProfileError, match="'P01' is here already"):
        import_participant(store, path, at_unix=AT_UNIX)
    assert len(store.history(PERSON).versions) == 3


def test_a_damaged_version_is_not_exported(store: ProfileStore) -> None:
    (store.folder(PERSON) / VERSIONS / "000001" / DOCUMENT).write_bytes(b"{}")
    with pytest.raises(ProfileError, match="profile 1 of 'P01' cannot be exported"):
        export_participant(store, PERSON)


Change = Callable[[dict[str, bytes]], dict[str, bytes]]
FIRST = f"{PERSON}/{VERSIONS}/000001/"


def _renamed(old: str, new: str) -> Change:
    return lambda files: {name.replace(old, new): content for name, content in files.items()}


def _with(name: str, content: bytes = b"x") -> Change:
    return lambda files: {**files, name: content}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_with("../../evil"), "a file '../../evil'"),
        (_with(f"{PERSON}/../evil"), "a file"),
        (_with("/etc/passwd"), "a file '/etc/passwd'"),
        (_with(f"{PERSON}/{VERSIONS}/000001/../../../evil/profile.json"), "a file"),
        (_with(f"{PERSON}/{VERSIONS}/1/{DOCUMENT}"), "a file"),
        (_with(f"{PERSON}/run.py"), "a file 'P01/run.py'"),
        (_renamed(PERSON + "/", "../"), "participant '..'"),
        (_renamed(PERSON + "/", "/"), "participant ''"),
        (_renamed(PERSON + "/", "CON/"), "Windows keeps for a device"),
        (_renamed(PERSON + "/", "P02/"), "got the files of profile 1 of 'P01'"),
        (_renamed(f"{PERSON}/active", "P02/active"), "the files of 2 participants"),
        (_with(FIRST + DOCUMENT, b"{}"), "is not valid"),
        (_with(f"{PERSON}/active.json", b'{"active": 9}'), "a pointer to version 9"),
        (lambda files: {}, "the files of 0 participants"),
        (_renamed("000001", "000007"), "got the files of profile 1"),
    ],
)
def test_an_archive_with_something_else_in_it(
    store: ProfileStore, other: ProfileStore, tmp_path: Path, change: Change, match: str
) -> None:
    files = _unpacked(export_participant(store, PERSON))
    path = tmp_path / "hostile.zip"
    path.write_bytes(_packed(change(files)))

    with pytest.raises(HaduaError, match=match):
        import_participant(other, path, at_unix=AT_UNIX)

    _nothing_happened(other, tmp_path)


def test_sizes_are_not_believed(store: ProfileStore, other: ProfileStore, tmp_path: Path) -> None:
    files = _unpacked(export_participant(store, PERSON))
    path = tmp_path / "hostile.zip"
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FIRST + "model.onnx", bytes(2**22))
    small = _packed({FIRST + DOCUMENT: bytes(2**20 + 1)})
    twice = _packed(files, twice=True)
    whole = _packed(files)
    cut = whole[: len(whole) // 2]
    lying = whole.replace(struct.pack("<L", len(files[FIRST + DOCUMENT])), struct.pack("<L", 3))
    for content, match in (
        (bomb.getvalue(), "compression 8"),
        (small, "1048576 bytes at most"),
        (twice, "each once"),
        (cut, "is not taken"),
        (b"PK", "is not taken"),
        (b"", "is not taken"),
        (lying, "is not taken|Bad|is not valid|cannot be read"),
    ):
        path.write_bytes(content)
        with pytest.raises(ProfileError, match=match):
            import_participant(other, path, at_unix=AT_UNIX)
        _nothing_happened(other, tmp_path)
    with pytest.raises(ProfileError, match="cannot be read"):
        import_participant(other, tmp_path / "nowhere.zip", at_unix=AT_UNIX)


def test_too_many_files(other: ProfileStore, tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    path.write_bytes(_packed({f"P01/{k}": b"" for k in range(3001)}))
    with pytest.raises(ProfileError, match="got 3001 files, expected 1000 versions at most"):
        import_participant(other, path, at_unix=AT_UNIX)


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(files: dict[str, bytes], *, twice: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
        for name, content in [*files.items(), *(list(files.items())[:1] if twice else [])]:
            archive.writestr(name, content)
    return buffer.getvalue()


def _nothing_happened(store: ProfileStore, tmp_path: Path) -> None:
    assert not store.root.exists() or list(store.root.iterdir()) == []
    assert not list(tmp_path.rglob("evil*"))
