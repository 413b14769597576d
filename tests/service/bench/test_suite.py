"""The suite in the small: its groups run, its floors compute what they stand for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hadua.models.errors import UsageError
from hadua.models.folded import fold
from hadua.models.network import HaduaNetwork
from hadua.service.bench import entropy, suite
from hadua.service.bench.effort import QUICK, Effort
from hadua.service.bench.eyes import made_up_gaze, ours
from hadua.service.bench.inference_floor import in_numpy
from hadua.service.bench.installed import installed_mb
from hadua.service.bench.row import Row
from hadua.service.bench.suite import Group


@pytest.mark.parametrize("context", [1, 10])
def test_the_floor_of_inference_is_the_network(context: int) -> None:
    torch.manual_seed(0)
    network = HaduaNetwork(310, 33, 3, context=context).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    rng = np.random.default_rng(0)
    eeg = rng.standard_normal((7, context, 310), np.float32)
    eye = rng.standard_normal((7, context, 33), np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(eeg), torch.from_numpy(eye)).numpy()

    logits = in_numpy(fold(network))(eeg, eye)

    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_every_row_of_entropy_is_measured_or_says_why_not() -> None:
    rows = entropy.rows(QUICK)

    assert {"bare np.fft.rfft", "a stateful scipy SOS filter bank"} <= {
        row.floor.split(":")[0] for row in rows
    }
    assert all(row.measured or row.setting.startswith("not measured: ") for row in rows)


def test_eye_windows_go_on_where_the_signal_begins_anew() -> None:
    window = ours(made_up_gaze(60.0), rate_hz=60.0)

    found = [window() for _ in range(150)]  # past the two minutes that were made

    assert len(found) == 150


def test_groups_are_named() -> None:
    assert list(suite.chosen(())) == list(suite.GROUPS)
    assert list(suite.chosen(("eyes",))) == ["eyes"]
    with pytest.raises(UsageError, match="group of benchmarks"):
        suite.chosen(("ears",))


def test_without_a_clone_its_groups_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "CLONE", tmp_path)

    (row,) = suite.GROUPS["fanout"].rows(QUICK)

    assert not row.measured
    assert "needs a clone" in row.setting


def test_a_group_that_fails_is_a_row_and_the_next_one_is_measured() -> None:
    def ends(effort: Effort) -> list[Row]:
        raise SystemExit("no pipe")

    groups = {"first": Group("", ends), "second": Group("", lambda _: [Row("de", 1.0, None, "us")])}

    (_, (failed,)), (_, (row,)) = suite.measured(groups, QUICK)

    assert failed.setting == "not measured: it failed: no pipe"
    assert row.measured


def test_the_installed_size_counts_what_is_needed() -> None:
    own, whole, n = installed_mb("hadua", extras=("cpu",))
    without, *_ = installed_mb("hadua")

    assert own == without
    assert n > 20
    assert whole > 100.0
    assert installed_mb("no-such-distribution") == (0.0, 0.0, 0)
