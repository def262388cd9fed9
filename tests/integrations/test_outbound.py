"""The outbound client: what goes out, what comes back, and when a call ends."""

import asyncio
import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gatewayapp.core.errors import BackendUnreachable, ConfigurationFailure, GatewayError, IntegrationTimeout
from gatewayapp.core.messages import Headers, HttpRequest
from gatewayapp.integrations.dialing import Refused
from gatewayapp.integrations.fair_shares import ShareLimits
from gatewayapp.integrations.outbound import OutboundClient
from tests.integrations.conftest import LOCAL, a_request
from tests.support.backend import ScriptedBackend, Wire

# what goes out


async def test_a_request_arrives_as_it_was_given(backend: ScriptedBackend, client: OutboundClient) -> None:
    headers = (
        ("X-Second", "zwei: ü".encode().decode("latin-1")),
        ("x-second", ""),
        ("Content-Type", "application/json"),
    )
    request = a_request(backend.url("/fine?a=b&c"), b'{"hi":1}', headers=headers)
    await client.send(request)
    [received] = backend.requests
    assert (received.method, received.target, received.body) == ("POST", "/fine?a=b&c", b'{"hi":1}')
    assert received.headers == tuple((name, value.encode("latin-1").decode()) for name, value in request.headers)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_000])
async def test_bodies_of_any_size_go_both_ways(backend: ScriptedBackend, client: OutboundClient, size: int) -> None:
    backend.on("/echo", lambda request: request.body)
    body = os.urandom(size)
    for _ in range(2):
        assert (await client.send(a_request(backend.url("/echo"), body))).body == body
    assert backend.connections == 1


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"])
async def test_proxy_variables_change_nothing(
    backend: ScriptedBackend, client: OutboundClient, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv(proxy, "http://127.0.0.1:1")
    assert (await client.send(a_request(backend.url("/fine")))).body == b"fine"


@pytest.mark.parametrize(
    "control", ["\r", "\n", "\r\n", "\0", "\r\nX-Injected: yes", "\r\n\r\nGET /secret HTTP/1.1\r\n"]
)
@pytest.mark.parametrize("place", ["method", "target", "name", "value"])
async def test_a_control_byte_splits_nothing(
    backend: ScriptedBackend, client: OutboundClient, control: str, place: str
) -> None:
    url = backend.url("/fine")
    send_bad = {
        "method": lambda: client.send(a_request(url, method=f"GET{control}")),
        "target": lambda: client.send(a_request(url, target=f"/{control}")),
        "name": lambda: client.send(a_request(url, headers=((f"X{control}", "y"),))),
        "value": lambda: client.send(a_request(url, headers=(("X", f"y{control}"),))),
    }[place]
    with pytest.raises((ConfigurationFailure, ValueError), match="control byte"):
        await send_bad()
    assert backend.connections == 0


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ((("X", "\ud800"),), "no byte"),
        ((("X", "ж"),), "no byte"),
        ((("X", "y" * 70_000),), "longer than 65536 bytes"),
    ],
)
async def test_a_head_that_cannot_be_sent_is_refused(
    backend: ScriptedBackend, client: OutboundClient, headers: Headers, problem: str
) -> None:
    with pytest.raises(ConfigurationFailure, match=problem):
        await client.send(a_request(backend.url("/fine"), headers=headers))
    assert backend.connections == 0


# what comes back


@pytest.mark.parametrize("status", [200, 201, 299, 301, 400, 404, 429, 500, 503, 599, 999])
async def test_any_status_is_an_answer(backend: ScriptedBackend, client: OutboundClient, status: int) -> None:
    backend.on("/", status=status, body=b"body", headers=(("X-One", "1"), ("x-one", "2")))
    answer = await client.send(a_request(backend.url("/")))
    assert (answer.status, answer.body) == (status, b"body")
    assert answer.headers[:2] == (("X-One", "1"), ("x-one", "2"))


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_leaves_the_connection_usable(
    backend: ScriptedBackend, client: OutboundClient, status: int
) -> None:
    backend.on("/", status=status)
    for _ in range(3):
        answer = await client.send(a_request(backend.url("/")))
        assert (answer.status, answer.body) == (status, b"")
    assert backend.connections == 1


async def test_the_answer_to_head_has_no_body_whatever_it_declares(
    backend: ScriptedBackend, client: OutboundClient
) -> None:
    backend.on("/", body=b"x" * 1000)
    answer = await client.send(a_request(backend.url("/"), method="HEAD"))
    assert (answer.status, answer.body, answer.headers) == (200, b"", (("Content-Length", "1000"),))
    assert (await client.send(a_request(backend.url("/fine")))).body == b"fine"


async def test_an_answer_of_exactly_the_limit_is_taken(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, max_body=1000))
    backend.on("/", body=b"x" * 1000)
    assert len((await client.send(a_request(backend.url("/")))).body) == 1000
    await client.close()


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 2),
        (b"HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 0\r\n\r\n", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 2),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx", 2),
    ],
)
async def test_a_connection_is_kept_where_both_sides_agree(
    backend: ScriptedBackend, client: OutboundClient, answer: bytes, connections: int
) -> None:
    async def script(wire: Wire) -> bool:
        await wire.send(answer)
        return True

    backend.on_raw("/", script)
    for _ in range(2):
        assert (await client.send(a_request(backend.url("/")))).status == 200
    assert backend.connections == connections


