"""Who is let in: limits for each address and each stage, and handshakes that no gateway should have to read."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import Api
from tests.support.backend import Received
from tests.support.invariants import eventually
from tests.support.node import Node
from tests.support.rawsocket import KEY, RawClient, Response


@pytest.fixture(scope="module")
def limited_node(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A gateway behind a proxy that allows an address 5 connections, and to connect 10 times a second."""
    node = Node(
        tmp_path_factory.mktemp("limited"),
        template=template,
        NOPAL_TRUSTED_PROXIES="127.0.0.0/8",
        NOPAL_CONNECTIONS_PER_ADDRESS="5",
        NOPAL_CONNECTS_PER_ADDRESS="10",
    )
    node.start()
    yield node
    node.stop()


def from_address(address: str) -> tuple[tuple[str, str], ...]:
    return (("X-Forwarded-For", address),)


def throttled(answer: Response) -> bool:
    assert answer.status in (101, 429)
    if answer.status == 429:
        assert json.loads(answer.body) == {"message": "Too Many Requests"}
        assert answer.headers["x-amzn-errortype"] == "TooManyRequestsException"
        assert int(answer.headers["retry-after"]) >= 1
    return answer.status == 429


async def test_an_address_may_have_so_many_connections_and_others_are_not_affected(
    new_api: NewApi, limited_node: Node
) -> None:
    api = await new_api(node=limited_node)
    clients = [await api.connect(additional_headers=from_address("192.0.2.1")) for _ in range(5)]
    assert throttled(await api.handshake(from_address("192.0.2.1")))
    assert not throttled(await api.handshake(from_address("192.0.2.2")))
    await clients[0].socket.close()
    await api.disconnected(2)
    assert not throttled(await api.handshake(from_address("192.0.2.1")))


async def test_handshakes_that_a_slow_backend_still_considers_count_as_connections(
    new_api: NewApi, limited_node: Node
) -> None:
    api = await new_api(node=limited_node, limits={"connections": 8})
    decide = asyncio.Event()

    async def consider(request: Received) -> bytes:
        await decide.wait()
        return api.accept(request)

    api.on("/connect", consider)
    first = [asyncio.create_task(api.connect(additional_headers=from_address("192.0.3.1"))) for _ in range(5)]
    await api.received(5, "/connect")
    assert throttled(await api.handshake(from_address("192.0.3.1")))
    second = [asyncio.create_task(api.connect(additional_headers=from_address("192.0.3.2"))) for _ in range(3)]
    await api.received(8, "/connect")
    assert throttled(await api.handshake(from_address("192.0.3.3")))
    decide.set()
    await asyncio.gather(*first, *second)


async def test_an_address_may_connect_so_often_and_others_are_not_affected(new_api: NewApi, limited_node: Node) -> None:
    api = await new_api(node=limited_node)
    await rate_is_kept(api, 10, from_address("192.0.4.1"))
    assert not throttled(await api.handshake(from_address("192.0.4.2")))


async def test_a_stage_takes_so_many_handshakes_a_second_and_other_stages_are_not_affected(new_api: NewApi) -> None:
    api, other = await new_api(limits={"connectsPerSecond": 10}), await new_api()
    await rate_is_kept(api, 10)
    assert not throttled(await other.handshake())


async def test_a_hanging_connect_backend_does_not_keep_the_clients_of_other_apis_out(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_CONCURRENT_HANDSHAKES="8")
    hanging, other = await new_api(node=node), await new_api(node=node)
    decide = asyncio.Event()

    async def consider(request: Received) -> bytes:
        await decide.wait()
        return hanging.accept(request)

    hanging.on("/connect", consider)
    pending = [asyncio.create_task(hanging.connect()) for _ in range(8)]
    await hanging.received(8, "/connect")
    assert throttled(await hanging.handshake())
    assert not throttled(await other.handshake())
    decide.set()
    await asyncio.gather(*pending)
    assert not throttled(await hanging.handshake())


async def test_handshakes_above_the_installations_rate_are_refused(start_node: StartNode, new_api: NewApi) -> None:
    api = await new_api(node=await start_node(NOPAL_HANDSHAKES_PER_SECOND="1"))
    answers = await asyncio.gather(*(api.handshake() for _ in range(20)))
    assert sum(map(throttled, answers)) > 5


