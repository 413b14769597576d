"""What `hadua doctor` says of the signals that it heard."""

from dataclasses import replace

import numpy as np
import pytest
from support.doctor import a_visit

from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.features import Modality
from hadua.service.doctor.model import look_at_bundle
from hadua.service.doctor.quality import look_at_quality
from hadua.service.doctor.visit import Measured


@pytest.mark.parametrize(
    ("labels", "state", "found"),
    [
        (("FP1", "CZ", "OZ"), "ok", "3 of 62 channels are good"),
        (("TP9", "AF7"), "note", "none of the model's channels is in the stream"),
    ],
)
def test_electrodes_are_judged_where_the_model_has_them(
    labels: tuple[str, ...], state: str, found: str
) -> None:
    visit = a_visit()
    look_at_bundle(visit)
    spec = StreamSpec("Amp", tuple(Channel(n, unit="uV") for n in labels), 250.0, "EEG")
    rng = np.random.default_rng(1)
    t_s = np.arange(1250) / 250.0
    x_uv = 20.0 * np.sin(20.0 * np.pi * t_s)[:, None] + rng.standard_normal((1250, len(labels)))
    heard = Measured("lsl:x", Modality.EEG, wanted=True, spec=spec)
    visit.measured = (replace(heard, chunks=(SampleChunk(spec, t_s, x_uv, False),)),)

    (finding,) = look_at_quality(visit)

    assert finding.state == state
    assert found in finding.found
