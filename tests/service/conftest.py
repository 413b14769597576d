"""What tests of the service share, and what all of them check: every frame is as documented."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import websockets.asyncio.client
import websockets.sync.client
from support.frames import check_frame
from support.keeping import new_data_folder

Data = str | bytes


@pytest.fixture
def new_folder(tmp_path: Path) -> Path:
    """A data folder with an empty database."""
    return new_data_folder(tmp_path / "data")


@pytest.fixture(autouse=True)
def _every_frame_is_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    asynchronous = websockets.asyncio.client.ClientConnection
    synchronous = websockets.sync.client.ClientConnection
    receive: Callable[..., Awaitable[Data]] = asynchronous.recv
    receive_now: Callable[..., Data] = synchronous.recv

    async def recv(self: object, *args: object, **kwargs: object) -> Data:
        data = await receive(self, *args, **kwargs)
        check_frame(data)
        return data

    def recv_now(self: object, *args: object, **kwargs: object) -> Data:
        data = receive_now(self, *args, **kwargs)
        check_frame(data)
        return data

    monkeypatch.setattr(asynchronous, "recv", recv)
    monkeypatch.setattr(synchronous, "recv", recv_now)
