"""A calibration that is fitted at the pool, over real sockets, and everything that can go wrong."""

import asyncio
import functools
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.learning import Script, begin_session, learning_parts, windows_chunks
from support.service import (
    FakeRuntime,
    Parts,
    Running,
    async_test,
    eventually,
    running,
    settings_for_tests,
)
from support.toy_bundle import toy_bundle
from support.toy_calibration import COLLECTED, PERSON, collected, quick

from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import read_fitted
from hadua.calibration.fitting import fit_and_keep, fit_parcel
from hadua.calibration.profile import Profile
from hadua.calibration.profile_files import DOCUMENT, MODEL, of_files, to_files
from hadua.calibration.store import ProfileStore
from hadua.models.errors import CalibrationError
from hadua.service.cluster.booth import Booth, PoolAsked
from hadua.service.cluster.fitters import FittedThere, Fitter, OwnProcess
from hadua.service.cluster.link import PoolState
from hadua.service.cluster.remote import PoolError, PoolLateError, PoolRefusedError, PoolWrongError
from hadua.service.cluster.remote_fit import PoolFits
from hadua.service.learning.fitting import Fitting
from hadua.service.person_data import PROFILES

slow_test = functools.partial(async_test, timeout_s=240.0)
# Fits in this process and in others, of low priority: seconds on idle cores, minutes on busy ones.
pytestmark = pytest.mark.timeout(300)
Files = Mapping[str, bytes]


async def in_process(parcel: FitParcel) -> FittedThere:
    """As the process of its own would, which takes seconds to start."""
    files = await asyncio.to_thread(fit_parcel, toy_bundle(), parcel)
    return FittedThere(files, "here")


async def never(parcel: FitParcel) -> FittedThere:
    await asyncio.Event().wait()
    raise AssertionError(parcel)


def pool_parts(fitter: Fitter = in_process, *, folder: Path | None = None) -> Parts:
    return Parts(bundle=toy_bundle(), fitter=fitter, data_folder=folder)


def booth_of(pool: Running) -> Booth:
    booth = Booth(toy_bundle(), PoolAsked(pool.url, 2.0, booth="b-1"), load=FakeRuntime)
    booth.start(
        lambda: {
            "version": "1", "bundle": "toy", "sessions": 0, "predictions": 0, "pool": "",
            "outcomes": {},
        }
    )  # fmt: skip
    return booth


async def fitted(
    pool: Running, request: FitRequest, *, within_s: float = 200.0, places: list[int] | None = None
) -> str:
    booth = booth_of(pool)
    try:
        await eventually(lambda: booth.link.state is PoolState.ANSWERING)
        fits = replace(booth.fits(), within_s=within_s)
        told = list[int]().append if places is None else places.append
        call = functools.partial(fits.fit, request, on_place=told, stop=threading.Event())
        return await asyncio.to_thread(call)
    finally:
        await asyncio.to_thread(booth.close)


@slow_test
async def test_where_it_was_fitted_does_not_matter(tmp_path: Path) -> None:
    here, there = quick(collected(tmp_path / "a")), quick(collected(tmp_path / "b"))
    fit_and_keep(here)
    async with running(pool_parts()) as pool:
        where = await fitted(pool, there)
        assert where == f"pool {pool.url}, here"

    mine, its = read_fitted(here.session), read_fitted(there.session)
    assert mine is not None
    assert its is not None
    assert to_files(its) == to_files(mine)


@slow_test
async def test_a_process_of_the_pool_fits_and_nothing_of_the_person_is_left(tmp_path: Path) -> None:
    here, there = quick(collected(tmp_path / "a")), quick(collected(tmp_path / "b"))
    fit_and_keep(here)
    kept, before = tmp_path / "pool", set(psutil.Process().children(recursive=True))
    tickets: list[str] = []
    own = OwnProcess(toy_bundle())

    async def noting(parcel: FitParcel) -> FittedThere:
        tickets.append(parcel.ticket)
        return await own(parcel)

    async with running(pool_parts(noting, folder=kept)) as pool:
        assert await fitted(pool, there) == f"pool {pool.url}, service"
        gone = await pool.http.get(f"/api/v1/fleet/fits/{tickets[0]}")
        assert (gone.status_code, gone.json()["code"]) == (404, "fit-unknown")
        assert pool.service.fits.info().waiting == pool.service.fits.info().fitting == 0
        assert set(psutil.Process().children(recursive=True)) == before
    mine, its = read_fitted(here.session), read_fitted(there.session)
    assert mine is not None
    assert its is not None
    assert to_files(its) == to_files(mine)
    files = [p for p in kept.rglob("*") if p.is_file()]
    assert files
    needles = (tickets[0].encode(), PERSON.encode(), COLLECTED.eeg[7].tobytes(), mine.model[-200:])
    for path in files:
        content = path.read_bytes()
        assert not any(needle in content for needle in needles), path


