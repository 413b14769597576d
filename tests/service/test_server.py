"""Connections are kept longer than clients keep them."""

import httpx
from fastapi import FastAPI

from hadua.service.server import Server

AIOHTTP_KEPT_S = 15.0  # of its TCPConnector, by its documentation


async def _drain() -> None:
    pass


def test_no_client_sends_a_request_into_a_connection_that_is_being_closed() -> None:
    kept_s = Server(FastAPI(), drain=_drain).config.timeout_keep_alive

    of_httpx_s = httpx.Limits().keepalive_expiry
    assert of_httpx_s is not None
    assert kept_s > of_httpx_s + 5.0
    assert kept_s > AIOHTTP_KEPT_S + 5.0
