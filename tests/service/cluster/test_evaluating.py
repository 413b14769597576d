"""Folds on the nodes of a cluster: the numbers of one process, whatever happens to a node."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ray.cluster_utils import Cluster
from support.bundles import make_bundle
from support.chores import moody
from support.evaluation import dataset, write_official
from support.ray_nodes import ray_nodes
from support.toy_bundle import toy_bundle
from support.toy_calibration import collected, quick

from hadua.adapters.datasets.population import population
from hadua.calibration.fit_data import read_fit_data
from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.fitted import read_fitted
from hadua.calibration.fitting import fit_and_keep
from hadua.calibration.profile_files import of_files, to_files
from hadua.calibration.training import Recipe
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.errors import CalibrationError, RuntimeUnavailableError, UsageError
from hadua.models.features import FloatArray
from hadua.models.runtime import load_runtime
from hadua.service.certify.processes import service
from hadua.service.cluster.booth import probe_of
from hadua.service.cluster.connection import ClusterError, connected
from hadua.service.cluster.fitters import FittedThere
from hadua.service.cluster.open_inference import OpenInferenceClient
from hadua.service.cluster.pool_http import PoolHttp
from hadua.service.cluster.ray_fits import OnNodes
from hadua.service.cluster.replicas import Replicas
from hadua.service.cluster.tasks import run_on_cluster
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import Evaluation
from hadua.service.evaluation.run import Request, run
from hadua.service.evaluation.workers import Failure
from hadua.service.training import run as training
from hadua.service.training.people import run_features
from hadua.service.training.run import Outcome

PLAN = Plan(
    "official",
    ("source-only", "ours"),
    ("transductive",),
    seeds=1,
    epochs=2,
    context=3,
    steps=2,
    online_steps=1,
    registry="support.evaluation",
)
# Ray leaves sockets and files to the collector, which only a test that counts them minds.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class Noted(list[tuple[int, int, str]]):
    """What was said of the folds; at the `at`-th something is done, once."""

    def __init__(self, at: int = -1, do: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._at, self._do = at, do

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        if what == "folds":
            self.append((done, total, note))
        if what == "folds" and done == self._at:
            self._at = -1
            self._do()


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with ray_nodes(2) as cluster:
        yield cluster


def official(root: Path, people: int) -> Path:
    return write_official(root, dataset(people=people, trials=4))


def evaluated(out: Path, root: Path, plan: Plan, noted: Noted, address: str | None) -> Evaluation:
    request = Request(out=out, root=root, jobs=2, cluster=address, plots=False)
    return run(plan, request, on_progress=noted)


def require_equal(a: Evaluation, b: Evaluation) -> None:
    """Bit for bit, but for how long it took."""
    assert [replace(r, seconds=0.0) for r in a.rows] == [replace(r, seconds=0.0) for r in b.rows]
    for one, other in zip(a.folds, b.folds, strict=True):
        assert one.name == other.name
        for name in ("y", "probabilities", "session", "order"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def lose_a_node(cluster: Cluster) -> None:
    """The last node's process is killed, with whatever it computes."""
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)


@pytest.mark.soak
def test_nodes_train_the_network_that_one_process_trains(two: Cluster) -> None:
    few = population(0, people=3, sessions=1, trials=5, windows=4)

    def trained(address: str | None) -> Outcome:
        plan = training.Plan(context=3, seed=0, recipe=Recipe(epochs=1))
        return run_features(few, plan, on_progress=lambda *_: None, cluster=address)

    here, there = trained(None), trained(two.address)

    assert there.rows == here.rows
    assert there.temperature == here.temperature
    for one, other in zip(weights(here), weights(there), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def weights(outcome: Outcome) -> list[FloatArray]:
    return [p.numpy() for p in outcome.trained.network.state_dict().values()]


@pytest.mark.soak
def test_a_replica_that_is_killed_loses_no_answer(two: Cluster, tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path, eeg_channels=("FP1", "CZ"), context=3))
    own = load_runtime(bundle, device="cpu")
    replicas = Replicas(bundle, address=two.address, count=2, device="cpu")
    try:
        for k in range(20):
            if k == 5:
                os.kill(replicas.pids[0], signal.SIGKILL)
            given = probe_of(bundle, seed=k)
            logits, who = replicas.logits_from(*given)
            np.testing.assert_allclose(logits, own.logits(*given), rtol=0.0, atol=1e-6)
            assert who in ("replica 1", "replica 2")
    finally:
        replicas.close()
        own.close()


