"""Connections are lent in the order of the calls, and a call's bytes are never sent twice."""

import asyncio
import socket
from dataclasses import replace

import pytest

from gatewayapp.core.errors import BackendUnreachable, GatewayError
from gatewayapp.integrations.fair_shares import ShareLimits
from gatewayapp.integrations.outbound import OutboundClient
from tests.integrations.conftest import LOCAL, a_request
from tests.support.backend import Answer, RawHandler, Received, ScriptedBackend, Wire


async def test_calls_reach_the_backend_in_the_order_they_were_made(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    backend.on("/", lambda request: request.body)
    calls = [client.send(a_request(backend.url("/"), b"%d" % number)) for number in range(200)]
    answers = await asyncio.gather(*calls)
    in_order = [b"%d" % number for number in range(200)]
    assert [answer.body for answer in answers] == in_order
    assert [request.body for request in backend.requests] == in_order
    await client.close()


async def test_a_newcomer_never_overtakes_a_waiting_call(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    backend.on("/", lambda request: request.body)
    made: list[bytes] = []

    async def caller(name: bytes) -> None:
        for number in range(20):
            body = b"%s%d" % (name, number)
            made.append(body)
            await client.send(a_request(backend.url("/"), body))

    await asyncio.gather(*(caller(name) for name in (b"a", b"b", b"c", b"d")))
    assert [request.body for request in backend.requests] == made
    await client.close()


async def test_an_abandoned_call_gives_up_its_turn_and_is_never_sent(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    release = asyncio.Event()
    backend.on("/", lambda request: request.body, until=release)
    calls = [asyncio.create_task(client.send(a_request(backend.url("/"), name))) for name in (b"1", b"2", b"3")]
    await backend.received(1)
    calls[1].cancel()
    release.set()
    await asyncio.wait(calls)
    assert [request.body for request in backend.requests] == [b"1", b"3"]
    await client.close()


async def test_no_connection_is_opened_for_calls_that_ended_while_they_waited(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(20, part=1, reserved=1)))
    backend.on("/never", until=asyncio.Event())
    calls = [asyncio.create_task(client.send(a_request(backend.url("/never")))) for _ in range(60)]
    await backend.received(20)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    for _ in range(20):
        await client.send(a_request(backend.url("/fine")))
    assert backend.connections == 21
    await client.close()


async def test_no_more_connections_are_opened_than_allowed(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(7, part=1, reserved=1)))
    at_once, most = 0, 0

    async def handler(request: Received) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return request.body

    backend.on("/", handler)
    await asyncio.gather(*(client.send(a_request(backend.url("/"), b"%d" % number)) for number in range(300)))
    assert len(backend.requests) == 300
    assert backend.connections == 7
    assert most <= 7
    await client.close()


async def test_every_origin_has_connections_of_its_own(backend: ScriptedBackend) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    backend.on("/never", until=asyncio.Event())
    stuck = asyncio.create_task(client.send(a_request(backend.url("/never"))))
    await backend.received(1)
    async with ScriptedBackend() as other:
        other.on("/", body=b"other")
        assert (await client.send(a_request(other.url("/")))).body == b"other"
        stuck.cancel()
        await asyncio.wait([stuck])
        await client.close()


async def test_a_connection_closed_in_the_instant_before_a_call_is_not_used(client: OutboundClient) -> None:
    """The end has reached this machine, but the event loop has had no turn to see it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        request = a_request(f"http://127.0.0.1:{server.getsockname()[1]}/")
        for _ in range(100):
            call = asyncio.create_task(client.send(request))
            accepted = await answer_one(server)
            assert (await call).body == b"fine"
            accepted.close()


async def test_a_call_given_up_in_the_turn_that_began_it_is_never_sent(
    backend: ScriptedBackend, client: OutboundClient
) -> None:
    await client.send(a_request(backend.url("/"), b"first"))
    call = asyncio.create_task(client.send(a_request(backend.url("/"), b"given up")))
    await asyncio.sleep(0)  # it has its connection, and waits for the end of the turn
    call.cancel()
    await asyncio.wait([call])
    await client.send(a_request(backend.url("/"), b"last"))
    assert [request.body for request in backend.requests] == [b"first", b"last"]


async def test_restarts_under_load_duplicate_nothing(backend: ScriptedBackend, client: OutboundClient) -> None:
    backend.on("/", lambda request: request.body)
    answered: list[bytes] = []
    failed: list[bytes] = []
    stopping = False

    async def caller(name: bytes) -> None:
        number = 0
        while not stopping:
            number += 1
            body = b"%s-%d" % (name, number)
            try:
                answered.append((await client.send(a_request(backend.url("/"), body))).body)
            except BackendUnreachable:
                failed.append(body)

    callers = [asyncio.create_task(caller(name)) for name in (b"a", b"b", b"c", b"d")]
    for restart in range(1, 101):
        await backend.received(restart * 20)
        await backend.drop_connections(only_idle=True)
    stopping = True
    await asyncio.gather(*callers)
    bodies = [request.body for request in backend.requests]
    assert len(bodies) == len(set(bodies))
    assert set(answered) == set(bodies)
    assert not set(failed) & set(bodies)
    assert backend.connections > 100


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], ids=["nothing", "half"])
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "close"])
async def test_a_call_whose_bytes_were_sent_is_not_repeated(
    backend: ScriptedBackend, client: OutboundClient, sent: bytes, reset: bool
) -> None:
    async def script(wire: Wire) -> None:
        await wire.send(sent)
        if reset:
            wire.reset()

    backend.on_raw("/", script)
    for expected in range(1, 4):
        await client.send(a_request(backend.url("/fine")))
        with pytest.raises(GatewayError):
            await client.send(a_request(backend.url("/")))
        assert len(await backend.received(expected, "/")) == expected


async def test_an_answer_cannot_reach_the_next_call_even_where_it_fills_whole_reads(
    backend: ScriptedBackend, client: OutboundClient
) -> None:
    """A second answer right behind the first, wherever the event loop's reads happen to be cut."""
    smuggled = Answer(200, b"smuggled").wire()
    client_limit = LOCAL.max_header_bytes
    for size in (0, 1, client_limit - 1000, client_limit, 4 * client_limit):
        for padding in range(0, 200, 9):
            backend.on_raw(f"/{size}/{padding}", says(Answer(200, b"x" * (size + padding)).wire() + smuggled))
            hostile = client.send(a_request(backend.url(f"/{size}/{padding}")))
            fine = client.send(a_request(backend.url("/fine")))
            first, second = await asyncio.gather(hostile, fine)
            assert (len(first.body), second.body) == (size + padding, b"fine")


async def test_an_answer_that_ends_where_a_part_of_a_read_ends_is_not_followed_by_another(
    backend: ScriptedBackend,
) -> None:
    client = OutboundClient(replace(LOCAL, shares=ShareLimits(1, part=1, reserved=1)))
    part = LOCAL.max_header_bytes
    head = len(Answer(200, b"x" * part).wire()) - part
    first = Answer(200, b"x" * (part - head)).wire()
    assert len(first) == part
    backend.on_raw("/", says(first + Answer(200, b"smuggled").wire()))
    calls = [client.send(a_request(backend.url(path))) for path in ("/", "/fine", "/fine")]
    assert [answer.body[:8] for answer in await asyncio.gather(*calls)] == [b"xxxxxxxx", b"fine", b"fine"]
    await client.close()


async def answer_one(server: socket.socket) -> socket.socket:
    """Answer the first request on the next connection, which is returned still open."""
    loop = asyncio.get_running_loop()
    accepted, _ = await loop.sock_accept(server)
    await loop.sock_recv(accepted, 65536)
    await loop.sock_sendall(accepted, Answer(200, b"fine").wire())
    return accepted


def says(data: bytes) -> RawHandler:
    async def script(wire: Wire) -> None:
        await wire.send(data)
        await wire.closed_by_peer()

    return script
