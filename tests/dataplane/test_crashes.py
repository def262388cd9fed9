"""A gateway that is killed, drained, starved or started twice: every connection ends once, and nobody is misled."""

import asyncio
import resource
import signal
from contextlib import suppress

from websockets.exceptions import InvalidStatus

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import note
from tests.support.backend import Answer, Received
from tests.support.invariants import eventually
from tests.support.node import Node
from tests.support.rawsocket import handshake


async def test_a_killed_gateway_reports_every_end_once_when_it_starts_again(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    clients = await api.connect_many(1100)
    await clients[0].socket.close()
    await api.disconnected(1)
    await eventually(lambda: len(node.rows(api.api_id)) == 1099, "rows of the open connections")

    asked, never = asyncio.Event(), asyncio.Event()

    async def think(request: Received) -> bytes:
        asked.set()
        await never.wait()
        return b""

    api.on("/connect", think)
    raws = [await asyncio.to_thread(node.client) for _ in range(10)]
    for raw in raws:
        raw.send(handshake(f"{api.path}?n=undecided"))
    await asked.wait()
    await asyncio.to_thread(node.kill)
    await asyncio.gather(*(client.closed(5) for client in clients))
    await asyncio.to_thread(node.start)
    await api.disconnected(1100)
    assert api.ledger.codes() == {"1000": 1, "1006": 1099}
    assert len({end.header("requestId") for end in api.ledger.disconnects}) == 1100
    await api.balance()
    async with api.callbacks() as callbacks:
        assert (await callbacks.post(clients[1].connection_id, "?")).status == 410
    for raw in raws:
        raw.socket.close()


async def test_an_end_that_may_not_have_arrived_is_reported_again_under_the_same_request_id(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    client = await api.connect()
    told: list[Received] = []
    told_once, never = asyncio.Event(), asyncio.Event()

    async def take_it_and_say_nothing(request: Received) -> bytes:
        told.append(request)
        told_once.set()
        await never.wait()
        return b""

    api.on("/disconnect", take_it_and_say_nothing)
    await client.socket.close()
    await told_once.wait()
    await asyncio.to_thread(node.kill)
    api.on("/disconnect", api.end)
    await asyncio.to_thread(node.start)
    [again] = await api.disconnected(1)
    assert again.header("requestId") == told[0].header("requestId")
    assert again.header("connectionId") == told[0].header("connectionId") == client.connection_id


async def test_a_terminated_gateway_finishes_what_is_under_way_closes_with_1001_and_exits_with_0(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    clients = await api.connect_many(50)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def think(request: Received) -> bytes:
        asked.set()
        await answer.wait()
        return request.body

    api.on("/echo", think)
    await clients[0].socket.send("under way")
    await asked.wait()
    with await asyncio.to_thread(node.client) as kept_alive:
        assert (await asyncio.to_thread(kept_alive.request, "/readyz")).status == 200
        node.signal(signal.SIGTERM)
        await asyncio.gather(*(client.closed() for client in clients[1:]))
        assert (await asyncio.to_thread(kept_alive.request, "/readyz")).status == 503
        assert (await asyncio.to_thread(kept_alive.request, "/healthz")).status == 200
        refused = await asyncio.to_thread(kept_alive.upgrade, api.path)
        assert refused.status == 503
    assert clients[0].socket.close_code is None
    answer.set()
    assert await clients[0].socket.recv() == "under way"
    assert {await client.closed() for client in clients} == {(1001, "Going away")}
    assert await asyncio.to_thread(node.wait) == 0
    assert api.ledger.codes() == {"1001": 50}
    assert node.rows(api.api_id) == []
    assert not node.complaints()


async def test_a_gateway_says_that_it_is_not_ready_before_its_port_closes(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_READINESS_GRACE="60")
    api = await new_api(node=node)
    client = await api.connect()
    assert status(node, "/readyz") == 200
    node.signal(signal.SIGTERM)
    await eventually(lambda: status(node, "/readyz") == 503, "the readiness of a gateway that stops")
    assert status(node, "/healthz") == 200
    late = await api.connect()
    assert await late.ask("hello") == "hello"
    node.signal(signal.SIGTERM)
    assert {await client.closed(), await late.closed()} == {(1001, "Going away")}
    assert await asyncio.to_thread(node.wait) == 0
    assert api.ledger.codes() == {"1001": 2}


def status(node: Node, target: str) -> int:
    with node.client() as client:
        return client.request(target).status


async def test_a_gateway_drains_although_its_clients_never_stop_talking(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node()
    api = await new_api(node=node)
    api.on("/note", delay=0.1)
    clients = await api.connect_many(20)
    sent = 0

    async def chatter(number: int) -> None:
        nonlocal sent
        with suppress(Exception):
            while True:
                await clients[number].socket.send(note(sent))
                sent += 1
                await asyncio.sleep(0.02)

    talking = [asyncio.create_task(chatter(number)) for number in range(20)]
    await api.received(100, "/note")
    node.signal(signal.SIGTERM)
    assert {await client.closed(10) for client in clients} == {(1001, "Going away")}
    assert await asyncio.to_thread(node.wait) == 0
    assert api.ledger.codes() == {"1001": 20}
    await asyncio.gather(*talking)


async def test_a_handshake_under_way_when_the_drain_begins_ends_with_it(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node()
    api = await new_api(node=node)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def think(request: Received) -> bytes:
        asked.set()
        await answer.wait()
        return api.accept(request)

    api.on("/connect", think)
    connecting = asyncio.create_task(api.connect())
    await asked.wait()
    node.signal(signal.SIGTERM)
    await eventually(lambda: _refuses(node), "the drain")
    answer.set()
    assert await (await connecting).closed() == (1001, "Going away")
    assert await asyncio.to_thread(node.wait) == 0
    assert api.ledger.codes() == {"1001": 1}
    assert node.rows(api.api_id) == []


def _refuses(node: Node) -> bool:
    try:
        with node.client():
            return False
    except ConnectionError:  # refused, or reset by a listener that closes
        return True


async def test_an_end_that_a_drain_could_not_report_in_time_is_reported_by_the_next_run(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_DRAIN_TIMEOUT="2")
    api = await new_api(node=node)
    client = await api.connect()
    never = asyncio.Event()
    api.on("/disconnect", until=never)
    node.signal(signal.SIGTERM)
    assert await client.closed() == (1001, "Going away")
    await asyncio.to_thread(node.wait)
    assert node.rows(api.api_id) == [client.connection_id]
    api.on("/disconnect", api.end)
    await asyncio.to_thread(node.start)
    await api.disconnected(1)


async def test_a_second_gateway_on_the_same_data_directory_is_refused_and_disturbs_nobody(new_api: NewApi) -> None:
    api = await new_api()
    node = api.node
    client = await api.connect()
    second = Node(node.directory)
    second.launch()
    assert await asyncio.to_thread(second.wait) != 0
    output = "".join(second.lines)
    assert f"Another Nopal runs on {node.directory}" in output
    assert "NOPAL_DATA_DIR" in output
    assert "Traceback" not in output
    assert await client.ask("hello") == "hello"
    await client.socket.close()


async def test_a_gateway_short_of_descriptors_refuses_quietly_and_recovers(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(before_start=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (150, 150)))
    api = await new_api(node=node)
    began = node.cpu_seconds
    lines = len(node.lines)
    clients, refusals = [], set()
    for _ in range(300):
        try:
            clients.append(await api.connect(open_timeout=5))
        except InvalidStatus as error:
            refusals.add(error.response.status_code)
    assert refusals == {503}
    assert len(clients) > 20
    assert node.cpu_seconds - began < 5
    assert await clients[0].ask("a backend call") == "a backend call"
    assert len([line for line in node.lines[lines:] if "ERROR" in line]) <= 10
    await asyncio.gather(*(client.socket.close() for client in clients))
    await api.disconnected(len(clients))
    again = await api.connect()
    assert await again.ask("recovered") == "recovered"
    await again.socket.close()


async def test_a_backend_that_refuses_a_handshake_hears_of_no_end(new_api: NewApi) -> None:
    api = await new_api()
    api.on("/connect", lambda request: Answer(403, b"no"))
    assert [(await api.handshake()).status for _ in range(20)] == [403] * 20
    api.on("/connect", api.accept)
    client = await api.connect()
    await client.socket.close()
    await api.disconnected(1)
    assert len(api.ledger.disconnects) == 1


async def test_a_client_that_leaves_while_its_handshake_is_decided_ends_once_and_is_never_listed(
    new_api: NewApi,
) -> None:
    api = await new_api()
    answer = asyncio.Event()
    asked = 0

    async def think(request: Received) -> bytes:
        nonlocal asked
        asked += 1
        await answer.wait()
        return api.accept(request)

    api.on("/connect", think)
    raws = [await asyncio.to_thread(api.node.client) for _ in range(50)]
    for number, raw in enumerate(raws):
        raw.send(handshake(f"{api.path}?n=leaver{number}"))
    await eventually(lambda: asked == 50, "handshakes at the backend")
    for raw in raws:
        raw.reset()
    peer = await asyncio.to_thread(api.node.client)
    await asyncio.to_thread(peer.request, "/healthz")
    peer.socket.close()
    answer.set()
    await api.disconnected(50)
    assert api.ledger.codes() == {"1006": 50}
    async with api.callbacks() as callbacks:
        statuses = [(await callbacks.post(one, "?")).status for one in api.ledger.accepted.values()]
    assert statuses == [410] * 50
