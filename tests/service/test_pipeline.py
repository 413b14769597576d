"""The one path of a sample: what comes out for what went in, against another way to reckon it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import make_bundle
from support.pipelines import (
    CHANNELS,
    ORIGIN_S,
    SECONDS,
    Chunks,
    features_of,
    in_turns,
    pipeline_over,
    reckoned,
    recorded,
    recut,
    shifted,
    stepped,
)

from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.source import SampleChunk
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.cleaning import Cleaning
from hadua.models.errors import UsageError
from hadua.models.features import FeatureWindow, FloatArray, Modality, Smoothing
from hadua.models.prediction import ModalityState, Prediction
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.bridge import Arrival
from hadua.service.engine import Stepper
from hadua.service.pipeline import Pipeline
from hadua.service.rests import Rests
from hadua.service.stateless import Block, Predictor

EEG, EYE = Modality.EEG, Modality.EYE
HOP_S = 0.5
USED, MISSING = ModalityState.USED, ModalityState.MISSING


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("pipeline")
    return load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=3))


def as_arrivals(chunks: Chunks) -> list[Arrival]:
    """What readers would have put, in the order of its time."""
    so_far: Counter[Modality] = Counter()
    arrivals = []
    for modality, chunk in in_turns(chunks):
        t_s = float(chunk.t_s[-1])
        arrivals.append(Arrival(modality, chunk, arrived_s=t_s, first=so_far[modality]))
        so_far[modality] += len(chunk)
    return arrivals


def slowed(chunks: Chunks, by: float) -> Chunks:
    """The same, of an amplifier whose samples come `by` times as far apart as it declares."""

    def of(c: SampleChunk) -> SampleChunk:
        return SampleChunk(c.spec, ORIGIN_S + (c.t_s - ORIGIN_S) * by, c.x, c.gap_before)

    return {m: [of(c) for c in mine] if m is EEG else mine for m, mine in chunks.items()}


@pytest.mark.parametrize("at_once", [64, 70, 100, 256, 10_000])
@pytest.mark.parametrize(
    ("window_s", "rate_hz", "faults", "by"),
    [
        (1.0, None, "", 1.0),
        (1.0, None, "gaze.gap@6.95+0.19", 1.0),
        (1.0, None, "gaze.gap@7.45+0.12", 1.0),
        (4.0, None, "", 1.01),
        (4.0, 128.0, "", 1.006),
        (4.0, 128.0, "", 1.01),
        (6.0, 128.0, "", 1.0),
    ],
)
def test_a_backlog_gives_what_keeping_up_gives_with_few_steps(
    tmp_path: Path, window_s: float, rate_hz: float | None, faults: str, by: float,
    at_once: int,
) -> None:  # fmt: skip
    cleaning = Cleaning(rate_hz=rate_hz) if rate_hz else None
    own = make_bundle(
        tmp_path, eeg_channels=CHANNELS, context=3, window_s=window_s, cleaning=cleaning
    )
    bundle = load_bundle(own)
    runtime = load_runtime(bundle, device="cpu")
    chunks = slowed(recorded(faults), by)
    expected = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)
    pipeline, steps = pipeline_over(bundle, chunks, runtime=runtime), list[Modality]()
    stepper = Stepper(pipeline, clock=lambda: 0.0, tap=lambda m, chunk: steps.append(m))
    waiting = as_arrivals(chunks)
    begun = 1 + max(next(k for k, a in enumerate(waiting) if a.modality is m) for m in chunks)
    first, rest = waiting[:begun], waiting[begun:]

    said = stepper.step(first)
    for k in range(0, len(rest), at_once):
        said += stepper.step(rest[k : k + at_once])
    for modality in chunks:
        said += stepper.end(modality)
    runtime.close()

    predictions = [timed.result.prediction for timed in said]
    assert [(p.end_s, p.modalities) for p in predictions] == [
        (p.end_s, p.modalities) for p in expected
    ]
    assert predictions == expected
    takes = -(-len(rest) // at_once) + 1
    assert len(steps) <= len(chunks) * (takes + SECONDS / HOP_S + 3)


@pytest.fixture(scope="module")
def runtime(bundle: Bundle) -> Iterator[Runtime]:
    runtime = load_runtime(bundle, device="cpu")
    yield runtime
    runtime.close()


def ends(predictions: list[Prediction]) -> list[float]:
    return [p.end_s for p in predictions]


def states(predictions: list[Prediction], modality: Modality) -> list[ModalityState]:
    return [p.modalities[str(modality)] for p in predictions]


def assert_as_reckoned(bundle: Bundle, chunks: Chunks, predictions: list[Prediction]) -> None:
    expected = reckoned(bundle, features_of(bundle, chunks), ends(predictions))
    for prediction, probabilities in zip(predictions, expected, strict=True):
        assert_close(prediction.probabilities, probabilities)


def assert_close(
    a: tuple[float, ...] | FloatArray | None, b: tuple[float, ...] | FloatArray | None
) -> None:
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=0.0, atol=1e-5)


def test_every_grid_end_is_answered_once_in_order(bundle: Bundle, runtime: Runtime) -> None:
    predictions = stepped(pipeline_over(bundle, recorded(), runtime=runtime), recorded())

    n = round((SECONDS - 1.0) / HOP_S) + 1
    assert ends(predictions) == [ORIGIN_S + 1.0 + HOP_S * k for k in range(n)]
    assert states(predictions, EEG) == [USED] * n
    assert states(predictions, EYE) == [MISSING] * 6 + [USED] * (n - 6)  # its windows take 4 s
    assert "not enough signal yet" in predictions[0].reason
    assert predictions[-1].reason == ""
    for p in predictions:
        assert p.probabilities is not None
        assert sum(p.probabilities) == pytest.approx(1.0, abs=1e-12)
        assert p.label == p.classes[int(np.argmax(p.probabilities))]
        assert p.bundle == bundle.id


@pytest.mark.parametrize(
    "faults",
    [
        "",
        "eeg.gap@5.2+0.8",
        "gaze.gap@6+0.5;eeg.gap@8.1+0.4",
        "gap@5.7+1.9",
        "eeg.nan:FP1@6+2",  # five of six channels are enough
        "eeg.inf@6+1;eye-lost@6+3",
    ],
)
def test_probabilities_are_those_of_the_trained_network(
    bundle: Bundle, runtime: Runtime, faults: str
) -> None:
    chunks = recorded(faults)
    predictions = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)
    assert_as_reckoned(bundle, chunks, predictions)


def test_smoothed_features_are_reckoned_alike(bundle: Bundle, runtime: Runtime) -> None:
    spec = replace(bundle.specs[EEG], smoothing=Smoothing(q=0.1))
    smoothed = replace(bundle, specs={**bundle.specs, EEG: spec})
    chunks = recorded("eeg.gap@5.2+0.8")
    predictions = stepped(pipeline_over(smoothed, chunks, runtime=runtime), chunks)
    assert_as_reckoned(smoothed, chunks, predictions)
    assert predictions != stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)


@settings(max_examples=4, deadline=None)
@given(
    eeg=st.lists(st.integers(1, 200), min_size=1, max_size=40),
    eye=st.lists(st.integers(1, 24), min_size=1, max_size=40),
    faults=st.sampled_from(["", "eeg.gap@5.2+0.8;gaze.gap@8+0.3"]),
)
def test_predictions_do_not_depend_on_chunking(
    bundle: Bundle, runtime: Runtime, eeg: list[int], eye: list[int], faults: str
) -> None:
    """Chunks of up to 0.2 s: none is late by the aligner's 0.25 s."""
    chunks = recorded(faults)
    cut = {EEG: recut(chunks[EEG], cycle([*eeg, 97])), EYE: recut(chunks[EYE], cycle(eye))}

    got = stepped(pipeline_over(bundle, cut, runtime=runtime), cut)

    assert got == stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)


