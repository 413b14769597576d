import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pylsl
import pytest
from support.muse_files import muse_text, write_muse

from hadua.adapters.datasets.muse_csv import read_muse_csv
from hadua.adapters.datasets.tobii_glasses import read_livedata

SENDER = Path(__file__).parents[2] / "support" / "recording_sender.py"
Array = npt.NDArray[np.float64]


@contextmanager
def sender(*args: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SENDER), *map(str, args)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def said(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    line: dict[str, object] = json.loads(process.stdout.readline())
    return line


def inlet_of(source_id: str) -> pylsl.StreamInlet:
    (info,) = pylsl.resolve_byprop("source_id", source_id, 1, 10.0)
    inlet = pylsl.StreamInlet(info)
    inlet.open_stream(10.0)
    return inlet


def pull(inlet: pylsl.StreamInlet, n: int) -> tuple[Array, Array]:
    t_s: list[float] = []
    x: list[list[float]] = []
    while len(t_s) < n:
        values, stamps = inlet.pull_chunk(timeout=10.0, max_samples=n - len(t_s))
        assert len(stamps), "nothing came for 10 s"
        t_s += list(stamps)
        x += np.asarray(values).tolist()
    return np.array(t_s), np.array(x)


def channels_of(inlet: pylsl.StreamInlet) -> list[tuple[str, str, str]]:
    channel = inlet.info(10.0).desc().child("channels").child("channel")
    found = []
    while not channel.empty():
        found.append(tuple(channel.child_value(k) for k in ("label", "type", "unit")))
        channel = channel.next_sibling("channel")
    return [(a, b, c) for a, b, c in found]


def test_a_muse_looks_like_a_muse_and_keeps_its_stamps(tmp_path: Path, unique: str) -> None:
    text = muse_text(seconds=4.0)
    lines = text.splitlines()
    lines[20] = lines[15].split(",", 1)[0] + "," + lines[20].split(",", 1)[1]
    path = write_muse(tmp_path / "subject1.csv.gz", "\n".join(lines))

    with sender("--muse", path, "--id", unique, "--speed", "20", "--seconds", "3") as process:
        ready = said(process)
        inlet = inlet_of(f"Muse{unique}")
        t_s, x = pull(inlet, 768)
        sending = said(process)

    recording = read_muse_csv(path)
    assert ready["streams"] == [{"name": "Muse", "source_id": f"Muse{unique}", "samples": 768}]
    info = inlet.info(10.0)
    assert (info.type(), info.nominal_srate(), info.channel_format()) == ("EEG", 256.0, 1)
    labels = ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert channels_of(inlet) == [(label, "EEG", "microvolts") for label in labels]
    np.testing.assert_array_equal(x, recording.x_uv[:768].astype(np.float32))
    first_stamp_s = float(str(sending["first_stamp_s"]))
    np.testing.assert_allclose(
        t_s - first_stamp_s, recording.t_s[:768] - recording.t_s[0], atol=1e-6
    )
    assert (np.diff(t_s) < 0).sum() == 1, "a step back goes out as it was recorded"


@pytest.mark.parametrize("layout", ["tobiipro", "titta"])
def test_gaze_looks_like_a_tobii(recordings: Path, unique: str, layout: str) -> None:
    path = recordings / "tobii_glasses2" / "livedata.json.gz"
    with sender("--glasses", path, "--layout", layout, "--id", unique, "--speed", "50") as process:
        said(process)
        inlet = inlet_of(f"Tobii{unique}")
        _, x = pull(inlet, 966)

    expected = read_livedata(path).per_eye()
    info = inlet.info(10.0)
    if layout == "tobiipro":
        assert (info.name(), info.nominal_srate(), info.channel_count()) == ("Tobii", 600.0, 6)
        assert channels_of(inlet)[2] == ("left_pupil", "pupilsize", "")
        np.testing.assert_array_equal(x, expected.astype(np.float32))
    else:
        assert (info.name(), info.channel_count()) == ("Tobii_gaze", 37)
        assert len(channels_of(inlet)) == 36
        by_kind = [(kind, k) for k, (_, kind, _) in enumerate(channels_of(inlet))]
        gaze = [k for kind, k in by_kind if kind in ("ScreenX", "ScreenY", "Diameter")]
        np.testing.assert_array_equal(x[:, gaze], expected)
        valid = [k for kind, k in by_kind if kind == "ValidFlag"]
        np.testing.assert_array_equal(x[:, valid[0]], ~np.isnan(expected[:, 0]))


def test_a_sender_ends_on_sigterm(tmp_path: Path, unique: str) -> None:
    path = write_muse(tmp_path / "subject1.csv", muse_text(seconds=4.0))
    with sender("--muse", path, "--id", unique) as process:
        said(process)
        process.terminate()

        assert process.wait(10.0) == 0
