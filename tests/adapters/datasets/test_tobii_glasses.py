import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from hadua.adapters.datasets.tobii_glasses import SPEC, read_livedata
from hadua.models.errors import RecordingError


def lines(*entries: object) -> str:
    return "\n".join(json.dumps(e) for e in entries) + "\n"


def sample(ts: int, gidx: int, **invalid: int) -> list[dict[str, object]]:
    return [
        {"ts": ts, "s": invalid.get("left", 0), "gidx": gidx, "pd": 3.0, "eye": "left"},
        {"ts": ts, "s": invalid.get("right", 0), "gidx": gidx, "pd": 3.5, "eye": "right"},
        {"ts": ts, "s": invalid.get("gaze", 0), "gidx": gidx, "l": 1, "gp": [0.25, 0.75]},
    ]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_lines_of_one_group_make_one_sample(tmp_path: Path) -> None:
    other = {"ts": 5, "s": 0, "ac": [0.0, -9.8, 0.0]}
    text = lines(*sample(2_000_000, 8), other, *sample(1_000_000, 7))

    r = read_livedata(write(tmp_path / "livedata.json", text))

    assert r.t_s.tolist() == [1.0, 2.0], "in order of time, whatever the order in the file"
    assert r.gaze.tolist() == [[0.25, 0.75]] * 2
    assert r.pupil_mm.tolist() == [[3.0, 3.5]] * 2


def test_what_is_not_valid_is_nan_never_a_number(tmp_path: Path) -> None:
    text = lines(*sample(0, 1, left=1), *sample(20_000, 2, gaze=4), *sample(40_000, 3)[:1])

    r = read_livedata(write(tmp_path / "livedata.json", text))

    nan = np.nan
    np.testing.assert_array_equal(
        r.per_eye(),
        [
            [nan, nan, nan, 0.25, 0.75, 3.5],
            [nan, nan, 3.0, nan, nan, 3.5],
            [nan, nan, 3.0, nan, nan, nan],
        ],
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('{"ts": 1, "gidx"', "line 4: got .*expected one JSON object"),
        ("[1, 2]", "line 4: got .*expected one JSON object"),
        ('{"ts": 1, "s": 0, "gidx": 9, "gp": [0.5]}', "line 4: got gp=.*expected 2 finite numbers"),
        ('{"ts": 1, "s": 0, "gidx": 9, "gp": [0.5, NaN]}', "line 4: got gp=.*2 finite numbers"),
        ('{"ts": "x", "s": 0, "gidx": 9}', "line 4: got ts='x', expected 1 finite number"),
        ('{"ts": 1, "s": 0, "gidx": 9, "pd": 3, "eye": "third"}', "line 4: got eye 'third'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, message: str) -> None:
    path = write(tmp_path / "livedata.json", lines(*sample(0, 1)) + bad + "\n")

    with pytest.raises(RecordingError, match=message) as caught:
        read_livedata(path)

    assert repr(str(path))[1:-1] in str(caught.value)


def test_a_file_without_gaze_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "livedata.json", lines({"ts": 5, "s": 0, "ac": [0.0, -9.8, 0.0]}))

    with pytest.raises(RecordingError, match="has no gaze"):
        read_livedata(path)


def test_chunks_hold_every_sample_once(tmp_path: Path) -> None:
    text = lines(*(e for k in range(7) for e in sample(20_000 * k, k)))
    packed = tmp_path / "livedata.json.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    r = read_livedata(packed)

    sent = list(r.chunks(size=3))

    assert [len(c) for c in sent] == [3, 3, 1]
    assert SPEC.labels[:3] == ("left_x", "left_y", "left_pupil")
    np.testing.assert_array_equal(np.concatenate([c.x for c in sent]), r.per_eye())


def test_the_real_recording(recordings: Path) -> None:
    r = read_livedata(recordings / "tobii_glasses2" / "livedata.json.gz")

    assert len(r.t_s) == 966
    assert np.median(np.diff(r.t_s)) == pytest.approx(0.02, abs=1e-4)
    assert np.isnan(r.gaze).any(axis=1).sum() == 6
    assert 3.0 < np.nanmin(r.pupil_mm) < np.nanmax(r.pupil_mm) < 4.1
