"""SOURCE texts: those that mean something, and those that do not."""

import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.adapters.sources.fieldtrip import FieldTripSource
from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.lsl_discovery import StreamSummary, source_text, with_sources
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import Source
from hadua.models.errors import UsageError
from hadua.models.features import Modality

names = st.text(min_size=1).filter(lambda s: ",type=" not in s and ",hostname=" not in s)


def xdf(text: str, modality: Modality = Modality.EEG) -> XdfSource:
    source = parse_source(text, modality=modality)
    assert isinstance(source, XdfSource)
    return source


def lsl_query(text: str) -> dict[str, str]:
    source = parse_source(text, modality=Modality.EEG)
    assert isinstance(source, LslSource)
    assert source.description == text
    return source._query


def test_lsl_texts() -> None:
    assert lsl_query("lsl:type=EEG") == {"type": "EEG"}
    assert lsl_query("lsl:name=A,source_id=b") == {"name": "A", "source_id": "b"}
    assert lsl_query("lsl:name=Amp, 62 ch: left,type=EEG") == {
        "name": "Amp, 62 ch: left",
        "type": "EEG",
    }


@given(
    query=st.dictionaries(
        st.sampled_from(["name", "source_id", "hostname"]),
        st.text("ab ,:=\\/é", min_size=1).filter(
            lambda s: not any(c in s for c in ("a=", "b=", "é="))
        ),
        min_size=1,
    )
)
def test_an_lsl_text_means_the_query_it_was_made_from(query: dict[str, str]) -> None:
    assert lsl_query(source_text(query)) == query


@pytest.mark.parametrize(
    ("text", "path", "stream", "speed"),
    [
        ("file:rec.xdf", "rec.xdf", "eeg", None),
        (r"file:C:\data\rec.xdf,speed=1", r"C:\data\rec.xdf", "eeg", 1.0),
        (
            r"file:C:\lab, old\a,b.XDF,stream=My Amp, 2,speed=0.5",
            r"C:\lab, old\a,b.XDF",
            "My Amp, 2",
            0.5,
        ),
        ("file:/data/x=1/rec.xdf", "/data/x=1/rec.xdf", "eeg", None),
    ],
)
def test_file_texts(text: str, path: str, stream: str, speed: float | None) -> None:
    source = xdf(text)
    assert (str(source._path), source._stream, source._speed) == (path, stream, speed)
    again = xdf(source.description)
    assert (again._path, again._stream, again._speed) == (source._path, stream, speed)


@pytest.mark.parametrize(
    ("text", "host", "port", "unit"),
    [
        ("fieldtrip:localhost:1972", "localhost", 1972, ""),
        ("fieldtrip:[::1]:1,unit=mV", "::1", 1, "mV"),
    ],
)
def test_fieldtrip_texts(text: str, host: str, port: int, unit: str) -> None:
    source = parse_source(text, modality=Modality.EEG)
    assert isinstance(source, FieldTripSource)
    assert (source._host, source._port, source._unit) == (host, port, unit)
    assert source.description == text


def test_the_modality_chooses_the_stream_of_a_file() -> None:
    assert xdf("file:rec.xdf", Modality.EYE)._stream == "gaze"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"source '': got no scheme, expected one of lsl:, sim:, file:, fieldtrip:"),
        ("Muse", r"got no scheme"),
        ("rec.xdf", r"got no scheme.*given as 'file:PATH'"),
        (r"C:\rec.xdf", r"got the scheme 'C'.*given as 'file:PATH'"),
        ("LSL:name=x", r"got the scheme 'LSL'"),
        ("lsl:", r"got no key, expected lsl:KEY=VALUE with name, type, source_id, hostname"),
        ("lsl:Muse", r"got 'Muse', expected KEY=VALUE with KEY one of name, type"),
        ("lsl:nmae=Muse", r"got 'nmae=Muse'"),
        ("lsl:name=Muse,sorce_id=3", r"got 'sorce_id=3'"),
        ("lsl:name=", r"got 'name='"),
        ("lsl:name=a,name=b", r"got 'name' twice"),
        ("file:", r"got no path"),
        ("file:rec.edf", r"got the file 'rec.edf', expected a file whose name ends in .xdf"),
        ("file:rec.xdf,sped=1", r"got 'sped=1', expected KEY=VALUE with KEY one of stream, speed"),
        ("file:rec.xdf,speed=fast", r"speed: got 'fast', expected a positive number"),
        ("file:rec.xdf,speed=0", r"replay speed: got 0.0"),
        ("fieldtrip:", r"got no address, expected fieldtrip:HOST:PORT"),
        ("fieldtrip:lab", r"got 'lab', expected fieldtrip:HOST:PORT"),
        ("fieldtrip:lab:", r"got 'lab:', expected fieldtrip:HOST:PORT"),
        ("fieldtrip::1972", r"got ':1972', expected fieldtrip:HOST:PORT"),
        ("fieldtrip:lab:70000", r"with a port from 1 to 65535"),
        ("fieldtrip:lab:1972,units=uV", r"got 'units=uV', expected KEY=VALUE with KEY one of unit"),
    ],
)
def test_texts_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_source(text, modality=Modality.EEG)


@pytest.mark.skipif(
    find_spec("hadua.adapters.sources.simulator") is None, reason="the simulator is not there"
)
@pytest.mark.parametrize("text", ["sim:", "sim:person=3,seed=1"])
@pytest.mark.parametrize("modality", list(Modality))
def test_sim_texts(text: str, modality: Modality) -> None:
    assert isinstance(parse_source(text, modality=modality), Source)


def test_the_shortest_text_that_picks_a_stream() -> None:
    def stream(name: str, type: str, source_id: str) -> StreamSummary:
        return StreamSummary(name, type, source_id, "host", 4, 256.0)

    muse = [stream("Muse", "EEG", "1"), stream("Muse", "ACC", "1"), stream("Amp", "EEG", "1")]
    assert [s.source for s in with_sources(muse)] == [
        "lsl:name=Muse,type=EEG",
        "lsl:name=Muse,type=ACC",
        "lsl:name=Amp",
    ]
    assert [s.source for s in with_sources([muse[0], muse[0]])] == ["", ""]


def test_neither_liblsl_nor_pyxdf_nor_scipy_is_loaded_for_a_simulator(tmp_path: Path) -> None:
    code = (
        "import sys; from hadua.adapters.sources import registry; "
        "print(*{'pylsl', 'pyxdf', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "\n")