def test_no_window_straddles_a_gap(bundle: Bundle, runtime: Runtime) -> None:
    chunks = recorded("gap@5.2+0.8")
    predictions = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)

    assert ends(predictions) == [ORIGIN_S + 1.0 + HOP_S * k for k in range(len(predictions))]
    for p in predictions:
        touched = p.end_s > ORIGIN_S + 5.2 and p.end_s - 1.0 < ORIGIN_S + 6.0 - 1e-9
        assert p.modalities["eeg"] == (MISSING if touched else USED)
        if touched:
            assert "eeg: " in p.reason
            assert p.quality["eeg"] == 0.0


def test_a_long_gap_begins_a_new_context(bundle: Bundle, runtime: Runtime) -> None:
    """After it, nothing depends on what was before."""
    parts = recorded()
    before = {m: mine[: len(mine) // 2] for m, mine in parts.items()}
    after = {m: shifted(mine[len(mine) // 2 :], 100.0) for m, mine in parts.items()}
    other = {**before, EEG: [replace(c, x=c.x * 1.5) for c in before[EEG]]}

    first, second = (
        {
            p.end_s: p
            for p in stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)
            if p.end_s > ORIGIN_S + 100.0
        }
        for chunks in ({m: [*early[m], *after[m]] for m in parts} for early in (before, other))
    )

    assert first == second
    assert any(p.modalities["eye"] is USED for p in first.values())
    joined = {m: [*before[m], *after[m]] for m in parts}
    everything = stepped(pipeline_over(bundle, joined, runtime=runtime), joined)
    holes = np.diff(ends(everything))
    assert holes.max() > 30.0
    assert_as_reckoned(bundle, joined, everything)


@pytest.mark.parametrize("told", [True, False])
def test_a_lost_stream_is_masked_and_the_other_goes_on(
    bundle: Bundle, runtime: Runtime, told: bool
) -> None:
    whole = recorded()
    chunks = {EEG: whole[EEG], EYE: [c for c in whole[EYE] if c.t_s[-1] < ORIGIN_S + 7.0]}
    pipeline = pipeline_over(bundle, chunks, runtime=runtime)
    predictions, ended = [], not told
    for m, chunk in in_turns(chunks):
        if not ended and chunk.t_s[0] > ORIGIN_S + 7.0:
            ended = True
            predictions += [r.prediction for r in pipeline.end(EYE)]
        predictions += [r.prediction for r in pipeline.step(m, chunk)]

    late = [p for p in predictions if p.end_s > ORIGIN_S + 7.0]
    assert len(late) >= 5
    assert set(states(late, EYE)) == {MISSING}
    assert set(states(late, EEG)) == {USED}
    assert all(p.probabilities is not None and p.quality["eye"] == 0.0 for p in late)
    assert "eye: the stream has ended" in late[-1].reason or not told
    assert "eye: silent since 1006.9" in late[-1].reason or told
    assert_as_reckoned(bundle, chunks, predictions)


def test_without_any_signal_it_abstains(bundle: Bundle, runtime: Runtime) -> None:
    chunks = recorded("gap@5.7+1.9")
    predictions = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)

    silent = [p for p in predictions if states([p], EEG) == states([p], EYE) == [MISSING]]
    assert len(silent) >= 3
    for p in silent:
        assert (p.probabilities, p.label, p.confidence, p.abstained) == (None, None, None, True)
        assert "eeg: " in p.reason


def test_a_window_without_a_value_is_missing_even_where_no_coverage_is_asked_for(
    bundle: Bundle, runtime: Runtime
) -> None:
    lenient = replace(
        bundle, manifest=bundle.manifest.model_copy(update={"min_coverage": {EEG: 0.0, EYE: 0.0}})
    )
    chunks = recorded("gap@5.7+1.9")
    predictions = stepped(pipeline_over(lenient, chunks, runtime=runtime), chunks)
    assert ModalityState.MISSING in states(predictions, EEG)
    assert any(p.abstained for p in predictions)


def test_a_stream_that_does_not_map_gives_no_probabilities_but_the_report(
    bundle: Bundle, runtime: Runtime
) -> None:
    spec = eeg_feature_spec(("FP1", "TP9", "TP10", "AF7", "AF8", "FT9"), window_s=1.0, hop_s=HOP_S)
    muse, chunks = replace(bundle, specs={**bundle.specs, EEG: spec}), recorded()
    pipeline = pipeline_over(muse, chunks, runtime=runtime)

    predictions = stepped(pipeline, chunks)

    assert set(pipeline.unmapped) == {EEG}
    assert len(predictions) == round((SECONDS - 1.0) / HOP_S) + 1
    for p in predictions:
        assert (p.probabilities, p.label, p.abstained) == (None, None, True)
        assert p.modalities["eeg"] is ModalityState.UNMAPPED
        assert "the stream covers 17% of the model's input, 80% are needed" in p.reason
        assert "TP9" in p.reason


def test_states_of_what_is_not_connected_and_what_the_model_does_not_know(
    bundle: Bundle, runtime: Runtime, tmp_path: Path
) -> None:
    chunks = recorded()
    eeg_only = {EEG: chunks[EEG]}
    predictions = stepped(pipeline_over(bundle, eeg_only, runtime=runtime), eeg_only)
    assert set(states(predictions, EYE)) == {ModalityState.NOT_CONNECTED}
    assert set(states(predictions, EEG)) == {USED}
    assert set(predictions[0].quality) == {"eeg"}
    assert_as_reckoned(bundle, eeg_only, predictions)

    blind = load_bundle(make_bundle(tmp_path, eeg_channels=CHANNELS, eye=False))
    predictions = stepped(pipeline_over(blind, chunks), chunks)
    assert set(states(predictions, EYE)) == {ModalityState.NOT_IN_MODEL}
    assert len(predictions) == round((SECONDS - 1.0) / HOP_S) + 1
    assert_as_reckoned(blind, eeg_only, predictions)
    with pytest.raises(UsageError, match=r"no use for the connected streams: got eye, expected at"):
        pipeline_over(blind, {EYE: chunks[EYE]})


def test_a_baseline_shifts_the_statistics_once_and_never_again(
    bundle: Bundle, runtime: Runtime
) -> None:
    chunks, baseline_s = recorded(), 6.0
    pipeline = pipeline_over(bundle, chunks, runtime=runtime, baseline_s=baseline_s)
    assert pipeline.normalisation_state == "baseline 0/12"
    predictions, said = [], []
    for m, chunk in in_turns(chunks):
        for result in pipeline.step(m, chunk):
            predictions.append(result.prediction)
            said.append(pipeline.normalisation_state)
    # The eye's first window is complete three seconds after the first one of the EEG.
    assert said[5] == "baseline 0/12, baseline 6/12"
    assert said[11] == "baseline, baseline 6/12"
    assert set(said[12:]) == {"baseline"}

    windows = features_of(bundle, chunks)
    first_s = ORIGIN_S + 1.0
    until_s = {EEG: first_s + baseline_s - HOP_S, EYE: first_s + baseline_s}
    normalisers = {
        m: rest_of(bundle, m, [w for e, w in windows[m].items() if e <= until_s[m]])
        for m in windows
    }
    expected = reckoned(
        bundle, windows, ends(predictions), baseline=normalisers, baseline_from_s=until_s
    )
    for prediction, probabilities in zip(predictions, expected, strict=True):
        assert_close(prediction.probabilities, probabilities)
    plain = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)
    assert predictions[:11] == plain[:11]
    later = {p.end_s: p.probabilities for p in plain[11:]}
    assert all(p.probabilities != later[p.end_s] for p in predictions[11:])


def rest_of(bundle: Bundle, modality: Modality, rest: list[FeatureWindow]) -> Normaliser:
    source = bundle.normalisation[modality]
    return Normaliser(source.mean, source.std).with_baseline(rest)


def test_stateless_predict_gives_what_live_gave(bundle: Bundle, runtime: Runtime) -> None:
    """Features that were not measured are absent there as here."""
    chunks = recorded()
    live = {p.end_s: p for p in stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)}
    windows = features_of(bundle, chunks)
    assert not all(w.present.all() for w in windows[EYE].values())
    predictor = Predictor(bundle, load=lambda: runtime)

    for end_s in list(live)[2:]:
        blocks = {
            m: Block(spec.definition, spec.version, stretch(bundle, windows[m], m, end_s))
            for m, spec in bundle.specs.items()
        }
        got = predictor.predict(blocks)
        np.testing.assert_array_equal(got[0], np.array(live[end_s].probabilities))


def stretch(
    bundle: Bundle, windows: Mapping[float, FeatureWindow], modality: Modality, end_s: float
) -> FloatArray:
    """`(1, 3, d)` features up to `end_s`, NaN where nothing was measured."""
    nothing = np.full(bundle.width(modality), np.nan)
    rows = [windows.get(end_s - k * HOP_S) for k in (2, 1, 0)]
    return np.array(
        [[nothing if w is None else np.where(w.present, w.values, np.nan) for w in rows]]
    )


def test_the_runtimes_agree_through_the_pipeline(bundle: Bundle, runtime: Runtime) -> None:
    chunks = recorded("eeg.gap@5.2+0.8")
    script = load_runtime(bundle, name="torchscript", device="cpu")
    onnx, scripted = (
        stepped(pipeline_over(bundle, chunks, runtime=r), chunks) for r in (runtime, script)
    )
    script.close()
    for a, b in zip(onnx, scripted, strict=True):
        assert replace(a, probabilities=None, confidence=None) == replace(
            b, probabilities=None, confidence=None
        )
        assert_close(a.probabilities, b.probabilities)


def test_a_doubtful_answer_has_probabilities_but_no_label(bundle: Bundle, runtime: Runtime) -> None:
    careful = replace(bundle, manifest=bundle.manifest.model_copy(update={"abstain_below": 1.0}))
    chunks = recorded()
    for p in stepped(pipeline_over(careful, chunks, runtime=runtime), chunks):
        assert p.probabilities is not None
        assert (p.label, p.abstained) == (None, True)
        assert "is below 1.00" in p.reason


@pytest.mark.parametrize("faults", ["", "eeg.gap@5.2+0.8;gaze.gap@6+0.5"])
def test_a_rehearsal_changes_no_bit_of_what_is_said_or_remembered(
    bundle: Bundle, runtime: Runtime, faults: str
) -> None:
    chunks = recorded(faults)
    plain, other = (pipeline_over(bundle, chunks, runtime=runtime) for _ in range(2))
    expected, got, begun = [], [], 0
    for modality, chunk in in_turns(chunks):
        expected += [r.prediction for r in plain.step(modality, chunk)]
        got += [r.prediction for r in other.step(modality, chunk)]
        begun += np.isfinite(other.last_s())
        other.rehearse()

    assert got == expected
    assert len(got) > 10
    assert begun > 10
    assert other.state() == plain.state()


@pytest.mark.parametrize("faults", ["", "eeg.gap@5.2+0.8;gaze.gap@6+0.5"])
def test_what_is_not_due_completes_nothing(bundle: Bundle, runtime: Runtime, faults: str) -> None:
    """So samples may wait for those that are due, and nothing is answered later for it."""
    pipeline = pipeline_over(bundle, recorded(faults), runtime=runtime)
    early = answered = 0
    for modality, chunk in in_turns(recorded(faults)):
        due_s, useful_s = pipeline.due_s(modality), pipeline.useful_s(modality)
        assert useful_s <= due_s
        results = pipeline.step(modality, chunk)
        if float(chunk.t_s[-1]) < due_s and not chunk.gap_before:
            early += 1
            assert not results
        answered += len(results)
    assert answered > 10
    assert early > 0.8 * sum(len(c) for c in recorded(faults).values())


@pytest.mark.parametrize("many", [1, 2, 60])
@pytest.mark.parametrize("faults", ["", "eeg.gap@5.2+0.8;gaze.gap@6+0.5"])
def test_what_is_due_after_samples_that_are_on_their_way(
    bundle: Bundle, runtime: Runtime, faults: str, many: int
) -> None:
    """Nothing comes of what is stamped earlier, so a reader may be ahead of the pipeline."""
    pipeline = pipeline_over(bundle, recorded(faults), runtime=runtime)
    due_s = dict.fromkeys(bundle.specs, -np.inf)
    later = early = answers = 0
    for modality, mine in in_lots(recorded(faults), many):
        before_s, seen_s = pipeline.due_s(modality), float(mine[-1].t_s[-1])
        foreseen_s = pipeline.due_s(modality, seen_s)
        for chunk in mine:
            results = pipeline.step(modality, chunk)
            if float(chunk.t_s[-1]) < due_s[modality] and not chunk.gap_before:
                assert not results
                early += 1
            answers += sum(len(result.prediction.quality) > 1 for result in results)
        known = answers > 1 and not any(chunk.gap_before for chunk in mine)
        due_s[modality] = foreseen_s if known else -np.inf
        later += foreseen_s > max(before_s, seen_s)
    assert later > 5
    assert early > 20 or many > 2


def in_lots(chunks: Chunks, many: int) -> Iterator[tuple[Modality, list[SampleChunk]]]:
    """Of each stream in turn, so many chunks at once."""
    waiting: dict[Modality, list[SampleChunk]] = {m: [] for m in chunks}
    for modality, chunk in in_turns(chunks):
        waiting[modality].append(chunk)
        if len(waiting[modality]) == many:
            yield modality, waiting.pop(modality)
            waiting[modality] = []


@pytest.mark.parametrize("later", [None, *Modality])
@pytest.mark.parametrize("faults", ["", "eeg.gap@5.2+0.8;gaze.gap@6+0.5", "eeg.gap@6.1+0.1"])
def test_readers_that_rest_make_no_answer_another_or_later(
    bundle: Bundle, runtime: Runtime, faults: str, later: Modality | None
) -> None:
    """Against readers that read each chunk as it comes, over a pipeline that takes no time."""
    chunks = {
        m: [c for c in mine if m is not later or c.t_s[0] > mine[0].t_s[0] + 0.33]
        for m, mine in recorded(faults).items()
    }

    at_once = answered_at(pipeline_over(bundle, chunks, runtime=runtime), chunks, rest=False)
    rested = answered_at(pipeline_over(bundle, chunks, runtime=runtime), chunks, rest=True)

    assert [said for said, _ in rested] == [said for said, _ in at_once]
    late_s = [mine_s - other_s for (_, mine_s), (_, other_s) in zip(rested, at_once, strict=True)]
    assert max(late_s) < 0.03
    assert len(at_once) > 10


@pytest.mark.parametrize("paced_s", [0.0, 4.9, 5.15])
@pytest.mark.parametrize("seed", range(4))
def test_blind_rests_make_no_answer_another(
    bundle: Bundle, runtime: Runtime, seed: int, paced_s: float
) -> None:
    """Beside a pipeline that is held up for a while, or that is not stepped until late."""
    chunks, rng = recorded(), np.random.default_rng(seed)
    held_s = [paced_s, *rng.uniform(1.0, 6.0, 3).tolist()]
    stalls = [(ORIGIN_S + t, ORIGIN_S + t + float(rng.uniform(0.4, 2.0))) for t in held_s[1:]]
    stalls.append((-inf, ORIGIN_S + paced_s))

    prompt = answered_at(pipeline_over(bundle, chunks, runtime=runtime), chunks, rest=False)
    rested = answered_at(
        pipeline_over(bundle, chunks, runtime=runtime), chunks, rest=True, stalls=stalls
    )

    assert [said for said, _ in rested] == [said for said, _ in prompt]


def answered_at(
    pipeline: Pipeline,
    chunks: Chunks,
    *,
    rest: bool,
    stalls: Sequence[tuple[float, float]] = (),
) -> list[tuple[Prediction, float]]:
    """What is answered, and when, where a chunk can be read from its last stamp on.

    In `stalls` nothing is stepped. Readers are not paced before the first step.
    """
    arrive_s = {m: [float(c.t_s[-1]) for c in mine] for m, mine in chunks.items()}
    rests = {m: Rests() for m in chunks}
    stepper, waiting, at_s = Stepper(pipeline, clock=lambda: 0.0), list[Arrival](), 0.0
    next_s = {m: arrive_s[m][0] for m in chunks}
    done, out = dict.fromkeys(chunks, 0), list[tuple[Prediction, float]]()
    while next_s:
        m = min(next_s, key=lambda each: (next_s[each], each))
        now_s = next_s.pop(m)
        start, done[m] = done[m], bisect_right(arrive_s[m], now_s)
        for k, chunk in enumerate(chunks[m][start : done[m]], start):
            first = sum(map(len, chunks[m][:k]))
            waiting.append(Arrival(m, chunk, now_s, first))
        if not any(begin_s <= now_s < end_s for begin_s, end_s in stalls):
            out += [(timed.result.prediction, now_s) for timed in stepper.step(waiting)]
            waiting, first_step, at_s = [], at_s == 0.0, now_s
            for each, its in rests.items() if first_step else ():
                its.pace(partial(pipeline.due_s, each), partial(pipeline.next_end_s, each))
        if done[m] < len(arrive_s[m]):
            rest_s = rests[m].after(arrive_s[m][done[m] - 1], now_s=now_s) if rest else 0.0
            next_s[m] = max(now_s + rest_s, arrive_s[m][done[m]])
    out += [(timed.result.prediction, at_s) for timed in stepper.step(waiting)]
    return out


def test_in_what_is_kept_for_a_look_lies_a_whole_window(bundle: Bundle, runtime: Runtime) -> None:
    pipeline = pipeline_over(bundle, recorded(), runtime=runtime)
    for modality, spec in bundle.specs.items():
        assert pipeline.look_s(modality) > spec.window_s + spec.hop_s
