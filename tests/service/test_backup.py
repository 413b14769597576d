"""A back-up made while somebody writes is whole, and nothing else is restored."""

import json
import zipfile
from pathlib import Path

import pytest
from support.keeping import new_data_folder

from hadua.models.errors import UsageError
from hadua.service.backup import MANIFEST, back_up, restore
from hadua.service.journal import Published
from hadua.service.storage.database import FILE_NAME
from hadua.service.storage.errors import StorageError
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage


def a_folder(tmp_path: Path) -> Path:
    folder = new_data_folder(tmp_path / "data")
    (folder / "profiles" / "P01").mkdir(parents=True)
    (folder / "profiles" / "P01" / "active.json").write_text("{}")
    (folder / "recordings").mkdir()
    (folder / "recordings" / "a.xdf").write_bytes(b"raw")
    (folder / "exports").mkdir()
    (folder / "exports" / "left.zip").write_bytes(b"scratch")
    return folder


def test_a_back_up_of_a_running_service_is_restored_with_all_that_was_written(
    tmp_path: Path,
) -> None:
    folder = a_folder(tmp_path)
    storage = Storage.open(folder, unix_clock=lambda: 7.0)
    storage.enter("P01")
    storage.began(SessionRecord("s-1", 1, "P01", 5.0, None, "running", "", "fake@0", 0))
    for seq in range(1, 301):
        storage.append(Published("s-1", 1, seq, "prediction", "{}"))
    storage.flush()

    done = back_up(folder, tmp_path / "b.zip", recordings=False, now_unix=8.0)
    storage.append(Published("s-1", 1, 301, "prediction", "{}"))
    storage.close()
    again = restore(tmp_path / "b.zip", tmp_path / "new")

    assert done == again
    new = Storage.open(tmp_path / "new", unix_clock=lambda: 9.0)
    assert len(new.frames_after("s-1", 1, seq=0, limit=1000)) == 300
    assert [p.id for p in new.participants()] == ["P01"]
    new.close()
    assert (tmp_path / "new" / "profiles" / "P01" / "active.json").read_text() == "{}"
    assert not (tmp_path / "new" / "recordings").exists()
    assert not (tmp_path / "new" / "exports").exists()


def test_recordings_come_along_where_asked(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    back_up(folder, tmp_path / "b.zip", recordings=True, now_unix=8.0)
    restore(tmp_path / "b.zip", tmp_path / "new")

    assert (tmp_path / "new" / "recordings" / "a.xdf").read_bytes() == b"raw"


def rewritten(path: Path, **changed: bytes | None) -> Path:
    """The archive with other contents; None leaves a file out."""
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        contents = {name: old.read(name) for name in old.namelist()}
        for name, content in (contents | changed).items():
            if content is not None:
                new.writestr(name, content)
    return out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data/profiles/P01/active.json": b"[]"}, "with another content"),
        ({"data/profiles/P01/active.json": None}, "lacks some of those"),
        ({"data/../evil": b"x"}, "does not name"),
        ({MANIFEST: None}, "no manifest"),
        ({MANIFEST: b"[1]"}, "no manifest"),
        ({MANIFEST: b'{"format": 9, "files": {}}'}, "another version: got format 9"),
        ({MANIFEST: b'{"format": 1, "files": {"../x": ""}}'}, "lead out of the folder"),
    ],
)
def test_what_is_damaged_or_hostile_is_refused_and_nothing_is_left(
    tmp_path: Path, changed: dict[str, bytes | None], message: str
) -> None:
    back_up(a_folder(tmp_path), tmp_path / "b.zip", recordings=False, now_unix=8.0)

    with pytest.raises(StorageError, match=message):
        restore(rewritten(tmp_path / "b.zip", **changed), tmp_path / "new" / "data")

    assert list((tmp_path / "new").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_what_would_not_fit_is_not_begun(tmp_path: Path) -> None:
    """A member says how much it is unpacked; more is never read, and so much there must be."""
    back_up(a_folder(tmp_path), tmp_path / "b.zip", recordings=False, now_unix=8.0)
    content = bytearray((tmp_path / "b.zip").read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")
    (tmp_path / "b.zip").write_bytes(content)

    with pytest.raises(StorageError, match=r"bytes to unpack, with \d+ free"):
        restore(tmp_path / "b.zip", tmp_path / "new" / "data", free=lambda _: 2**30)

    assert list((tmp_path / "new").iterdir()) == []


def test_a_member_that_claims_more_bytes_than_its_file_has_gets_no_memory(tmp_path: Path) -> None:
    """What it claims to weigh, packed, was asked for at once: up to 4 GB."""
    back_up(a_folder(tmp_path), tmp_path / "b.zip", recordings=False, now_unix=8.0)
    content = bytearray((tmp_path / "b.zip").read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 20 : at + 24] = (2**32 - 2).to_bytes(4, "little")
    (tmp_path / "b.zip").write_bytes(content)

    with pytest.raises(StorageError, match="bytes packed, in a file of"):
        restore(tmp_path / "b.zip", tmp_path / "new" / "data")

    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"no zip at all")
    with pytest.raises(StorageError, match="cannot be restored"):
        restore(tmp_path / "b.zip", tmp_path / "new")
    with pytest.raises(StorageError, match="No such file"):
        restore(tmp_path / "nowhere.zip", tmp_path / "new")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    back_up(folder, tmp_path / "b.zip", recordings=False, now_unix=8.0)
    before = (folder / FILE_NAME).read_bytes()

    with pytest.raises(UsageError, match="is there already"):
        back_up(folder, tmp_path / "b.zip", recordings=False, now_unix=8.0)
    with pytest.raises(UsageError, match="is not empty"):
        restore(tmp_path / "b.zip", folder)
    with pytest.raises(UsageError, match="no database in it"):
        back_up(tmp_path / "nowhere", tmp_path / "c.zip", recordings=False, now_unix=8.0)

    assert (folder / FILE_NAME).read_bytes() == before
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert json.loads(archive.read(MANIFEST))["made_unix"] == 8.0
