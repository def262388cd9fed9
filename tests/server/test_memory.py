"""What the server counts as held for a connection is given back when the connection is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gatewayapp.server.limits import ServerOptions
from gatewayapp.server.websocket import OPEN, Connection
from tests.server.conftest import PATIENCE, Serve, ServerProcess
from tests.support.rawsocket import TEXT, http_request, masked_frame

APPLICATION = "tests.server.apps:counting_memory"


def held(server: ServerProcess) -> int:
    return int(server.get("/held").body)


def wait_until_held(server: ServerProcess, is_right: Callable[[int], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_right(count := held(server)):
        assert time.monotonic() < until, f"{count} bytes are held"
        time.sleep(0.05)


def test_responses_to_a_peer_that_resets_are_not_counted_any_more(serve: Serve) -> None:
    """Also that of a request which waited for the peer to read."""
    server = serve(APPLICATION)
    with server.client(receive_buffer=4096) as client:
        client.socket.settimeout(1)
        requests = http_request("/@connections/scope-as-json", headers=[("x-filler", "x" * 8000)]) * 20
        while held(server) < 64 * 1024:
            client.send_while_open(requests)
        client.reset()
    for _ in range(20):
        wait_until_held(server, lambda count: count == 0)


def test_messages_that_a_failed_application_has_not_taken_are_not_counted(serve: Serve) -> None:
    server = serve(APPLICATION)
    with server.client() as client:
        assert client.upgrade("/crash").status == 101
        client.send(masked_frame(TEXT, b"x" * 1000) * 10)
        assert client.receive_close()[0] == 1011
        client.send_close(1011)
    wait_until_held(server, lambda count: count == 0)


def test_a_peer_that_is_not_read_for_want_of_memory_is_not_taken_for_dead() -> None:
    """Its pongs wait where nobody reads them; once it is read again, it has as long as anyone to answer a ping."""
    aborted: list[float] = []
    now = 1000.0

    class Open(Connection):
        options = ServerOptions()
        ping_interval = ping_timeout = 20.0
        state = OPEN

    connection: Any = Open(None)  # type: ignore[arg-type]
    connection.transport = SimpleNamespace(write=lambda _: None, abortConnection=lambda: aborted.append(now))
    connection._resume_reading = lambda: None
    connection._awaits_memory = True
    for _ in range(100):
        now += 1.0
        connection.tick(now)
    connection.read_despite_memory()
    resumed = now
    for _ in range(50):
        now += 1.0
        connection.tick(now)
    assert aborted
    assert aborted[0] >= resumed + 20


BODY = b"POST /mirror HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n" + b"x" * 64_000
DIRECT_BODY = BODY.replace(b"/mirror", b"/@connections/never-answered", 1)
HEAD = b"GET /mirror HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %s\r\n" % (each, b"y" * 8000) for each in range(3))


@pytest.mark.parametrize("part", [BODY, DIRECT_BODY, HEAD], ids=["body", "direct body", "head"])
def test_unfinished_requests_are_counted_until_they_end(serve: Serve, part: bytes) -> None:
    server = serve(APPLICATION)
    with server.client() as leaving, server.client() as other:
        for client in (leaving, other):
            client.send(part)
        wait_until_held(server, lambda count: count > 2 * 20_000)
        leaving.reset()
        wait_until_held(server, lambda count: 20_000 < count < 70_000)
        other.reset()
        wait_until_held(server, lambda count: count == 0)


@pytest.mark.parametrize("part", [BODY, HEAD], ids=["body", "head"])
def test_above_the_ceiling_large_requests_get_503_and_small_ones_are_served(serve: Serve, part: bytes) -> None:
    server = serve(APPLICATION)
    clients = [server.client() for _ in range(80)]
    for client in clients:
        client.send_while_open(part)
    assert held(server) < 2 * 2**20  # the budget is 1 MiB, the ceiling 1.5
    assert server.get("/mirror", method="POST", body=b"x" * 10_000).body == b"x" * 10_000
    response = clients[-1].response()
    assert (response.status, response.headers["retry-after"]) == (503, "5")
    for client in clients:
        client.reset()
    wait_until_held(server, lambda count: count == 0)
