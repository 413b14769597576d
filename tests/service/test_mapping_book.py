from pathlib import Path

import pytest

from hadua.adapters.devices.identity import MappingIdentity
from hadua.service.mapping_book import MappingBook, MappingState, MappingUnknownError

MUSE = MappingIdentity("d" * 16, "a" * 16)
SAME_OTHERWISE = MappingIdentity("d" * 16, "b" * 16)
ANOTHER = MappingIdentity("e" * 16, "c" * 16)


def book(path: Path | None) -> MappingBook:
    return MappingBook(path, unix_clock=lambda: 1_800_000_000.0)


def confirm(into: MappingBook, identity: MappingIdentity) -> None:
    into.confirm(identity, modality="eeg", stream="Muse", title="Muse", summary="all of it")


def test_it_remembers_from_one_start_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "data" / "mappings.json"
    confirm(book(path), MUSE)

    later = book(path)

    assert later.state(MUSE) is MappingState.CONFIRMED
    assert later.state(SAME_OTHERWISE) is MappingState.CHANGED
    assert later.state(ANOTHER) is MappingState.UNCONFIRMED
    (kept,) = later.all()
    assert (kept.stream, kept.summary, kept.confirmed_unix_s) == ("Muse", "all of it", 1.8e9)


def test_both_mappings_of_a_device_can_be_confirmed(tmp_path: Path) -> None:
    it = book(tmp_path / "m.json")
    confirm(it, MUSE)
    confirm(it, SAME_OTHERWISE)
    assert it.state(MUSE) is it.state(SAME_OTHERWISE) is MappingState.CONFIRMED


def test_what_is_forgotten_is_gone_from_the_file(tmp_path: Path) -> None:
    it = book(tmp_path / "m.json")
    confirm(it, MUSE)
    it.forget(MUSE.key)
    assert book(tmp_path / "m.json").state(MUSE) is MappingState.UNCONFIRMED
    with pytest.raises(MappingUnknownError, match="no confirmed mapping 'aaaa"):
        it.forget(MUSE.key)


def test_without_a_file_nothing_outlives_it(tmp_path: Path) -> None:
    it = book(None)
    confirm(it, MUSE)
    assert it.state(MUSE) is MappingState.CONFIRMED
    assert book(None).all() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"{", b'{"mappings": 3}'])
def test_a_damaged_file_is_put_aside_and_said(
    damage: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mappings.json"
    path.write_bytes(damage)

    it = book(path)

    assert it.all() == []
    assert "confirm each device again" in caplog.text
    assert (tmp_path / "mappings.json.damaged-1800000000").read_bytes() == damage
    confirm(it, MUSE)
    assert book(path).state(MUSE) is MappingState.CONFIRMED
