"""The demo model of 62 channels on caps that have fewer: it answers where they cover enough."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from support.pipelines import Chunks, pipeline_over, recorded, stepped

from hadua.adapters.devices.montage import canonical
from hadua.adapters.sources.source import SampleChunk
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.prediction import ModalityState
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.mapping_book import MappingBook
from hadua.service.session_mapping import SessionMapping

TEN_TWENTY = (
    *("FP1", "FP2", "F7", "F3", "FZ", "F4", "F8", "T7", "C3", "CZ", "C4", "T8"),
    *("P7", "P3", "PZ", "P4", "P8", "O1", "O2"),
)
EMOTIV = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(demo_bundle_path())


@pytest.fixture(scope="module")
def runtime(bundle: Bundle) -> Iterator[Runtime]:
    runtime = load_runtime(bundle, device="cpu")
    yield runtime
    runtime.close()


def worn(names: Sequence[str]) -> Chunks:
    """The simulated person's recording as a cap of these electrodes would have made it."""
    whole = recorded()
    spec = whole[Modality.EEG][0].spec
    columns = [[canonical(label) for label in spec.labels].index(name) for name in names]
    cap = replace(spec, channels=tuple(spec.channels[i] for i in columns))
    eeg = [
        SampleChunk(cap, c.t_s.copy(), c.x[:, columns].copy(), c.gap_before)
        for c in whole[Modality.EEG]
    ]
    return {**whole, Modality.EEG: eeg}


def test_nineteen_electrodes_do_and_it_says_how_many_were_interpolated(
    bundle: Bundle, runtime: Runtime
) -> None:
    whole = stepped(pipeline_over(bundle, recorded(), runtime=runtime), recorded())
    chunks = worn(TEN_TWENTY)

    part = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)

    assert [p.end_s for p in part] == [p.end_s for p in whole]
    for p in part:
        assert p.probabilities is not None
        assert p.modalities["eeg"] is ModalityState.USED
        assert p.quality["eeg"] == pytest.approx(0.83, abs=0.01)
        assert "41 of 62 channels are interpolated" in p.reason
    assert [p.probabilities for p in part] != [p.probabilities for p in whole]


@pytest.mark.parametrize("names", [EMOTIV, ("TP7", "AF3", "AF4", "TP8")])
def test_too_few_electrodes_are_never_answered(
    names: Sequence[str], bundle: Bundle, runtime: Runtime
) -> None:
    chunks = worn(names)
    pipeline = pipeline_over(bundle, chunks, runtime=runtime)

    predictions = stepped(pipeline, chunks)

    assert set(pipeline.unmapped) == {Modality.EEG}
    for p in predictions:
        assert (p.probabilities, p.abstained) == (None, True)
        assert "75% are needed" in p.reason


def test_the_status_names_what_is_interpolated_and_missing(
    bundle: Bundle, runtime: Runtime
) -> None:
    chunks = worn(TEN_TWENTY)
    pipeline = pipeline_over(bundle, chunks, runtime=runtime)
    book = MappingBook(None, unix_clock=lambda: 0.0)
    mapping = SessionMapping(book, changed=lambda: None)
    mapping.set({m: mine[0].spec for m, mine in chunks.items()}, pipeline.reports())

    status = mapping.statuses()["eeg"]

    assert status.coverage == pytest.approx(0.83, abs=0.01)
    assert len(status.interpolated) == 41
    assert status.missing == ("CB1", "CB2")
    assert mapping.statuses()["eye"].interpolated == ()
