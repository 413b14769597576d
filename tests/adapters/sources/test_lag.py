"""A device's constant lag: said by its header or its operator, taken off each stamp, and shown."""

import time
from pathlib import Path

import numpy as np
import pylsl
import pytest
from support.lsl_outlets import IndexOutlet
from support.xdf_writer import XdfStream, header, write_xdf

from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import Source
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.adapters.sources.told import Told
from hadua.models.errors import UsageError
from hadua.models.features import Modality

DECLARED = "<synchronization><offset_mean>{}</offset_mean></synchronization>"


def stream(*, desc: str = "") -> XdfStream:
    x = np.zeros((500, 2))
    return XdfStream("Amp", "EEG", 250.0, 100.0 + np.arange(500) / 250.0, x, ("a", "b"), desc=desc)


@pytest.mark.parametrize(
    ("declared", "told_ms", "lag_s", "said_by"),
    [
        ("0.030", None, 0.030, "stream"),
        ("-0.004", None, -0.004, "stream"),
        ("0.030", 12.0, 0.012, "operator"),
        ("0.030", 0.0, 0.0, "operator"),
        ("0", None, 0.0, ""),
        ("", None, 0.0, ""),
        ("nan", None, 0.0, ""),
        ("12000", None, 0.0, ""),  # milliseconds, or nonsense: in any case no lag of a device
        ("soon", None, 0.0, ""),
    ],
)
def test_the_operators_word_goes_before_the_streams(
    declared: str, told_ms: float | None, lag_s: float, said_by: str
) -> None:
    xml = header(stream(desc=DECLARED.format(declared)))
    lag = parse_stream_info(xml, told=Told(lag_ms=told_ms)).lag
    assert (lag.s, lag.said_by) == (lag_s, said_by)


def first_instant(source: Source) -> float:
    deadline_s = time.monotonic() + 10.0
    while time.monotonic() < deadline_s:
        if (chunk := source.read(1.0)) is not None:
            return float(chunk.t_s[0])
    raise AssertionError("nothing came")


@pytest.mark.parametrize(("lag", "first_s"), [("", 99.97), (",lag_ms=50", 99.95)])
def test_it_is_taken_off_the_stamps_of_a_recording(
    tmp_path: Path, lag: str, first_s: float
) -> None:
    write_xdf(tmp_path / "a.xdf", [stream(desc=DECLARED.format("0.030"))])
    source = parse_source(f"file:{tmp_path / 'a.xdf'}{lag}", modality=Modality.EEG)
    assert source.description.endswith(f"stream=eeg{lag}")
    source.open(1.0)

    assert first_instant(source) == pytest.approx(first_s)
    assert source.health().lag_s == pytest.approx(100.0 - first_s)
    assert isinstance(source, XdfSource)
    source.close()


def test_it_is_taken_off_the_stamps_of_a_live_stream(unique: str) -> None:
    outlet = IndexOutlet(unique, count=2)
    source = parse_source(f"lsl:name={unique},lag_ms=40", modality=Modality.EEG)
    assert isinstance(source, LslSource)
    source.open(6.0)
    base_s = pylsl.local_clock()
    outlet.push(250, newest_s=base_s)

    first_s = first_instant(source)
    health = source.health()
    source.close()

    assert first_s == pytest.approx(base_s - 249 / 250.0 - 0.040, abs=2e-3)
    assert (health.lag_s, health.lag_said_by) == (0.040, "operator")


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "20000"])
def test_a_lag_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"lag_ms: got '.*', expected milliseconds, at most 10000"):
        parse_source(f"lsl:type=EEG,lag_ms={text}", modality=Modality.EEG)
