"""The notebook draws a figure of a session that the demo has recorded."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
from support.notebooks import code_of
from support.recordings import only_file
from support.serving import hear, serving

NOTEBOOK = Path(__file__).parents[2] / "examples" / "recording_to_figure.ipynb"


def test_it_runs_from_top_to_bottom_on_a_recording_of_the_demo(tmp_path: Path) -> None:
    recordings = tmp_path / "lab"
    with serving("--demo", "--record", str(recordings)) as (running, url):
        hear(url, until=lambda f: f["seq"] == 20, timeout_s=60.0)
        running.child.terminate()
        assert running.child.wait(10.0) == 0
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code_of(NOTEBOOK)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HADUA_RECORDING": str(only_file(recordings)), "MPLBACKEND": "Agg"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "predictions of" in done.stdout
    assert "no label" in done.stdout
    picture = matplotlib.image.imread(tmp_path / "predictions.png")
    assert picture.shape[:2] == (750, 1350)
    assert picture[..., :3].std() > 0.02  # something is drawn