async def rate_is_kept(api: Api, rate: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
    """For two seconds as many handshakes as can be: those let in are the rate's, and the burst of two seconds."""
    began = time.monotonic()
    taken = refused = 0
    while time.monotonic() - began < 2:
        if throttled(await api.handshake(headers)):
            refused += 1
        else:
            taken += 1
    due = 2 * rate + rate * (time.monotonic() - began)
    assert refused > 0
    assert 0.9 * due - 1 <= taken <= 1.1 * due + 1


async def test_a_stage_may_have_so_many_connections(new_api: NewApi) -> None:
    api = await new_api(limits={"connections": 20})
    attempts = await asyncio.gather(*(api.connect() for _ in range(60)), return_exceptions=True)
    clients = [attempt for attempt in attempts if not isinstance(attempt, BaseException)]
    assert len(clients) == 20
    assert throttled(await api.handshake())
    await clients[0].socket.close()
    await api.disconnected(1)
    assert not throttled(await api.handshake())


async def test_refused_handshakes_cost_no_backend_call_and_no_row(new_api: NewApi) -> None:
    api = await new_api(limits={"connections": 1})
    await api.connect()
    assert all([throttled(await api.handshake()) for _ in range(20)])
    assert len(api.requests("/connect")) == 1
    assert len(api.node.rows(api.api_id)) == 1


PIECES = [
    b"\r", b"\n", b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\xff", b"\xc3\x28", b"\xe2\x80\xa8",
    b"\t", b" ", b":", b"_", b"..", b"/", b"%", b"%00", b"%0d%0a", b"%ff", b"?", b"#", b"@", b"\\", b'"', b"x" * 200,
    b"\r\n ", b"\x0bX-Injected: 1", b"\x1cX-Injected: 1", b"\x85X-Injected: 1",
    b"Transfer-Encoding: chunked", b"Content-Length: 5", b"\xf0\x9f\x98\x80", b"*",
]  # fmt: skip


def fuzzed_handshake(random_: random.Random, path: str, mark: str) -> bytes:
    """A handshake with one to four bytes or pieces of it replaced by what parsers stumble over."""
    data = bytearray(
        f"GET {path}?n={mark} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://localhost\r\n"
        f"Sec-WebSocket-Protocol: chat, json\r\nUser-Agent: fuzz\r\nCookie: a=1\r\nX-Value: some\r\n\r\n".encode()
    )
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        place = random_.randrange(len(data) - 4)
        data[place : place + random_.randint(0, 3)] = random_.choice(PIECES)
    return bytes(data)


def status_of(node: Node, handshake: bytes) -> int:
    """The status of the answer; 0 for a connection that was closed, or is still waited on after half a second."""
    with RawClient(node.port, timeout=0.5) as raw:
        raw.send_while_open(handshake)
        try:
            return int(raw.receive_until(b"\r\n").split(b" ", 2)[1])
        except (TimeoutError, EOFError, ConnectionError):
            return 0


async def test_no_fuzzed_handshake_crashes_anything_or_splits_a_header(new_api: NewApi) -> None:
    """600 of them, seeded. Each is answered or closed; the gateway logs no traceback and serves on."""
    api = await new_api()
    node, loop, random_ = api.node, asyncio.get_running_loop(), random.Random(2026)
    handshakes = [fuzzed_handshake(random_, api.path, f"fuzz{number}") for number in range(600)]
    with ThreadPoolExecutor(16) as pool:
        found = await asyncio.gather(*(loop.run_in_executor(pool, status_of, node, data) for data in handshakes))
    statuses = Counter(found)
    assert set(statuses) <= {0, 101, 200, 301, 302, 400, 403, 404, 405, 408, 414, 426, 431, 501, 505}, statuses
    assert statuses[101] > 20, "if hardly any were accepted, this would prove little"
    for request in api.requests("/connect"):
        assert "x-injected" not in {name.lower() for name, _ in request.headers}
        assert not {"\r", "\n", "\x00"} & set("".join(name + value for name, value in request.headers))
    accepted = set(api.ledger.accepted.values())
    await eventually(lambda: api.ledger.disconnected() == accepted, "$disconnect of every accepted connection")
    client = await api.connect()
    assert await client.ask("hello") == "hello"


async def test_a_host_that_is_not_ours_is_refused_before_anything_is_built_from_it(new_api: NewApi) -> None:
    api = await new_api()
    hosts = [
        "evil.example", "localhost.evil.example", "localhost@evil.example", "localhost:80:80", "", "a" * 300,
        f"{api.api_id}.execute-api.evil.example/..", f"{api.api_id}.execute-api.{'a.' * 200}example",
        f"evil.example/{api.api_id}.execute-api.x", "[::1", "localhost\\.evil.example", "127.0.0.1.evil.example",
    ]  # fmt: skip

    def shake(host: str) -> int:
        with RawClient(api.node.port) as raw:
            head = f"GET {api.path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            raw.send(head.encode() + f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            return raw.response().status

    for host in hosts:
        assert await asyncio.to_thread(shake, host) in (400, 403), host
    assert api.requests("/connect") == []
