"""The pool's line of fits: fair, bounded, and empty afterwards."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from support.service import async_test, eventually

from hadua.calibration.fit_parcel import FitParcel
from hadua.models.errors import CalibrationError
from hadua.service.cluster import fits as line
from hadua.service.cluster.fits import FitRefusedError, Fits, FitUnknownError
from hadua.service.cluster.fitters import FittedThere
from hadua.service.sessions import LimitReachedError

SAME = {"hadua": "1"}
DIGEST = "0" * 64


def a_parcel(number: int, *, bundle: str = DIGEST) -> FitParcel:
    return FitParcel(
        ticket=f"{number:032x}", bundle_digest=bundle, version=1, parent=0, seed=0, steps=1,
        refused={}, arrays="",
    )  # fmt: skip


class Bench:
    """Fits when it is told to, and remembers in which order it was asked."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, parcel: FitParcel) -> FittedThere:
        number = int(parcel.ticket, 16)
        self.begun.append(number)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.go_on.wait()
            if self.error is not None:
                raise self.error
            return FittedThere({"profile.json": b"{}"}, "bench")
        finally:
            self.at_once -= 1
            self.ended.append(number)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def at_work(
    bench: Bench, *, at_once: int = 1, clock: Clock | None = None
) -> AsyncIterator[Fits]:
    fits = Fits(
        bench,
        bundle_digest=DIGEST,
        at_once=at_once,
        clock=clock or Clock(),
        versions=lambda: SAME,
    )
    work = asyncio.ensure_future(fits.run())
    try:
        yield fits
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


def places(fits: Fits, *numbers: int) -> list[tuple[str, int]]:
    told = [fits.told(f"{n:032x}") for n in numbers]
    return [(t.state, t.place) for t in told]


async def until_failed(fits: Fits, n: int) -> None:
    await eventually(lambda: fits.info().ended.get("failed") == n)


@async_test
async def test_booths_take_turns_and_are_told_their_place() -> None:
    bench = Bench()
    async with at_work(bench) as fits:
        for number, booth in ((1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "c")):
            fits.put(booth, a_parcel(number), SAME)
        await eventually(lambda: bench.begun)
        assert places(fits, 1, 2, 3, 4, 5) == [
            ("fitting", 0), ("waiting", 3), ("waiting", 4), ("waiting", 1), ("waiting", 2),
        ]  # fmt: skip
        bench.go_on.set()
        await eventually(lambda: len(bench.ended) == 5)
        await eventually(lambda: fits.info().ended == {"done": 5})

    assert bench.begun == [1, 4, 5, 2, 3]
    assert bench.most_at_once == 1


@async_test
async def test_nothing_of_a_fit_is_kept_once_it_is_let_go_of() -> None:
    def kept(ticket: str) -> int:
        gc.collect()
        held = (o for o in gc.get_objects() if type(o) in (FitParcel, FittedThere))
        return sum(type(o) is FittedThere or o.ticket == ticket for o in held)

    bench = Bench()
    async with at_work(bench) as fits:
        ticket = fits.put("b", a_parcel(77), SAME).ticket
        await eventually(lambda: bench.begun)
        assert kept(ticket) == 1
        bench.go_on.set()
        await eventually(lambda: fits.told(ticket).state == "done")
        fits.forget(ticket)
        await asyncio.sleep(0)
        assert kept(ticket) == 0
        bench.go_on.clear()
        for number in (78, 79):
            fits.put("b", a_parcel(number), SAME)
        await eventually(lambda: len(bench.begun) == 2)
        fits.forget(waiting := f"{79:032x}")
        assert kept(waiting) == 0


@async_test
async def test_as_many_are_fitted_at_once_as_may_be() -> None:
    bench = Bench()
    async with at_work(bench, at_once=2) as fits:
        for number in range(4):
            fits.put(f"b-{number}", a_parcel(number), SAME)
        await eventually(lambda: len(bench.begun) == 2)
        assert (fits.info().fitting, fits.info().waiting) == (2, 2)
        bench.go_on.set()
        await eventually(lambda: len(bench.ended) == 4)

    assert bench.most_at_once == 2


