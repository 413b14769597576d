"""Pages, put together, are the list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, FakeSource, Parts, async_test, ramps, running

from hadua.service.paging import CursorUnknownError, page


@given(n=st.integers(0, 30), limit=st.integers(1, 12))
def test_the_pages_of_a_list_are_the_list(n: int, limit: int) -> None:
    entries = [f"e{k}" for k in range(n)]
    seen: list[str] = []
    after: str | None = None
    for _ in range(n + 1):
        mine, after = page(entries, key=str, after=after, limit=limit)
        assert len(mine) <= limit
        seen += mine
        if after is None:
            break
    assert seen == entries


def test_a_cursor_that_is_gone_is_refused() -> None:
    with pytest.raises(CursorUnknownError, match="no entry 'gone'"):
        page(["a"], key=str, after="gone", limit=1)


@async_test
async def test_sessions_come_in_pages() -> None:
    sources = {f"fake:{k}": FakeSource(ramps(EEG, 1)) for k in range(5)}
    async with running(Parts(sources)) as service:
        for name in sources:
            body = {"eeg": name, "id": name[-1]}
            assert (await service.http.post("/api/v1/sessions", json=body)).status_code == 201
        seen: list[str] = []
        query = "limit=2"
        while query:
            got = (await service.http.get(f"/api/v1/sessions?{query}")).json()
            seen += [session["id"] for session in got["sessions"]]
            query = f"limit=2&after={got['next']}" if got["next"] else ""
        assert seen == ["0", "1", "2", "3", "4"]
        gone = await service.http.get("/api/v1/sessions?after=gone")
        assert (gone.status_code, gone.json()["code"]) == (422, "cursor-unknown")
