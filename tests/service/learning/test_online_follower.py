"""The follower by itself: what it holds of a sitting is kept, where the disk has room for it."""

import errno
from pathlib import Path

import pytest
from support.toy_bundle import toy_bundle
from support.toy_calibration import toy_windows

from hadua.calibration.collected import CollectedWindow
from hadua.calibration.sitting import SITTING, SittingFiles
from hadua.models.features import Modality
from hadua.service.learning.online_follower import Follower
from hadua.service.learning.online_messages import Begin, Begun, Kept, See, Seen


def begun(folder: Path, *, resume: bool) -> tuple[Follower, Begun]:
    follower = Follower()
    (folder / "online").mkdir(parents=True, exist_ok=True)
    begin = Begin(
        bundle=str(toy_bundle().path.absolute()),
        profiles=str(folder / "profiles"),
        participant="P01",
        version=0,
        folder=str(folder / "online"),
        resume=resume,
    )
    (said,) = follower.answers(begin)
    assert isinstance(said, Begun)
    return follower, said


def show(follower: Follower, start: int, stop: int) -> int:
    """Windows of the toy person; how many versions came of them."""
    bundle, made = toy_bundle(), 0
    widths = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
    for k in range(start, stop):
        window = CollectedWindow.of(*toy_windows(k), widths)
        for said in follower.answers(See.of(window, usable=True)):
            if isinstance(said, Seen) and said.made:
                made += 1
                list(follower.answers(Kept(version=made)))
    return made


def test_a_successor_takes_over_and_whoever_begins_anew_does_not(tmp_path: Path) -> None:
    first, said = begun(tmp_path, resume=False)
    assert said.resumed == 0
    pieces = show(first, 0, 30)
    assert pieces >= 2
    _, successor = begun(tmp_path, resume=True)
    assert successor.resumed == pieces
    _, another = begun(tmp_path, resume=False)
    assert another.resumed == 0
    assert not (tmp_path / "online" / SITTING).exists()


def test_without_room_it_follows_all_the_same_and_nothing_half_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, _ = begun(tmp_path, resume=False)
    before = show(follower, 0, 14)
    assert (tmp_path / "online" / SITTING).exists()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as disk:
        disk.setattr(SittingFiles, "_write", full)
        meanwhile = show(follower, 14, 26)
        assert meanwhile >= 1
    assert not (tmp_path / "online" / SITTING).exists()
    show(follower, 26, 27)  # there is room again
    _, successor = begun(tmp_path, resume=True)
    assert successor.resumed == before + meanwhile