@async_test
async def test_sent_once_more_it_is_fitted_once() -> None:
    bench = Bench()
    bench.go_on.set()
    async with at_work(bench) as fits:
        for _ in range(2):
            fits.put("a", a_parcel(1), SAME)
        await eventually(lambda: places(fits, 1) == [("done", 0)])
        again = fits.put("a", a_parcel(1), SAME)

    assert again.files == {"profile.json": "e30="}
    assert again.computed == "bench"
    assert bench.begun == [1]


@async_test
async def test_the_line_is_bounded_for_a_booth_and_for_all() -> None:
    async with at_work(Bench()) as fits:
        fits.put("a", a_parcel(0), SAME)
        await eventually(lambda: fits.info().fitting)
        for k in range(line.MOST_OF_A_BOOTH):
            fits.put("a", a_parcel(1 + k), SAME)
        with pytest.raises(LimitReachedError, match="calibrations that wait: got 4, 4 of this"):
            fits.put("a", a_parcel(99), SAME)
        for k in range(line.MOST_WAITING - line.MOST_OF_A_BOOTH):
            fits.put(f"b-{k}", a_parcel(100 + k), SAME)
        with pytest.raises(LimitReachedError, match="got 64, 0 of this booth"):
            fits.put("c", a_parcel(999), SAME)


@async_test
async def test_what_would_not_be_the_booths_own_fit_is_refused() -> None:
    async with at_work(Bench()) as fits:
        with pytest.raises(FitRefusedError, match="windows for another bundle"):
            fits.put("a", a_parcel(1, bundle="1" * 64), SAME)
        with pytest.raises(FitRefusedError, match="fit something else: got hadua 2, expected had"):
            fits.put("a", a_parcel(1), {"hadua": "2"})
    async with at_work(Bench(), at_once=0) as fits:
        with pytest.raises(FitRefusedError, match="no fits are made here"):
            fits.put("a", a_parcel(1), SAME)


@async_test
async def test_a_fit_that_fails_says_why_and_the_next_is_fitted() -> None:
    bench = Bench()
    bench.go_on.set()
    async with at_work(bench) as fits:
        for error, why in (
            (CalibrationError("too few windows"), "too few windows."),
            (RuntimeError("of the person"), "internal error: RuntimeError"),
        ):
            bench.error = error
            number = len(bench.begun)
            fits.put("a", a_parcel(number), SAME)
            await until_failed(fits, number + 1)
            assert fits.told(f"{number:032x}").reason == why
        bench.error = None
        fits.put("a", a_parcel(7), SAME)
        await eventually(lambda: places(fits, 7) == [("done", 0)])
        assert fits.info().ended == {"failed": 2, "done": 1}


@async_test
async def test_forgotten_it_ends_wherever_it_is() -> None:
    bench = Bench()
    async with at_work(bench) as fits:
        for number in (1, 2, 3):
            fits.put("a", a_parcel(number), SAME)
        await eventually(lambda: bench.begun == [1])
        fits.forget(f"{2:032x}")
        fits.forget(f"{1:032x}")
        await eventually(lambda: bench.begun == [1, 3])
        for number in (1, 2):
            with pytest.raises(FitUnknownError, match="this ticket is not known"):
                fits.told(f"{number:032x}")

    assert bench.ended == [1, 3]


@async_test
async def test_a_booth_that_asks_no_more_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_TIDY_S", 0.01)
    bench, clock = Bench(), Clock()
    async with at_work(bench, clock=clock) as fits:
        for number in (1, 2):
            fits.put("a", a_parcel(number), SAME)
        fits.put("b", a_parcel(3), SAME)
        await eventually(lambda: bench.begun == [1])
        clock.now_s = line.ABANDONED_S
        fits.told(f"{3:032x}")
        clock.now_s += 1.0
        await eventually(lambda: bench.begun == [1, 3])
        assert fits.info().waiting == 0
        for number in (1, 2):
            with pytest.raises(FitUnknownError, match="this ticket is not known"):
                fits.told(f"{number:032x}")
