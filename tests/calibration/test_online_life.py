"""One life of the loop: what it restores when it was wrong, and when it stops trying."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import people
from support.toy_stream import QUICK

from hadua.calibration.buffer import Piece, PieceBuffer
from hadua.calibration.chance import Chance
from hadua.calibration.guard import Breach
from hadua.calibration.online_life import CHECK_EVERY, MOST_ROLL_BACKS, Life, Served
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.online_stream import Stream
from hadua.models.export import load_network
from hadua.models.features import Modality

PROBATION = 3
CAREFUL = replace(QUICK, guard=replace(QUICK.guard, probation=PROBATION))
PERSON = people(4, n_stretches=40, turn_deg=30.0)


class Living:
    """A life and what it is fed."""

    def __init__(self, settings: OnlineSettings = CAREFUL, *, known: bool = False) -> None:
        bundle = toy_bundle()
        self.buffer = PieceBuffer(capacity=60, per_stretch=60)
        self.life = Life(
            Served(load_network(bundle), bundle.normalisation),
            self.buffer,
            settings=settings,
            source=None,
            check=bundle.check_set(),
            temperature=1.0,
            known=known,
        )
        self._chance = Chance(0)
        cuts = Stream(bundle, piece=6, stretch_s=60.0).cut(as_measured(PERSON.windows, bundle))
        self.pieces = [Piece(w, k, np.full(2, 0.5), np.zeros(1)) for k, w in enumerate(cuts)]

    def learn(self, k: int, *, broken: bool = False) -> Breach | None:
        """The k-th piece; a broken one has a prediction that is not a number."""
        piece = self.pieces[k]
        p = self.life.served.mean_answer(piece, temperature=1.0)
        with self._chance.drawing():
            return self.life.learn(
                replace(piece, probabilities=np.full(2, np.nan) if broken else p),
                seconds=6.0,
                rng=self._chance.rng,
            )


def bits(served: Served) -> list[bytes]:
    weights = [v.numpy().tobytes() for v in served.network.state_dict().values()]
    levels = [x.tobytes() for m in Modality for x in (served.normalisation[m].mean,)]
    spreads = [x.tobytes() for m in Modality for x in (served.normalisation[m].std,)]
    return weights + levels + spreads


def test_a_roll_back_restores_the_state_that_probation_has_passed_bit_for_bit() -> None:
    own, passed = Living(), []
    for k in range(10):
        assert own.learn(k) is None
        passed.append(bits(own.life.served))
    assert len({tuple(p) for p in passed}) == 10
    update = own.life.served.update

    breach = own.learn(10, broken=True)

    assert breach is not None
    assert breach.bound == "finite"
    assert bits(own.life.served) == passed[9 - PROBATION]
    assert own.life.served.update == update + 1
    assert [p.number for p in own.buffer.pieces] == list(range(10 - PROBATION))


def test_before_any_state_has_passed_it_goes_back_to_the_start() -> None:
    own = Living()
    start = bits(own.life.served)
    own.learn(0)
    own.learn(1, broken=True)

    assert bits(own.life.served) == start
    assert len(own.buffer) == 0


def test_it_goes_on_from_there_and_what_is_served_was_never_the_broken_one() -> None:
    own = Living()
    for k in range(8):
        own.learn(k)
    own.learn(8, broken=True)
    restored = own.life.served
    assert own.learn(9) is None
    assert own.life.served.update == restored.update + 1
    assert all(torch.isfinite(v).all() for v in own.life.served.network.state_dict().values())


def test_what_is_served_is_never_changed_afterwards() -> None:
    own, kept = Living(), []
    for k in range(12):
        own.learn(k, broken=k == 8)
        kept.append((own.life.served, bits(own.life.served)))
    assert all(bits(served) == then for served, then in kept)


def test_after_the_last_roll_back_it_is_frozen() -> None:
    own = Living()
    for k in range(MOST_ROLL_BACKS):
        assert not own.life.is_frozen
        own.learn(k, broken=True)
    assert own.life.is_frozen


def forgetful(settings: OnlineSettings) -> OnlineSettings:
    return replace(settings, guard=replace(settings.guard, check_loss=-0.5))


def collapsed(settings: OnlineSettings) -> OnlineSettings:
    return replace(settings, guard=replace(settings.guard, least_spread=2.0, spread_margin=-1.0))


def runaway(settings: OnlineSettings) -> OnlineSettings:
    return replace(settings, guard=replace(settings.guard, most_divergence=-1.0))


@pytest.mark.parametrize(
    ("strict", "bound", "at"),
    [
        (forgetful, "check set", CHECK_EVERY - 1),
        (collapsed, "spread", CHECK_EVERY - 1),
        (runaway, "divergence", 0),
    ],
)
def test_each_bound_is_looked_at_while_it_learns(
    strict: Callable[[OnlineSettings], OnlineSettings], bound: str, at: int
) -> None:
    own = Living(strict(CAREFUL))
    start = bits(own.life.served)
    found = [own.learn(k) for k in range(at + 1)]

    assert [None if b is None else b.bound for b in found] == [None] * at + [bound]
    assert own.life.roll_backs == 1
    assert bits(own.life.served) == start


def test_weights_wait_for_pieces_enough_that_are_sure() -> None:
    """The level follows at once; what is unsure moves the level alone."""
    own = Living(replace(CAREFUL, least_pieces=4))
    weights = [v.clone() for v in own.life.served.network.state_dict().values()]
    for k in range(3):
        own.learn(k)
    unmoved = own.life.served.network.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(weights, unmoved, strict=True))
    assert own.life.served.update == 3

    doubting = Living(replace(CAREFUL, guard=replace(CAREFUL.guard, most_entropy=0.0)))
    for k in range(12):
        doubting.learn(k)
    unmoved = doubting.life.served.network.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(weights, unmoved, strict=True))
    assert not any(p.sure for p in doubting.buffer.pieces)


def test_the_level_stays_where_it_is_not_to_follow() -> None:
    own = Living(replace(CAREFUL, statistics=False))
    for k in range(6):
        own.learn(k)
    normalisation = own.life.served.normalisation
    for m in Modality:
        np.testing.assert_array_equal(normalisation[m].mean, toy_bundle().normalisation[m].mean)
