"""What the gateway holds for clients is bounded: by each connection's limits, and for all of them by a budget."""

import asyncio
import json
import resource

from tests.dataplane.conftest import NewApi, NewBackend, StartNode
from tests.support.apis import note
from tests.support.backend import Received
from tests.support.credentials import Credential, create_credential, request
from tests.support.invariants import eventually
from tests.support.node import Node
from tests.support.rawsocket import TEXT, RawClient, masked_frame

MIB = 2**20
LARGE = b"x" * 100_000
PATIENT = {"slowClientTimeout": 0}


def memory_of(node: Node, credential: Credential) -> dict[str, int]:
    """What `GET /api/v1/server` says of the memory budget."""
    response = request(node, "/api/v1/server", headers=credential.bearer)
    memory: dict[str, int] = json.loads(response.body)["memory"]
    return memory


def ask_often(raw: RawClient, count: int) -> None:
    raw.send(masked_frame(TEXT, b'{"action":"a"}') * count)


def sends(raw: RawClient, data: bytes) -> "asyncio.Task[None]":
    """Send without reading, however long that takes; the connection may end meanwhile."""
    raw.socket.settimeout(60)
    return asyncio.create_task(asyncio.to_thread(raw.send_while_open, data))


async def test_a_client_that_does_not_read_its_responses_is_not_read_either(new_api: NewApi) -> None:
    """A message is in flight until its response is written to the socket, and only so many may be."""
    api = await new_api(limits=PATIENT)
    raw, _ = await api.connect_raw(receive_buffer=4096)
    api.on("/echo", lambda request: LARGE)
    before = api.node.memory
    await asyncio.to_thread(ask_often, raw, 2_000)
    witness = await api.connect()
    await witness.socket.send("how are you?")
    asked = 0
    while len(api.requests("/echo")) > asked:  # until it asks no further
        asked = len(api.requests("/echo"))
        await asyncio.sleep(0.5)
    # What the kernel's socket buffers take is written: some megabytes.
    assert asked < 150
    assert api.node.memory - before < 16 * MIB
    assert await witness.socket.recv() == LARGE.decode()
    raw.reset()


async def test_responses_that_waited_for_a_slow_client_all_arrive_in_the_end(new_api: NewApi) -> None:
    api = await new_api(limits=PATIENT)
    raw, _ = await api.connect_raw(receive_buffer=4096)
    api.on("/echo", lambda request: LARGE)
    await asyncio.to_thread(ask_often, raw, 120)
    await api.received(17, "/echo")
    sizes = await asyncio.to_thread(lambda: [len(raw.receive_frame()[1]) for _ in range(120)])
    assert sizes == [len(LARGE)] * 120
    raw.reset()


async def test_a_full_send_buffer_stops_reading_until_the_client_reads(new_api: NewApi) -> None:
    """Also where pushes filled it: a client that does not read is not read from."""
    api = await new_api(limits=PATIENT | {"sendBuffer": 100_000})
    raw, connection_id = await api.connect_raw(receive_buffer=4096)
    async with api.callbacks() as callbacks:
        while (await callbacks.post(connection_id, LARGE)).status == 200:
            pass
        pushed = len(api.requests("/note"))
        await asyncio.to_thread(raw.send, masked_frame(TEXT, note(1).encode()))
        assert (await callbacks.post(connection_id, LARGE)).status == 429
    assert await (await api.connect()).ask("others are served") == "others are served"
    assert len(api.requests("/note")) == pushed == 0
    reading = asyncio.create_task(asyncio.to_thread(raw.receive_rest))
    await api.received(1, "/note")
    raw.reset()
    await asyncio.wait([reading])


async def test_the_budget_pauses_the_largest_holders_and_loses_nothing(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    node = await start_node(NOPAL_MEMORY_BUDGET="8M")
    greedy = await new_api(node, await new_backend())
    modest = await new_api(node)
    gate = asyncio.Event()
    greedy.on("/note", until=gate)
    socks = [(await greedy.connect_raw())[0] for _ in range(20)]
    message = b"".join(masked_frame(TEXT, note("x" * 30_000).encode()) for _ in range(16))
    sending = [sends(raw, message) for raw in socks]
    held = -1
    while len(greedy.requests("/note")) > held:
        held = len(greedy.requests("/note"))
        await asyncio.sleep(0.5)
    # 8 MiB hold some 130 such messages as text and request, 12 MiB some 200; 320 were sent.
    assert 30 < held < 200
    memory = await asyncio.to_thread(memory_of, node, create_credential(node))
    assert (memory["budget"], memory["closedConnections"]) == (8 * MIB, 0)
    assert memory["held"] > memory["budget"] // 2
    assert memory["pausedConnections"] > 0
    client = await modest.connect()
    for turn in range(20):
        assert await client.ask(f"an API within its share goes on {turn}") == f"an API within its share goes on {turn}"
    gate.set()
    await asyncio.gather(*sending)
    await greedy.received(320, "/note")
    for raw in socks:
        raw.reset()


async def test_above_the_ceiling_slow_readers_are_closed_with_1013(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    node = await start_node(NOPAL_MEMORY_BUDGET="4M")
    greedy = await new_api(node, await new_backend(), limits=PATIENT | {"sendBuffer": 100_000})
    modest = await new_api(node)
    witness = await modest.connect()
    gate = asyncio.Event()

    async def respond(request: Received) -> bytes:
        await gate.wait()
        return LARGE

    greedy.on("/echo", respond)
    clients = [await greedy.connect_raw(receive_buffer=4096) for _ in range(20)]
    for raw, _ in clients:
        ask_often(raw, 16)
    await greedy.received(160, "/echo")  # as many as one route may call at once
    async with greedy.callbacks() as callbacks:
        for _, connection_id in clients:  # until nothing more fits into its socket
            while (await callbacks.post(connection_id, LARGE)).status == 200:
                pass
    gate.set()  # 16 MB of responses for clients that do not read
    await eventually(lambda: greedy.ledger.codes()["1013"] > 0, "slow readers closed with 1013")
    assert await witness.ask("a fast reader stays") == "a fast reader stays"
    for raw, _ in clients:
        raw.reset()


async def test_handshakes_are_refused_with_503_while_the_budget_is_exhausted(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_MEMORY_BUDGET="1K")
    api = await new_api(node)
    client = await api.connect()
    gate = asyncio.Event()
    api.on("/note", until=gate)
    await client.socket.send(note("one message alone is always let through"))
    await api.received(1, "/note")
    refused = await api.handshake()
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    gate.set()
    assert await client.ask("over") == "over"
    assert (await api.handshake()).status == 101


async def test_a_gateway_with_little_memory_survives_more_than_fits(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    """F19: the budget follows the limit on memory that applies, here that of `ulimit -d`."""
    limit = 400 * MIB
    node = await start_node(before_start=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))
    greedy = await new_api(node, await new_backend(), limits=PATIENT | {"connections": 0})
    modest = await new_api(node)
    gate = asyncio.Event()
    greedy.on("/note", until=gate)
    socks = [(await greedy.connect_raw(receive_buffer=4096))[0] for _ in range(100)]
    frames = [masked_frame(TEXT, b"[" + b"0," * 16_000 + b"0]")] * 16  # documents that are large once they are parsed
    sending = [sends(raw, b"".join(frames)) for raw in socks]
    witness = await modest.connect()
    for turn in range(50):
        assert await witness.ask(f"still here {turn}") == f"still here {turn}"
    gate.set()
    for raw in socks:
        raw.reset()
    await asyncio.wait(sending)
    assert node.memory < limit
    assert node.process is not None
    assert node.process.poll() is None
