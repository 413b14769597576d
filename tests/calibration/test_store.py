"""Profiles on disk: what was saved comes back, and nothing else does."""

import os
import shutil
from pathlib import Path

import pytest
from support.bundles import make_bundle
from support.profiles import AT_UNIX, PERSON, grow, profile_of

from hadua.calibration.profile_files import ARRAYS, DOCUMENT, MODEL, to_files
from hadua.calibration.store import VERSIONS, ProfileStore
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import InvalidInputError, ProfileError


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(make_bundle(tmp_path))


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "participants", keep=4)


def test_what_was_saved_comes_back(store: ProfileStore, bundle: Bundle) -> None:
    saved = profile_of(bundle)
    store.save(saved, at_unix=AT_UNIX)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)

    loaded = store.load_active(PERSON, bundle=bundle)

    assert loaded is not None
    assert to_files(loaded) == to_files(saved)
    assert loaded.made == saved.made
    assert not any(w.flags.writeable for w in loaded.weights.values())


def test_the_same_profile_is_the_same_bytes(
    store: ProfileStore, bundle: Bundle, tmp_path: Path
) -> None:
    other = ProfileStore(tmp_path / "elsewhere")
    for each in (store, other):
        grow(each, bundle, versions=2)

    assert _tree(store.root) == _tree(other.root)


def test_nobody_and_nothing_yet(store: ProfileStore, bundle: Bundle) -> None:
    assert store.participants() == []
    assert store.recover() == []
    assert store.next_version(PERSON) == 1
    assert store.load_active(PERSON, bundle=bundle) is None
    with pytest.raises(ProfileError, match="'P01' is not here"):
        store.history(PERSON)
    with pytest.raises(ProfileError, match="'P01' is not here"):
        store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="")


def test_a_saved_version_does_not_serve_until_it_is_activated(
    store: ProfileStore, bundle: Bundle
) -> None:
    grow(store, bundle, versions=1)
    store.save(profile_of(bundle, version=2, parent=1), at_unix=AT_UNIX)

    assert store.active_version(PERSON) == 1


def test_history_is_bounded_and_keeps_what_is_needed(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=2)
    for version in range(3, 9):  # all children of 2, none of the others
        store.save(profile_of(bundle, version=version, parent=2), at_unix=AT_UNIX)
        store.activate(PERSON, version, bundle=bundle, at_unix=AT_UNIX, good=1)

    history = store.history(PERSON)

    assert (history.active, history.good) == (8, 1)
    assert list(history.versions) == [1, 2, 7, 8]
    assert [e.event for e in history.events].count("activated") == 8


def test_a_roll_back_goes_to_what_served_before(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=3)

    assert store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="entropy") == 2
    assert store.active_version(PERSON) == 2
    assert store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="why", version=0) == 0
    assert store.load_active(PERSON, bundle=bundle) is None
    assert store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="", version=3) == 3
    last = store.history(PERSON).events[-3:]
    assert [(e.event, e.version, e.reason) for e in last] == [
        ("rolled back", 2, "entropy"),
        ("rolled back", 0, "why"),
        ("rolled back", 3, ""),
    ]


def test_a_number_is_never_used_twice(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=1)
    store.save(profile_of(bundle, version=2, parent=1), at_unix=AT_UNIX)
    store.discard(PERSON, 2, at_unix=AT_UNIX, reason="rejected")

    assert store.next_version(PERSON) == 3
    with pytest.raises(ProfileError, match="got version 2, expected version 3"):
        store.save(profile_of(bundle, version=2, parent=1), at_unix=AT_UNIX)
    with pytest.raises(ProfileError, match="the version that serves"):
        store.discard(PERSON, 1, at_unix=AT_UNIX, reason="")


def test_delete_leaves_nothing(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=2)
    grow(store, bundle, versions=1, participant="P02")
    (store.folder(PERSON) / "calibration").mkdir()
    (store.folder(PERSON) / "calibration" / "windows.bin").write_bytes(b"windows")

    store.delete(PERSON)

    assert store.participants() == ["P02"]
    assert [p.name for p in store.root.iterdir()] == ["P02"]
    with pytest.raises(ProfileError, match="'P01' is not here"):
        store.delete(PERSON)