# when a call ends


@pytest.mark.parametrize("timeout", [0.05, 0.3])
async def test_a_silent_backend_is_cut_at_the_deadline(
    backend: ScriptedBackend, client: OutboundClient, timeout: float
) -> None:
    backend.on("/", until=asyncio.Event())
    assert timeout <= await seconds_until(IntegrationTimeout, client, a_request(backend.url("/"), timeout=timeout)) < 5


async def test_the_deadline_covers_the_wait_for_a_connection(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    release = asyncio.Event()
    backend.on("/slow", body=b"slow", until=release)
    slow = asyncio.create_task(client.send(a_request(backend.url("/slow"))))
    await backend.received(1)
    await seconds_until(IntegrationTimeout, client, a_request(backend.url("/fine"), timeout=0.05))
    release.set()
    assert (await slow).body == b"slow"
    assert [request.path for request in backend.requests] == ["/slow"]
    await client.close()


async def test_the_deadline_covers_the_look_up() -> None:
    async def never(host: str) -> list[str]:
        return await asyncio.get_running_loop().create_future()

    client = OutboundClient(LOCAL, never)
    await seconds_until(IntegrationTimeout, client, a_request("http://backend.example/", timeout=0.05))
    await client.close()


async def test_a_handshake_that_hangs_ends_with_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = OutboundClient(replace(LOCAL, connect_timeout=0.1))
        request = a_request(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        await seconds_until(BackendUnreachable, client, request)
        await client.close()


async def test_deadlines_of_many_calls_do_not_disturb_each_other(
    backend: ScriptedBackend, client: OutboundClient
) -> None:
    backend.on("/never", until=asyncio.Event())
    timeouts = [0.3, 0.05, 0.2, 0.1, 0.25, 0.15]
    ended: list[float] = []

    async def call(timeout: float) -> None:
        with pytest.raises(IntegrationTimeout):
            await client.send(a_request(backend.url("/never"), timeout=timeout))
        ended.append(timeout)

    await asyncio.gather(*map(call, timeouts))
    assert ended == sorted(timeouts)


async def test_cancelling_a_call_cuts_its_connection(backend: ScriptedBackend, client: OutboundClient) -> None:
    cut = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await wire.closed_by_peer()
        cut.set()

    backend.on_raw("/", script)
    call = asyncio.create_task(client.send(a_request(backend.url("/"))))
    await backend.received(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await cut.wait()
    assert (await client.send(a_request(backend.url("/fine")))).body == b"fine"


async def test_a_closed_port_is_told_and_soon_at_once() -> None:
    """Only the first refusals are waited out: if these calls were, one after another, their time would be over."""
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1), refusal_patience=0.2))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        request = a_request(f"http://127.0.0.1:{unused.getsockname()[1]}/", timeout=30)
        assert await asyncio.gather(*(error_of(client, request) for _ in range(300))) == [Refused] * 300
    await client.close()


async def test_a_backend_that_does_not_listen_while_it_restarts_costs_no_call(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, refusal_patience=30))
    for _ in range(2):
        await client.send(a_request(backend.url("/fine"), timeout=60))
        async with backend.away():
            calls = [asyncio.create_task(client.send(a_request(backend.url("/fine"), timeout=60))) for _ in range(5)]
            answered, _ = await asyncio.wait(calls, timeout=0.1)
            assert not answered
        assert [answer.body for answer in await asyncio.gather(*calls)] == [b"fine"] * 5
    assert len(backend.requests) == 12
    await client.close()


async def test_a_name_without_an_address_is_told() -> None:
    async def unknown(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = OutboundClient(LOCAL, unknown)
    with pytest.raises(BackendUnreachable, match=r"backend\.example: Name or service not known"):
        await client.send(a_request("http://backend.example/"))
    await client.close()


async def test_without_file_descriptors_calls_fail_and_recover(
    backend: ScriptedBackend, client: OutboundClient
) -> None:
    with no_descriptor_left(), pytest.raises(BackendUnreachable, match="no file descriptor left"):
        await client.send(a_request(backend.url("/fine")))
    assert (await client.send(a_request(backend.url("/fine")))).body == b"fine"


async def test_closing_fails_what_is_under_way_and_refuses_what_comes(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    backend.on("/never", until=asyncio.Event())
    calls = [asyncio.create_task(error_of(client, a_request(backend.url("/never")))) for _ in range(3)]
    await backend.received(1)
    await client.close()
    assert await asyncio.gather(*calls) == [BackendUnreachable] * 3
    assert await error_of(client, a_request(backend.url("/fine"))) is BackendUnreachable
    await client.close()


async def test_idle_connections_are_closed_after_a_while(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, idle_timeout=0.05))
    await client.send(a_request(backend.url("/fine")))
    await backend.all_closed()
    await client.send(a_request(backend.url("/fine")))
    assert backend.connections == 2
    await client.close()


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Every number below the limit is in use, so the next socket cannot be opened."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def seconds_until(error: type[GatewayError], client: OutboundClient, request: HttpRequest) -> float:
    started = time.monotonic()
    with pytest.raises(error):
        await client.send(request)
    return time.monotonic() - started


async def error_of(client: OutboundClient, request: HttpRequest) -> type[GatewayError] | None:
    try:
        await client.send(request)
    except GatewayError as error:
        return type(error)
    return None
