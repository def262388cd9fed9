"""A backend that hangs costs its own route: who is sent to the backend, who waits and who is refused."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from websockets.exceptions import InvalidStatus

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import Api, Client
from tests.support.backend import Received
from tests.support.invariants import eventually
from tests.support.node import Node

CONNECTIONS, ROUTE_LIMIT, QUEUE = 10, 8, 20


@pytest.fixture
async def node(start_node: StartNode) -> Node:
    return await start_node(
        NOPAL_OUTBOUND_CONNECTIONS=str(CONNECTIONS),
        NOPAL_OUTBOUND_QUEUE_LENGTH=str(QUEUE),
        NOPAL_OUTBOUND_QUEUE_TIMEOUT="60",
    )


def hangs_until(release: asyncio.Event) -> Callable[[Received], Awaitable[bytes]]:
    """A backend's handler that answers messages of the route `hang` only once `release` is set."""

    async def handle(request: Received) -> bytes:
        if b'"hang"' in request.body:
            await release.wait()
        return request.body

    return handle


def hang(number: int) -> str:
    return json.dumps({"action": "hang", "number": number})


def hanging(api: Api) -> list[Received]:
    return [request for request in api.requests("/echo") if b'"hang"' in request.body]


async def test_a_hanging_route_is_bounded_and_nobody_waits_for_it(new_api: NewApi, node: Node) -> None:
    release = asyncio.Event()
    api = await new_api(node=node, routes={"hang": {}, "calm": {}})
    other = await new_api(node=node)
    api.on("/echo", hangs_until(release))
    clients = await api.connect_many(5)
    for client in clients:
        for number in range(16):
            await client.socket.send(hang(number))
    refused = await frames(clients, 5 * 16 - ROUTE_LIMIT - QUEUE)
    assert {json.loads(frame)["message"] for frame in refused} == {"Internal server error"}
    parts = ("route hang", api.backend.endpoint, "NOPAL_OUTBOUND_CONNECTIONS (10)")
    [line] = await lines_with(node, "concurrency limit of the integration is reached")
    assert all(part in line for part in parts)

    for witnessed in (api, other):
        for _ in range(5):
            witness = await witnessed.connect()
            text = json.dumps({"action": "calm"})
            assert await witness.ask(text) == text
            await witness.socket.close()
        await witnessed.disconnected(5)
    await eventually(lambda: len(hanging(api)) >= ROUTE_LIMIT, "calls as many as the route may have")
    assert len(hanging(api)) == ROUTE_LIMIT

    release.set()
    answers = await frames(clients, ROUTE_LIMIT + QUEUE)
    assert {json.loads(frame)["action"] for frame in answers} == {"hang"}
    assert len(hanging(api)) == ROUTE_LIMIT + QUEUE


async def test_a_full_connect_route_refuses_handshakes_with_503(new_api: NewApi, node: Node) -> None:
    api = await new_api(node=node)
    release = asyncio.Event()
    ready = api.accept

    async def accept(request: Received) -> bytes:
        await release.wait()
        return ready(request)

    api.on("/connect", accept)
    excess = 3
    tasks = [asyncio.create_task(api.connect()) for _ in range(ROUTE_LIMIT + QUEUE + excess)]
    pending = set(tasks)
    while len(tasks) - len(pending) < excess:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    refused = [task.exception() for task in tasks if task.done()]
    for error in refused:
        assert isinstance(error, InvalidStatus)
        response = error.response
        document = json.loads(response.body)
        assert (response.status_code, document["message"]) == (503, "Internal server error")
        assert document.keys() == {"message", "connectionId", "requestId"}
    assert len(await api.received(ROUTE_LIMIT, "/connect")) == ROUTE_LIMIT
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, Client) for result in results) == ROUTE_LIMIT + QUEUE


async def frames(clients: list[Client], count: int) -> list[str]:
    """The next `count` frames of these clients, whoever gets them."""
    received: list[str] = []
    enough = asyncio.Event()

    async def read(client: Client) -> None:
        while True:
            received.append(str(await client.socket.recv()))
            if len(received) == count:
                enough.set()

    readers = [asyncio.create_task(read(client)) for client in clients]
    async with asyncio.timeout(20):
        await enough.wait()
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    assert len(received) == count
    return received


async def lines_with(node: Node, text: str) -> list[str]:
    """The lines of the gateway's log that hold this text, once there is one."""
    await eventually(lambda: any(text in line for line in node.lines), "the log line")
    return [line for line in node.lines if text in line]