@pytest.mark.parametrize(
    "participant",
    [
        "",
        "../P01",
        "a/b",
        "a\\b",
        "..",
        ".",
        "P01\n",
        "\x00",
        "P\x1b[31m",
        "a" * 65,
        "Jürgen",
        "P 1",
    ],
)
def test_an_id_that_leads_elsewhere(store: ProfileStore, bundle: Bundle, participant: str) -> None:
    with pytest.raises(InvalidInputError, match="1 to 64 letters, digits"):
        store.folder(participant)
    with pytest.raises(InvalidInputError, match="participant"):
        profile_of(bundle, participant=participant)


@pytest.mark.parametrize("participant", ["con", "NUL", "Com1"])
def test_a_name_of_a_device(store: ProfileStore, participant: str) -> None:
    with pytest.raises(InvalidInputError, match="Windows keeps for a device"):
        store.folder(participant)


def test_ids_that_are_one_folder_on_some_systems(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=1)
    with pytest.raises(ProfileError, match="got a participant 'P01' already"):
        store.folder("p01")


def test_a_profile_of_another_bundle(store: ProfileStore, bundle: Bundle, tmp_path: Path) -> None:
    grow(store, bundle, versions=1)
    other = load_bundle(make_bundle(tmp_path / "other", seed=1))
    with pytest.raises(
        ProfileError, match=r"belongs to another bundle: got 'random@\w+', expected"
    ):
        store.load(PERSON, 1, bundle=other)
    with pytest.raises(ProfileError, match="belongs to another bundle"):
        store.activate(PERSON, 1, bundle=other, at_unix=AT_UNIX)


def test_a_profile_of_another_participant(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=1)
    shutil.copytree(store.folder(PERSON), store.root / "P02")
    with pytest.raises(ProfileError, match="got the files of profile 1 of 'P01'"):
        store.load("P02", 1, bundle=bundle)


@pytest.mark.parametrize("name", [DOCUMENT, ARRAYS, MODEL])
@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "missing", "huge"])
def test_a_damaged_file(store: ProfileStore, bundle: Bundle, name: str, how: str) -> None:
    grow(store, bundle, versions=2)
    path = store.folder(PERSON) / VERSIONS / "000002" / name
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "huge":
        os.truncate(path, 2**27)
    else:
        flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        path.write_bytes({"flipped": flipped, "cut": content[:-20], "empty": b""}[how])

    with pytest.raises(ProfileError, match="profile 2 of 'P01'"):
        store.load_active(PERSON, bundle=bundle)
    # The way out: the version before is whole.
    assert store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="damaged") == 1
    assert (2 in store.history(PERSON).damaged) == (name == DOCUMENT)


def test_a_document_changed_by_hand(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=1)
    path = store.folder(PERSON) / VERSIONS / "000001" / DOCUMENT
    path.write_bytes(path.read_bytes().replace(b'"n_seen": 100', b'"n_seen": 900'))
    with pytest.raises(ProfileError, match="is damaged: got another content than its digest"):
        store.load(PERSON, 1, bundle=bundle)


def test_a_pointer_that_cannot_be_read(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=2)
    (store.folder(PERSON) / "active.json").write_bytes(b"{half")
    with pytest.raises(ProfileError, match="does not say which version is in force"):
        store.load_active(PERSON, bundle=bundle)
    store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="repair", version=2)
    assert store.active_version(PERSON) == 2


def test_a_torn_line_in_the_ledger(store: ProfileStore, bundle: Bundle) -> None:
    grow(store, bundle, versions=1)
    with (store.folder(PERSON) / "ledger.jsonl").open("ab") as file:
        file.write(b'{"at_unix": 1.7')
    store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="next", version=0)
    assert [e.event for e in store.history(PERSON).events] == ["saved", "activated", "rolled back"]


def _tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
