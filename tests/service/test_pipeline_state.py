"""A pipeline goes on from another one's state as if it had been that one, to the bit."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from support.bundles import make_bundle
from support.changed_streams import every_second, halves, reordered, too_slow
from support.pipelines import CHANNELS, Chunks, in_turns, pipeline_over, recorded
from support.profiles import own_profile

from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.source import SampleChunk
from hadua.adapters.windows.windower import Windower
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import HaduaError, RecordingError
from hadua.models.features import Modality
from hadua.models.prediction import Prediction
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.pipeline import Pipeline
from hadua.service.serving import Serving

EEG, EYE = Modality.EEG, Modality.EYE
CUTS = 3

Turn = tuple[Modality, SampleChunk]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("state")
    return load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=3))


@pytest.fixture(scope="module")
def runtime(bundle: Bundle) -> Iterator[Runtime]:
    runtime = load_runtime(bundle, device="cpu")
    yield runtime
    runtime.close()


def changed_eeg(change: Callable[..., object]) -> Chunks:
    chunks = recorded()
    eeg = change(*halves(chunks[EEG]))
    assert isinstance(eeg, list)
    return {EEG: eeg, EYE: chunks[EYE]}


def ended_gaze() -> Chunks:
    """Gaze that is away for longer than anything waits for it."""
    chunks = recorded()
    return {EEG: chunks[EEG], EYE: halves(chunks[EYE])[0]}


SCENARIOS: Mapping[str, Callable[[], Chunks]] = {
    "plain": recorded,
    "faults": lambda: recorded("eeg.gap@4+0.3;eye-lost@5+1;eeg.nan:CZ@6+1"),
    "order": lambda: changed_eeg(reordered),
    "rate": lambda: changed_eeg(every_second),
    "useless": lambda: changed_eeg(too_slow),
    "one ended": ended_gaze,
    "eeg alone": lambda: {EEG: recorded()[EEG]},
}


class Unclosed:
    """A runtime that many pipelines share."""

    def __init__(self, runtime: Runtime) -> None:
        self.name, self.device, self.logits = runtime.name, runtime.device, runtime.logits

    def close(self) -> None:
        pass


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_that_goes_on_from_a_state_answers_and_remembers_the_same(
    bundle: Bundle, runtime: Runtime, name: str
) -> None:
    chunks = SCENARIOS[name]()
    turns = in_turns(chunks)
    cuts = [round(k * len(turns) / CUTS) for k in range(CUTS)]

    def made() -> Pipeline:
        phase_s = 0.0 if name == "plain" else 0.124
        return pipeline_over(bundle, chunks, runtime=runtime, baseline_s=3.0, phase_s=phase_s)

    whole, answers, states = made(), list[list[Prediction]](), list[bytes]()
    for start, stop in pairwise([*cuts, len(turns)]):
        states.append(whole.state())
        answers.append(stepped(whole, turns[start:stop]))
    assert sum(map(len, answers)) > 10

    for k, state in enumerate(states):
        other = made()
        other.restore(state)
        assert other.state() == state
        assert stepped(other, turns[cuts[k] :]) == [p for part in answers[k:] for p in part]
        assert other.losses() == whole.losses()
        differing = list(differences(whole, other, "pipeline"))
        assert differing == []


def stepped(pipeline: Pipeline, turns: Sequence[Turn]) -> list[Prediction]:
    results = (r for m, chunk in turns for r in pipeline.step(m, chunk))
    return [result.prediction for result in results]


# Caches whose content can be made again, and what is only told to people or to the clock.
REMADE = {"_known", "_plans", "_report", "_clock", "_runtime", "header", "_required"}


def differences(one: object, other: object, where: str) -> Iterator[str]:
    """Where two objects differ, all the way down: whatever a state has forgotten is here."""
    if one is other:
        return
    if type(one) is not type(other):
        yield f"{where}: {type(one)} {type(other)}"
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.tobytes() != other.tobytes():
            yield where
    elif isinstance(one, Mapping) and isinstance(other, Mapping):
        if list(one) != list(other):
            yield f"{where}: {list(one)} {list(other)}"
        for key in one.keys() & other.keys():
            yield from differences(one[key], other[key], f"{where}[{key}]")
    elif isinstance(one, (list, tuple, deque)) and isinstance(other, (list, tuple, deque)):
        if len(one) != len(other):
            yield f"{where}: {len(one)} {len(other)}"
        for k, (a, b) in enumerate(zip(one, other, strict=False)):
            yield from differences(a, b, f"{where}[{k}]")
    elif names := attributes(one):
        for name in sorted(names - REMADE):
            a, b = getattr(one, name, None), getattr(other, name, None)
            yield from differences(a, b, f"{where}.{name}")
    elif repr(one) != repr(other):
        yield f"{where}: {one!r} {other!r}"


def attributes(thing: object) -> set[str]:
    """What an object of this program holds; nothing for others and for functions."""
    if not type(thing).__module__.startswith("hadua.") or isinstance(thing, type):
        return set()
    slots = {s for kind in type(thing).__mro__ for s in getattr(kind, "__slots__", ())}
    names = slots | set(getattr(thing, "__dict__", {}))
    if isinstance(thing, Windower):  # outside of what waits, buffers hold what was there before
        names = names - {"_t_s", "_x"} | {"_waiting"}
    return names - {"signal"} if isinstance(thing, Normaliser) else names


def test_a_difference_is_found_wherever_it_is(bundle: Bundle, runtime: Runtime) -> None:
    """The comparison above can fail."""
    turns = in_turns(recorded())
    one, other = (pipeline_over(bundle, recorded(), runtime=runtime) for _ in range(2))
    assert list(differences(one, other, "p")) == []
    stepped(one, turns[:40])
    one.state()  # no sample is put aside any more
    found = " ".join(differences(one, other, "p"))
    for name in ("_windower._tail", "_grid._next_k", "_watermark_s", "_pupil._cell", "_previous"):
        assert name in found


@pytest.mark.parametrize("versions", [(2, 1), (1, 0)])
def test_a_profile_is_used_after_the_state(bundle: Bundle, versions: tuple[int, ...]) -> None:
    """After any number of swaps; the state itself holds nothing of a profile."""
    turns = in_turns(recorded())
    third = len(turns) // 3
    pieces = [turns[:third], turns[third : 2 * third], turns[2 * third :]]

    def serving(version: int) -> Serving:
        if version == 0:
            return Serving(load_runtime(bundle, device="cpu"), {}, 0)
        profile = own_profile(bundle, version=version)
        runtime = load_runtime(bundle, device="cpu", model=profile.model)
        return Serving(runtime, profile.normalisation, version)

    whole = pipeline_over(bundle, recorded(), baseline_s=3.0)
    stepped(whole, pieces[0])
    for version in versions:
        whole.use(serving(version))
    stepped(whole, pieces[1])
    state = whole.state()
    other = pipeline_over(bundle, recorded(), baseline_s=3.0)
    other.restore(state)
    if versions[-1]:
        other.use(serving(versions[-1]))

    said = stepped(whole, pieces[2])
    assert stepped(other, pieces[2]) == said
    assert {p.profile_version for p in said} == {versions[-1]}
    for pipeline in (whole, other):  # and back again
        pipeline.use(serving(0))
    assert whole.state() == other.state()
    whole.close()
    other.close()


def test_a_state_of_something_else_is_refused_in_words(bundle: Bundle, runtime: Runtime) -> None:
    chunks = recorded()
    state = pipeline_over(bundle, chunks, runtime=runtime).state()
    eeg_alone = pipeline_over(bundle, {EEG: chunks[EEG]}, runtime=runtime)
    with pytest.raises(RecordingError, match="got of eeg, eye, expected of eeg"):
        eeg_alone.restore(state)
    with pytest.raises(RecordingError, match="state of the pipeline"):
        eeg_alone.restore(b"\xc1")
    with pytest.raises(RecordingError, match="got format 99, expected format 1"):
        eeg_alone.restore(msgspec.msgpack.encode([99, None]))
    slower = [replace(c, spec=replace(c.spec, rate_hz=500.0)) for c in chunks[EEG]]
    other = pipeline_over(bundle, {EEG: slower, EYE: chunks[EYE]}, runtime=runtime)
    stepped(whole := pipeline_over(bundle, chunks, runtime=runtime), in_turns(chunks)[:200])
    with pytest.raises(HaduaError, match="samples that wait for their window"):
        other.restore(whole.state())


def test_no_value_of_another_kind_is_taken(bundle: Bundle, runtime: Runtime) -> None:
    """Whatever stands where in a state of another making: an error in words, or what it says."""
    chunks = recorded()
    stepped(whole := pipeline_over(bundle, chunks, runtime=runtime), in_turns(chunks)[:300])
    good = msgspec.msgpack.decode(whole.state())
    places = list(leaves(good[1], ()))
    assert len(places) > 300
    for place in places[:: max(1, len(places) // 60)]:
        bad = msgspec.msgpack.decode(whole.state())
        put(bad[1], place, {"no": "such"})
        with pytest.raises(RecordingError, match="state of the pipeline"):
            pipeline_over(bundle, chunks, runtime=runtime).restore(msgspec.msgpack.encode(bad))


def leaves(tree: object, place: tuple[object, ...]) -> Iterator[tuple[object, ...]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*place, key))
    elif isinstance(tree, list):
        for k, value in enumerate(tree):
            yield from leaves(value, (*place, k))
    else:
        yield place


def put(tree: object, place: tuple[object, ...], value: object) -> None:
    for key in place[:-1]:
        tree = tree[key]  # type: ignore[index]
    tree[place[-1]] = value  # type: ignore[index]
