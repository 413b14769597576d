"""Kept connections: a server may close one at any time, and that is no sign that it is away."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from hadua.service.cluster.pool_http import PoolHttp
from hadua.service.cluster.remote import PoolError


class Counting(http.server.ThreadingHTTPServer):
    """Keeps a connection idle as long as `idle_s`, and counts them."""

    idle_s: float | None = None
    opened = 0
    closed = threading.Semaphore(0)


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers everything alike."""

    protocol_version = "HTTP/1.1"
    server: Counting

    def setup(self) -> None:
        self.server.opened += 1
        super().setup()
        self.connection.settimeout(self.server.idle_s)

    def finish(self) -> None:
        super().finish()
        self.connection.close()
        self.server.closed.release()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_connection_that_was_closed_meanwhile_is_replaced_and_one_that_was_not_is_kept(
    server: Counting,
) -> None:
    http_ = PoolHttp(f"http://127.0.0.1:{server.server_port}")
    for _ in range(3):
        assert http_.ask("GET", "/", None, within_s=5.0) == b"{}"
    assert server.opened == 1
    http_.close()
    assert server.closed.acquire(timeout=5.0)

    server.idle_s = 0.05
    assert http_.ask("GET", "/", None, within_s=5.0) == b"{}"
    assert server.closed.acquire(timeout=5.0)
    assert http_.ask("GET", "/", None, within_s=5.0) == b"{}"
    assert server.opened == 3
    http_.close()


def test_a_server_that_is_gone_is_away(server: Counting) -> None:
    http_ = PoolHttp(f"http://127.0.0.1:{server.server_port}")
    assert http_.ask("GET", "/", None, within_s=5.0) == b"{}"
    server.shutdown()
    server.server_close()
    http_.close()
    with pytest.raises(PoolError, match="does not answer"):
        http_.ask("GET", "/", None, within_s=5.0)
