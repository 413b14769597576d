"""A disk that becomes read-only, or slow to sync, under a whole real process."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec
import pytest
from support.real_booth import PERSON, Booth, booth, require_nothing_damaged, rows
from support.unwell_disk import unwell_disk
from support.without_disk import (
    require_all_of_it,
    require_that_it_goes_on,
    require_words_while_nothing_can_be_written,
)

from hadua.service.storage.packing import unpacked

SETTINGS = "min_free_mb = 0.0"
SYNC_S = 4.0  # longer than an answer waits for its marker to be kept
MARKERS = "SELECT text FROM frames WHERE kind = 'marker'"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a library loaded before others")


def mark(it: Booth, session_id: str, text: str) -> bool:
    """Whether it was kept by the time of the answer."""
    answer = it.http.post(f"/api/v1/sessions/{session_id}/markers", json={"text": text})
    assert answer.status_code == 201, answer.text
    return bool(answer.json()["kept"])


def unkept(it: Booth) -> float:
    """Frames that could not be kept, as `/metrics` has it."""
    found = re.search(r"^hadua_frames_unkept ([\d.e+]+)$", it.http.get("/metrics").text, re.M)
    assert found
    return float(found[1])


def predictions_after(it: Booth, session_id: str, seq: int) -> list[dict[str, object]]:
    """The frames, as REST has them."""
    path = f"/api/v1/sessions/{session_id}/predictions?after_seq={seq}&limit=1000"
    return list(it.http.get(path).json()["predictions"])


def require_that_none_waited(frames: list[dict[str, object]]) -> None:
    """No window is missing, and it took nowhere near as long as a sync."""
    latency_ms = [
        float(msgspec.convert(frame["latency_ms"], dict[str, float])["total"]) for frame in frames
    ]
    ends_s = [float(str(frame["end_s"])) for frame in frames]
    assert len(frames) >= 2
    assert max(latency_ms) < SYNC_S * 1e3 / 2
    assert median(latency_ms) < SYNC_S * 1e3 / 20
    hops_s = [later - end_s for end_s, later in pairwise(ends_s)]
    assert hops_s == pytest.approx([min(hops_s)] * len(hops_s))


def require_markers(folder: Path, texts: list[str]) -> None:
    """These are in the database."""
    kept = [unpacked(str(text)) for (text,) in rows(folder, MARKERS)]
    for text in texts:
        assert any(text in each for each in kept), text


def test_a_disk_that_becomes_read_only_costs_what_must_be_kept_until_it_can_be_written_again(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    ill = unwell_disk(disk, tmp_path)
    with booth(disk, settings=SETTINGS, versions=2, environment=ill.environment) as it:
        assert it.begin("before").status_code == 201
        it.predicts("before")
        assert mark(it, "before", "kept-before")
        assert unkept(it) == 0.0
        with ill.read_only():
            require_words_while_nothing_can_be_written(it, "before")
            unready = it.http.get("/readyz")
            assert unready.status_code == 503
            assert "disk" in str(unready.json()["reasons"])
            assert unkept(it) > 0.0
            assert "storage failed" in it.log
        require_that_it_goes_on(it)
        assert "storage works again" in it.log
        it.leave()
    require_all_of_it(disk)
    require_markers(disk, ["kept-before"])


def test_a_disk_that_is_slow_to_sync_makes_no_prediction_wait_and_a_marker_say_that_it_may_be_lost(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    ill = unwell_disk(disk, tmp_path)
    consent = {"notice": "notice/1", "recorded_by": "tester"}
    path = f"/api/v1/participants/{PERSON}/consent"
    with booth(disk, settings=SETTINGS, environment=ill.environment) as it:
        assert it.begin("a").status_code == 201
        it.predicts("a")
        assert mark(it, "a", "m-quick")
        texts = ["m-quick", "m-1"]
        with ill.slow(SYNC_S), ThreadPoolExecutor(1) as beside:
            last_seq = int(str(it.session("a")["last_seq"]))
            asking = beside.submit(it.http.post, path, json=consent)
            while mark(it, "a", texts[-1]):  # the first of them may come before the consent
                texts.append(f"m-{len(texts)}")
            it.predicts("a")
            said = predictions_after(it, "a", last_seq)
        assert asking.result().status_code == 200
        assert it.state("a") == "running"
        assert mark(it, "a", "m-again")
        it.leave()
    require_that_none_waited(said)
    require_nothing_damaged(disk)
    require_markers(disk, [*texts, "m-again"])
