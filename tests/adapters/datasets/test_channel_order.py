import zipfile
from pathlib import Path

import pytest
from support.channel_orders import write_locs, write_workbook

from hadua.adapters.datasets.channel_order import check_order, check_orders, order_files
from hadua.adapters.datasets.feature_files import FileLog, no_report
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import RecordingError

SWAPPED = (*SEED_62[:10], SEED_62[11], SEED_62[10], *SEED_62[12:])


@pytest.mark.parametrize("shared", [True, False])
def test_a_workbook_in_seeds_order_passes(tmp_path: Path, shared: bool) -> None:
    names = ["Cz" if name == "CZ" else name for name in SEED_62]

    check_order(write_workbook(tmp_path / "Channel Order.xlsx", names, shared=shared))


def test_positions_in_seeds_order_pass(tmp_path: Path) -> None:
    names = ["Cz" if name == "CZ" else name for name in SEED_62]

    check_order(write_locs(tmp_path / "channel_62_pos.locs", names))


@pytest.mark.parametrize("shared", [True, False])
def test_a_swapped_pair_in_a_workbook_is_named(tmp_path: Path, shared: bool) -> None:
    path = write_workbook(tmp_path / "channel-order.xlsx", SWAPPED, shared=shared)

    with pytest.raises(
        RecordingError, match=r"channel-order\.xlsx': channel 11 is another: got 'F4', .*'F2'"
    ):
        check_order(path)


def test_a_swapped_pair_in_positions_is_named(tmp_path: Path) -> None:
    path = write_locs(tmp_path / "channel_62_pos.locs", SWAPPED)

    with pytest.raises(RecordingError, match=r"\.locs': channel 11 is another: got 'F4'"):
        check_order(path)


def test_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    path = write_locs(tmp_path / "channel_62_pos.locs", SEED_62[:60])

    with pytest.raises(RecordingError, match=r"number of channels: got 60, expected 62"):
        check_order(path)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"PK\x03\x04 and then nothing"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "Channel Order.xlsx").write_bytes(raw)

    with pytest.raises(RecordingError, match=r"Channel Order\.xlsx': not a workbook"):
        check_order(tmp_path / "Channel Order.xlsx")


def test_a_workbook_without_a_sheet_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Channel Order.xlsx", "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")

    with pytest.raises(RecordingError, match=r"not a workbook with a channel order"):
        check_order(tmp_path / "Channel Order.xlsx")


def test_only_files_of_the_known_names_are_found(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a" / "channel-order.xlsx", SEED_62)
    write_workbook(tmp_path / "Channel Order.xlsx", SEED_62)
    write_locs(tmp_path / "channel_62_pos.locs", SEED_62)
    (tmp_path / "subjects.xlsx").write_bytes(b"no channel order")

    found = order_files(tmp_path, tmp_path / "a", tmp_path, tmp_path / "missing")

    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["Channel Order.xlsx", "a/channel-order.xlsx", "channel_62_pos.locs"]


def test_what_was_checked_is_said_and_hashed(tmp_path: Path) -> None:
    path = write_locs(tmp_path / "channel_62_pos.locs", SEED_62)
    log = FileLog(tmp_path, total=1, on_file=no_report)

    assert check_orders([path], log) == "channel order: as in 'channel_62_pos.locs'"
    assert list(log.hashes) == ["channel_62_pos.locs"]
    assert "as documented" in check_orders([], log)
