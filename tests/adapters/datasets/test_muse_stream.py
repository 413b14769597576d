from pathlib import Path

import numpy as np
from support.muse_files import muse_text, write_muse

from hadua.adapters.datasets.muse_csv import read_muse_csv
from hadua.adapters.datasets.muse_stream import SPEC, chunks


def test_every_sample_arrives_once_as_muse_lsl_would_send_it(tmp_path: Path) -> None:
    recording = read_muse_csv(write_muse(tmp_path / "a.csv", muse_text(seconds=5.0)))

    sent = list(chunks(recording))

    assert SPEC.labels == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert max(len(c) for c in sent[1:]) == 12  # the first samples wait until their line is known
    np.testing.assert_array_equal(np.concatenate([c.x for c in sent]), recording.x_uv)
    np.testing.assert_allclose(np.concatenate([c.t_s for c in sent]), recording.t_s, atol=2e-3)


def test_real_stamps_that_step_back_come_out_in_order(recordings: Path) -> None:
    name = "subject1_session1_data_2017-09-14-21.20.04.csv.gz"
    recording = read_muse_csv(recordings / "muse_ssvep" / name)

    sent = list(chunks(recording))

    t_s = np.concatenate([c.t_s for c in sent])
    assert len(t_s) == len(recording.t_s)
    assert not any(c.gap_before for c in sent)
    assert np.diff(t_s).min() > 0.0
    assert np.diff(t_s).max() < 2.5 / 256.0
    np.testing.assert_allclose(t_s, recording.t_s, atol=0.02)