@slow_test
async def test_a_pool_that_stops_in_the_middle_of_a_fit_is_away(tmp_path: Path) -> None:
    request, begun = quick(collected(tmp_path)), asyncio.Event()

    async def hangs(parcel: FitParcel) -> FittedThere:
        begun.set()
        return await never(parcel)

    async with running(pool_parts(hangs)) as pool:
        fitting = asyncio.ensure_future(fitted(pool, request))
        await begun.wait()
    with pytest.raises(PoolError) as caught:
        await fitting
    assert caught.value.word in ("away", "refused")  # gone, or while it says goodbye
    assert read_fitted(request.session) is None


@slow_test
async def test_a_pool_that_takes_too_long_is_late_and_lets_go(tmp_path: Path) -> None:
    request, places = quick(collected(tmp_path)), list[int]()
    async with running(pool_parts(never)) as pool:
        with pytest.raises(PoolLateError, match=r"got no profile, expected one within 0\.6 s"):
            await fitted(pool, request, within_s=0.6, places=places)
        await eventually(lambda: pool.service.fits.info().fitting == 0)
    assert set(places) <= {0, 1}
    assert places


@slow_test
async def test_a_pool_that_refuses_or_fails_says_why(tmp_path: Path) -> None:
    async def fails(parcel: FitParcel) -> FittedThere:
        raise CalibrationError("too few windows")

    request = quick(collected(tmp_path))
    async with running(pool_parts(fails)) as pool:
        with pytest.raises(PoolRefusedError, match="has not fitted: got too few windows"):
            await fitted(pool, request)
    parts = replace(pool_parts(), settings=settings_for_tests(pool_fits=0))
    async with running(parts) as pool:
        with pytest.raises(PoolRefusedError, match="no fits are made here"):
            await fitted(pool, request)


@slow_test
async def test_a_fit_that_is_wanted_no_more_leaves_nothing_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person may have been erased while the pool's last answer was on its way."""
    request, stop, told = quick(collected(tmp_path), steps=1), threading.Event(), list[str]()
    checked = PoolFits._checked

    def erased_meanwhile(fits: PoolFits, *answer: Any) -> Profile:
        profile = checked(fits, *answer)
        shutil.rmtree(request.session)
        stop.set()
        return profile

    monkeypatch.setattr(PoolFits, "_checked", erased_meanwhile)
    async with running(pool_parts()) as pool:
        booth = booth_of(pool)
        await eventually(lambda: booth.link.state is PoolState.ANSWERING)
        call = functools.partial(booth.fits().fit, request, on_place=lambda _: None, stop=stop)
        with pytest.raises(PoolError, match="wanted no more"):
            await asyncio.to_thread(call)
        await asyncio.to_thread(booth.close)
    assert not request.session.exists()

    class Slow:
        """Has an answer on its way when nobody wants it any more."""

        asked = threading.Event()

        def fit(
            self, request: FitRequest, *, on_place: Callable[[int], None], stop: threading.Event
        ) -> str:
            self.asked.set()
            stop.wait()
            on_place(0)
            raise PoolError("the fit is wanted no more")

    slow = Slow()
    fit = Fitting(slow, on_stage=told.append).fit
    fitting = asyncio.ensure_future(fit(None, request.model_copy(update={"source": None})))  # type: ignore[arg-type]
    await eventually(slow.asked.is_set)
    fitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fitting
    await asyncio.sleep(0.05)
    assert told == []


def damaged(files: Files) -> Files:
    return {**files, MODEL: files[MODEL][:-1] + b"x"}


def without_a_file(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != MODEL}


def of_somebody_else(files: Files) -> Files:
    return to_files(replace(of_files(files.__getitem__, where="it"), participant="P02"))


def of_another_bundle(files: Files) -> Files:
    return to_files(replace(of_files(files.__getitem__, where="it"), bundle_digest="1" * 64))


def of_other_windows(files: Files) -> Files:
    return to_files(replace(of_files(files.__getitem__, where="it"), n_seen=9))


def of_another_version(files: Files) -> Files:
    return to_files(replace(of_files(files.__getitem__, where="it"), version=9))


