"""What a connection holds of the memory budget is given back whatever becomes of it."""

import asyncio
from typing import Any

from gatewayapp.core.expressions import compile_selection
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import ConnectionInfo
from gatewayapp.core.snapshot import ApiSnapshot, StageSnapshot
from gatewayapp.dataplane import connections
from gatewayapp.dataplane.connections import FRAME_OVERHEAD, MESSAGE_OVERHEAD, Connections, LiveConnection
from gatewayapp.dataplane.consumer import GatewayConsumer
from gatewayapp.dataplane.memory_guard import MemoryGuard
from gatewayapp.dataplane.observation import Recorder
from gatewayapp.dataplane.stages import Revision, StageHandle, StageKey
from gatewayapp.dataplane.work import Work
from gatewayapp.live import Delivery, HandshakeFacts
from gatewayapp.memory_budget import MemoryBudget

LIMITS = StageLimits(connection_duration=0, idle_timeout=0, slow_client_timeout=0)


class SlowClient:
    """A client's side of a connection that takes no frame until it is told to."""

    def __init__(self, budget: MemoryBudget, *, limits: StageLimits = LIMITS) -> None:
        self.reads = asyncio.Event()
        self.sent: list[Any] = []
        self.connections = Connections(Work(), Recorder(Mask("")), budget)
        snapshot = StageSnapshot(ApiSnapshot("api", compile_selection("$request.body.action"), {}), "test", {}, limits)
        stage = StageHandle(StageKey("api", "test"), Revision(None, 0), snapshot)
        info = ConnectionInfo("id", "api", "test", "localhost", 0, "192.0.2.1")
        facts = HandshakeFacts("", "", "", None, False, False)
        self.connection = LiveConnection(info, stage, self.send, self.connections, {}, facts)
        self.connections.add(self.connection)

    async def send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            await self.reads.wait()
        self.sent.append(event.get("text", event.get("code")))


async def test_a_slow_reader_closed_before_its_writing_began_gives_everything_back() -> None:
    budget = MemoryBudget(1000)
    client = SlowClient(budget)
    charge = client.connection.begin_message("hello")
    assert charge
    assert client.connection.respond("x" * 2000, charge) is Delivery.ACCEPTED
    MemoryGuard(budget, client.connections)._shed()
    await client.connections.work.finish(5)
    assert client.sent == [1013]
    assert client.connection.in_flight == 0
    assert (budget.used, budget.active_accounts) == (0, 0)


async def test_a_slow_reader_closed_while_it_is_written_to_gives_everything_back() -> None:
    budget = MemoryBudget(1000)
    client = SlowClient(budget)
    client.connection.deliver("x" * 3000)
    await asyncio.sleep(0)
    MemoryGuard(budget, client.connections)._shed()
    await client.connections.work.finish(5)
    assert client.sent == [1013]
    assert (budget.used, budget.active_accounts) == (0, 0)


async def test_a_close_does_not_wait_for_ever_for_a_client_that_does_not_read(monkeypatch: Any) -> None:
    """Also where the stage forgives slow clients: nobody would see the connection any more, or what it holds."""
    monkeypatch.setattr(connections, "CLOSE_TIMEOUT_SECONDS", 0.05)
    client = SlowClient(MemoryBudget(1000))
    client.connection.deliver("x" * 1000)
    client.connection.close((4000, "Maintenance"))
    async with asyncio.timeout(5):
        while client.sent != [4000]:
            await asyncio.sleep(0.01)
    client.reads.set()
    await client.connections.work.finish(5)


async def test_empty_frames_leave_nothing_behind() -> None:
    budget = MemoryBudget(1000)
    client = SlowClient(budget)
    for _ in range(3):
        assert client.connection.deliver("") is Delivery.ACCEPTED
    client.reads.set()
    await client.connections.work.finish(5)
    assert client.sent == ["", "", ""]
    assert (budget.used, budget.active_accounts, budget.account("api").holders) == (0, 0, 0)


async def test_as_many_slow_readers_are_closed_as_hold_what_is_too_much() -> None:
    """What waits in a send buffer counts once."""
    budget = MemoryBudget(4 * (1000 + FRAME_OVERHEAD))
    clients = [SlowClient(budget) for _ in range(4)]
    for client in clients:
        assert client.connection.deliver("x" * 1000) is Delivery.ACCEPTED
    budget.limit = 1000 + FRAME_OVERHEAD
    MemoryGuard(budget, [client.connection for client in clients])._shed()  # type: ignore[arg-type]
    assert sum(client.connection.closing is not None for client in clients) == 3
    for client in clients:
        client.reads.set()
        await client.connections.work.finish(5)


async def test_a_message_of_many_bytes_per_character_waits_for_memory_and_is_not_lost() -> None:
    budget = MemoryBudget(MESSAGE_OVERHEAD * 2 + 3000)
    client = SlowClient(budget)
    connection, answered = client.connection, []

    class Gateway:
        work = client.connections.work

        async def answer(self, connection: LiveConnection, message: Any, charge: int) -> None:
            answered.append(message.text)
            connection.end_message(charge)

    first = connection.begin_message("first")
    assert first
    message = "\N{SNOWMAN}" * 1000  # 3,000 bytes
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    events.put_nowait({"type": "websocket.receive", "text": message})
    reading = asyncio.create_task(GatewayConsumer(Gateway())._read(connection, events.get))  # type: ignore[arg-type]
    for _ in range(5):
        await asyncio.sleep(0)
    assert answered == []
    connection.end_message(first)
    for _ in range(5):
        await asyncio.sleep(0)
    assert answered == [message]
    events.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await reading
    assert budget.used == 0
