"""However many streams are read, the network is asked once."""

import gc
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pylsl
import pytest
from support.lsl_outlets import IndexOutlet

from hadua.adapters.sources import lsl_discovery
from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.lsl_network import FORGET_S, OLD_S, Hearing, Network, network

PATIENCE_S = 20.0
STREAMS = 4

Alive = weakref.WeakSet[pylsl.ContinuousResolver]


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> Alive:
    """The resolvers there are."""
    made: Alive = weakref.WeakSet()
    real = pylsl.ContinuousResolver

    def counted(**given: float) -> pylsl.ContinuousResolver:
        resolver = real(**given)
        made.add(resolver)
        return resolver

    monkeypatch.setattr(pylsl, "ContinuousResolver", counted)
    monkeypatch.setattr(lsl_discovery, "_SETTLE_S", 0.02)
    return made


@contextmanager
def reading(name: str) -> Iterator[LslSource]:
    source = LslSource({"name": name}, description=f"lsl:name={name}")
    try:
        source.open(6.0)
        yield source
    finally:
        source.close()


def test_streams_share_a_resolver_which_goes_with_the_last_of_them(
    unique: str, alive: Alive
) -> None:
    gc.collect()
    outlets = [IndexOutlet(f"{unique}-{k}", source_id=f"{unique}-{k}") for k in range(STREAMS)]
    deadline_s = time.monotonic() + PATIENCE_S
    with ExitStack() as stack:
        sources = [stack.enter_context(reading(o.name)) for o in outlets]
        assert len(alive) > 1  # each has looked for itself
        while len(alive) > 1 and time.monotonic() < deadline_s:
            for outlet, source in zip(outlets, sources, strict=True):
                outlet.push(10)
                source.read(0.05)
        assert len(alive) == 1
        assert all(source.health().answers for source in sources)
    assert len(alive) == 0


def test_an_outlet_is_asked_for_its_facts_once(unique: str) -> None:
    here = Network()
    sender = IndexOutlet(unique)
    deadline_s = time.monotonic() + PATIENCE_S
    while not (first := here.outlets({"name": unique}, old_s=0.0)):
        assert time.monotonic() < deadline_s
    (again,) = here.outlets({"name": unique}, old_s=0.0)

    assert again.summary is first[0].summary
    assert here.outlets({"name": f"{unique}-other"}) == []
    assert sender.name == unique


class Heard:
    """A resolver that a test speaks for."""

    def __init__(self, *uids: str) -> None:
        self.uids = list(uids)

    def results(self) -> list[pylsl.StreamInfo]:
        return [Info(uid) for uid in self.uids]


class Info(pylsl.StreamInfo):  # type: ignore[misc]
    def __init__(self, uid: str) -> None:
        super().__init__(f"name-{uid}", "EEG", 1, 100.0, "float32", uid)
        self._uid = uid

    def uid(self) -> str:
        return self._uid


def test_what_had_gone_before_is_not_heard_of_from_those_who_were_there() -> None:
    now_s = 0.0
    shared, own = Heard("gone", "here"), Heard()
    hearing = Hearing(Network(own), Network(shared), clock=lambda: now_s)

    def heard() -> list[str]:
        return [outlet.uid for outlet in hearing.outlets(old_s=0.0)]

    assert heard() == []
    own.uids = ["here", "new"]
    assert heard() == ["here", "new"]
    now_s, shared.uids = FORGET_S + 1.0, ["here"]  # it has forgotten; one is not known there yet
    time.sleep(OLD_S)
    assert heard() == ["here", "new"]
    shared.uids, own.uids = ["here", "new", "newer"], ["here", "new"]
    time.sleep(OLD_S)
    heard()
    own.uids = []  # nobody asks it any more
    assert heard() == ["here", "new", "newer"]


def test_it_is_one_as_long_as_anybody_keeps_it() -> None:
    one = network()
    assert network() is one