def with_another_model(files: Files) -> Files:
    profile = of_files(files.__getitem__, where="it")
    return to_files(replace(profile, model=profile.model[: len(profile.model) // 2]))


def right(files: Files) -> Files:
    return files


def nothing(files: Files) -> Files:
    return {DOCUMENT: b"{}"}


WRONG: tuple[Callable[[Files], Files], ...] = (
    *(damaged, without_a_file, of_somebody_else, of_another_bundle, of_other_windows),
    *(of_another_version, with_another_model, nothing),
)


@slow_test
async def test_a_wrong_answer_is_not_taken(tmp_path: Path) -> None:
    request, made = quick(collected(tmp_path), steps=1), list[Files]()
    change: Callable[[Files], Files] = damaged

    async def fitter(parcel: FitParcel) -> FittedThere:
        if not made:
            made.append((await in_process(parcel)).files)
        profile = of_files(made[0].__getitem__, where="it")
        return FittedThere(change(to_files(replace(profile, participant=parcel.ticket))), "here")

    async with running(pool_parts(fitter)) as pool:
        for change in WRONG:
            with pytest.raises(PoolWrongError, match="expected the profile that was asked for"):
                await fitted(pool, request)
            assert read_fitted(request.session) is None, change
        change = right
        await fitted(pool, request)
    assert read_fitted(request.session) is not None


@slow_test
async def test_wrong_requests_are_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    async with running(pool_parts(never)) as pool:
        ticket = "0" * 32
        path = f"/api/v1/fleet/fits/{ticket}"
        parcel = {
            "ticket": ticket, "bundle_digest": "0" * 64, "version": 1, "parent": 0, "seed": 0,
            "steps": 1, "refused": {}, "arrays": "",
        }  # fmt: skip
        body = {"booth": "b-1", "versions": {}, "parcel": parcel}
        other = await pool.http.put(path, json=body)
        assert (other.status_code, other.json()["code"]) == (409, "fit-refused")
        elsewhere = await pool.http.put(f"/api/v1/fleet/fits/{'1' * 32}", json=body)
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "invalid-input")
        for wrong in ({"participant": "P01"}, {"steps": 0}, {"ticket": "P01"}):
            sent = {**body, "parcel": {**parcel, **wrong}}
            assert (await pool.http.put(path, json=sent)).status_code == 422
        assert (await pool.http.delete(path)).json()["code"] == "fit-unknown"
        assert (await pool.http.get("/api/v1/fleet/fits/P01")).status_code == 422


PLAN = {"baseline_s": 0.0, "windows": 140, "fewest": 120}


async def calibrated(
    booth: Booth, folder: Path, *, meanwhile: Callable[[], None] = lambda: None
) -> Mapping[str, object]:
    """A session's calibration at a booth, up to where somebody must decide."""
    begun = threading.Event()
    script: Script = [begun, *windows_chunks(0, 150), threading.Event()]
    parts = learning_parts(script, folder=folder, cluster_calibration=True)
    async with running(replace(parts, booth=booth)) as service:
        path = await begin_session(service.http)
        await eventually(service.service.sessions.get("s-1").running.is_set)
        answer = await service.http.post(f"{path}/calibration", json={"plan": PLAN})
        assert answer.status_code == 201, answer.text
        begun.set()
        while True:
            found = (await service.http.get(f"{path}/calibration")).json()["calibration"]
            assert found["state"] not in ("failed", "rejected"), found["reason"]
            if found["stage"].endswith("the pool"):
                meanwhile()
            if found["state"] == "ready":
                return dict(found)
            await asyncio.sleep(0.02)


@slow_test
async def test_a_booths_calibration_says_who_fitted_it(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def hangs(parcel: FitParcel) -> FittedThere:
        begun.set()
        return await never(parcel)

    async with running(pool_parts()) as pool:
        booth = Booth(toy_bundle(), PoolAsked(pool.url, 2.0, booth="b-1"), load=FakeRuntime)
        ready = await calibrated(booth, tmp_path / "a")
        assert ready["computed"] == f"pool {pool.url}, here"
    async with running(pool_parts(hangs)) as pool:
        booth = Booth(toy_bundle(), PoolAsked(pool.url, 2.0, booth="b-1"), load=FakeRuntime)
        stop = pool.server.request_exit
        ready = await calibrated(booth, tmp_path / "b", meanwhile=stop)

    assert begun.is_set()
    assert str(ready["computed"]).startswith("here: pool ")
    profiles = [
        ProfileStore(tmp_path / name / PROFILES).load(PERSON, 1, bundle=toy_bundle())
        for name in ("a", "b")
    ]
    assert to_files(profiles[0]) == to_files(profiles[1])
