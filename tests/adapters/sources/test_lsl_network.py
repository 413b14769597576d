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
from hadua.adapters.sources.lsl_network import Network, network

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
            for source in sources:
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

    assert again is first[0]
    assert here.outlets({"name": f"{unique}-other"}) == []
    assert sender.name == unique


def test_it_is_one_as_long_as_anybody_keeps_it() -> None:
    one = network()
    assert network() is one
