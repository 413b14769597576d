"""A process that goes last is waited for as long as others leave it a share that is enough."""

from dataclasses import dataclass
from typing import cast

import pytest
from support.service import async_test

from hadua.service.line_process import LineProcess
from hadua.service.modest import PATIENCE_S, StarvedError, modest_line


@dataclass
class Slow:
    """Says something after so many turns of patience, in each of which it is left a share."""

    turns: int
    share: float | None
    now_s: float = 0.0

    def processor_s(self) -> float | None:
        return None if self.share is None else self.share * self.now_s

    async def line(self, timeout_s: float, *, doing: str) -> bytes:
        self.now_s += timeout_s
        self.turns -= 1
        if self.turns > 0:
            raise TimeoutError
        return b"done"

    def monotonic(self) -> float:
        return self.now_s


async def line_of(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr("hadua.service.modest.time.monotonic", slow.monotonic)
    process = cast("LineProcess", slow)
    return await modest_line(process, 60.0, doing="adapt", least_share=0.1)


@pytest.mark.parametrize("share", [0.11, 1.0, None])
@async_test
async def test_it_is_waited_for(share: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(turns=4, share=share)
    assert await line_of(slow, monkeypatch) == b"done"
    assert slow.now_s == 4 * PATIENCE_S


@async_test
async def test_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(turns=4, share=0.09)
    said = r"when it was to adapt: got 0\.45 s of a processor in 5\.0 s, expected 10% or more"
    with pytest.raises(StarvedError, match=said):
        await line_of(slow, monkeypatch)
    assert slow.now_s == PATIENCE_S  # at the first look