@pytest.mark.soak
def test_a_pool_on_a_cluster_answers_as_a_booth_would(two: Cluster) -> None:
    bundle = load_bundle(demo_bundle_path())
    own = load_runtime(bundle, device="cpu")
    settings = {"HADUA_POOL_RAY": str(two.address), "HADUA_POOL_REPLICAS": "2"}
    name, n = bundle.manifest.name, len(bundle.classes)
    with service(1, (), settings=settings) as (url, _):
        client = OpenInferenceClient(PoolHttp(url), model=name, n_classes=n)
        for k in range(6):
            given = probe_of(bundle, seed=k)
            found = client.infer(*given, within_s=20.0)
            np.testing.assert_allclose(found.logits, own.logits(*given), rtol=0.0, atol=1e-6)
            assert found.where in {f"pool {url}, replica {r}" for r in (1, 2)}
        client.close()
    own.close()


@pytest.mark.soak
def test_a_node_fits_what_the_booth_would(two: Cluster, tmp_path: Path) -> None:
    request = quick(collected(tmp_path))
    data = read_fit_data(request.session, toy_bundle())
    parcel = FitParcel.of(request, data, bundle_digest=toy_bundle().digest)
    fit_and_keep(request)
    here = read_fitted(request.session)
    assert here is not None

    with connected(str(two.address)):
        made = asyncio.run(fitted_on(toy_bundle(), parcel))
        with pytest.raises(CalibrationError, match="arrays of a fit"):
            asyncio.run(fitted_on(toy_bundle(), parcel.model_copy(update={"arrays": "%"})))

    there = of_files(made.files.__getitem__, where="it")
    assert made.who.startswith("node ")
    assert to_files(replace(there, participant=here.participant)) == to_files(here)


async def fitted_on(bundle: Bundle, parcel: FitParcel) -> FittedThere:
    return await OnNodes(bundle)(parcel)


def test_nodes_give_what_one_process_gives_and_one_that_is_killed_loses_no_fold(
    two: Cluster, tmp_path: Path
) -> None:
    root = official(tmp_path / "official", people=4)
    here = evaluated(tmp_path / "here", root, PLAN, Noted(), None)
    noted = Noted(1, lambda: lose_a_node(two))

    there = evaluated(tmp_path / "there", root, PLAN, noted, two.address)

    require_equal(here, there)
    assert noted[-1][:2] == (4, 4)
    assert any(" nodes with " in note for _, _, note in noted)


def moody_on_a_node(shared: None, task: str) -> str:
    return moody(task)


@pytest.mark.soak
def test_a_task_that_fails_is_told_apart_from_one_whose_process_dies(two: Cluster) -> None:
    tasks = ["a", "refuses", "dies", "b"]

    found = dict(
        run_on_cluster(
            moody_on_a_node, tasks, address=two.address, shared=lambda task: ("", lambda: None)
        )
    )

    assert (found["a"], found["b"]) == ("A", "B")
    assert found["refuses"] == Failure("recording 'x': got nothing.")
    died = found["dies"]
    assert isinstance(died, Failure)
    assert "died" in died.message


@pytest.mark.soak
def test_four_nodes_twelve_folds_and_a_node_killed_midway(tmp_path: Path) -> None:
    plan = replace(PLAN, seeds=2)
    root = official(tmp_path / "official", people=6)
    here = evaluated(tmp_path / "here", root, plan, Noted(), None)

    with ray_nodes(4) as four:
        noted = Noted(3, lambda: lose_a_node(four))
        there = evaluated(tmp_path / "there", root, plan, noted, four.address)

    require_equal(here, there)
    assert noted[-1][:2] == (12, 12)
    assert any("1 lost" in note for _, _, note in noted)


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    root = official(tmp_path / "official", people=3)

    with pytest.raises(ClusterError, match=r"no cluster answers at '127\.0\.0\.1:9'"):
        evaluated(tmp_path / "out", root, PLAN, Noted(), "127.0.0.1:9")


@pytest.mark.parametrize("address", ["pool", "ray://pool:6379", "http://pool:6379", "pool:x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with (
        pytest.raises(UsageError, match=r"--cluster: got '.*', expected HOST:PORT"),
        connected(address),
    ):
        pass


def test_a_cluster_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hadua.service.cluster.connection.find_spec", lambda name: None)

    with (
        pytest.raises(RuntimeUnavailableError, match=r"pip install 'hadua\[cluster\]'"),
        connected("127.0.0.1:9"),
    ):
        pass
