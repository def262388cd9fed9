"""Outbound calls over real sockets, on asyncio's own event loop and on uvloop."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psutil
import pytest
import uvloop

from gatewayapp.core.addresses import LOOPBACK, Policy, authority, parse_url
from gatewayapp.core.mapping import request_lines
from gatewayapp.core.messages import Headers, HttpRequest
from gatewayapp.integrations.outbound import OutboundClient, OutboundOptions
from tests.support.backend import ScriptedBackend

LOCAL = OutboundOptions(policy=Policy(LOOPBACK))


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
async def nothing_left_over() -> AsyncIterator[None]:
    """No test may leave a task or a socket behind."""
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    yield
    left = asyncio.all_tasks() - tasks - {asyncio.current_task()}
    assert not left
    assert open_sockets() <= sockets


@pytest.fixture
async def backend() -> AsyncIterator[ScriptedBackend]:
    async with ScriptedBackend() as backend:
        backend.on("/fine", body=b"fine")
        yield backend


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(LOCAL)
    yield client
    await client.close()


def a_request(
    url: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    target: str = "",
    timeout: float = 5.0,
    headers: Headers = (),
    **more: str,
) -> HttpRequest:
    """A request for `url`, or for another `target` on its host."""
    origin, own_target = parse_url(url)
    complete = (("Host", authority(origin)), *headers, ("Content-Length", str(len(body))))
    return HttpRequest(origin, request_lines(method, target or own_target, complete) + b"\r\n", body, timeout, **more)


def open_sockets() -> int:
    return len(psutil.Process().net_connections())
