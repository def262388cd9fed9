"""A crowd of connections without sockets: real rows, real live connections, and a `send` that only waits.

For measuring what is read of tens of thousands of connections; Django is set up, and its database is there.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from time import time
from typing import Any, TypeVar

from gatewayapp import live
from gatewayapp.core.ids import ConnectionIds, Owner
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import Acceptance, ConnectionInfo, Handshake, Message
from gatewayapp.core.snapshot import StageSnapshot, load
from gatewayapp.core.traces import MESSAGE, Steps
from gatewayapp.dataplane.connection_rows import row_of
from gatewayapp.dataplane.connections import Connections, LiveConnection
from gatewayapp.dataplane.control import Control
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.dataplane.handshakes import read_facts
from gatewayapp.dataplane.metering import Metering
from gatewayapp.dataplane.observation import Recorder
from gatewayapp.dataplane.pipeline import Pipeline
from gatewayapp.dataplane.stages import Revision, StageHandle, StageKey, Stages
from gatewayapp.dataplane.work import Work
from gatewayapp.integrations import Integrations
from gatewayapp.integrations.outbound import OutboundOptions
from gatewayapp.models import Connection

OWNER = Owner(0, 1)
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "okhttp/4.12.0", "Probe/1.0", None)
_BATCH = 5_000

T = TypeVar("T")


class QuietGateway:
    """A gateway that nobody can connect to: what the rest of the process is served of one, on a loop of its own."""

    def __init__(self) -> None:
        integrations = Integrations(OutboundOptions())
        self.recorder = Recorder(Mask())
        self.connections = Connections(Work(), self.recorder)
        self.metering = Metering(Stages(DatabaseThread("unused")), self.connections)
        self.pipeline = Pipeline(integrations)
        self.control = Control(self, integrations)
        self.draining = False

    async def answer(
        self,
        connection: LiveConnection,
        message: Message,
        charge: int,
        steps: Steps | None = None,
        source: str = "client",
    ) -> None:
        await self.pipeline.answer_message(connection.stage.snapshot, connection.info, message, steps)
        connection.end_message(charge)

    async def trace_message(self, info: ConnectionInfo, text: str) -> str:
        """Take a message on its way, which ends at once for want of routes; the id of its trace."""
        stage = _handle(info.api_id, info.stage).snapshot
        message, steps = Message(int(time() * 1000), text), Steps()
        outcome = await self.pipeline.answer_message(stage, info, message, steps)
        self.recorder.end(MESSAGE, stage, info, steps, message.request_id, text, outcome)
        return message.request_id

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the gateway's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.control._loop).result()


@contextmanager
def quiet_gateway() -> Iterator[QuietGateway]:
    """Announced as this process's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    gateway = asyncio.run_coroutine_threadsafe(_made(), loop).result()
    live.announce(gateway.control)
    try:
        yield gateway
    finally:
        live.withdraw(gateway.control)
        gateway.run(_disconnect(gateway.connections))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def crowd(count: int, api_id: str = "crowd00000", stage: str = "prod") -> Iterator[Connections]:
    """`count` connections, made one a second, in this process's gateway; the caller's thread asks about them.

    Every seventh has had errors, every hundredth does not read, every tenth has been idle for five minutes and more.
    """
    infos = list(_infos(count, api_id, stage))
    with quiet_gateway() as gateway:
        gateway.run(_connect(gateway.connections, infos))
        for start in range(0, count, _BATCH):
            Connection.objects.bulk_create([row_of(OWNER, info) for info in infos[start : start + _BATCH]])
        yield gateway.connections


async def _made() -> QuietGateway:
    return QuietGateway()


def _infos(count: int, api_id: str, stage: str) -> Iterator[ConnectionInfo]:
    ids, now = ConnectionIds(bytes(32), OWNER), int(time() * 1000)
    for number in range(count):
        yield ConnectionInfo(
            connection_id=ids.new(),
            api_id=api_id,
            stage=stage,
            domain_name=f"localhost:8000/ws/{api_id}",
            connected_at=now - 1000 * (count - number),
            source_ip=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            user_agent=AGENTS[number % len(AGENTS)],
            authorizer={"principalId": f"user-{number % 1000}"},
        )


async def _connect(connections: Connections, infos: list[ConnectionInfo]) -> None:
    handle = _handle(infos[0].api_id, infos[0].stage)
    for number, info in enumerate(infos):
        connection = LiveConnection(info, handle, _never_sent, connections, {}, _facts(info))
        connections.add(connection)
        connection.messages_in = number
        connection.errors = int(number % 7 == 0)
        if number % 100 == 0:
            connection.deliver("x" * 100)
        if number % 10 == 0:
            connection.lifetime._last_data -= 300 + number % 100


async def _disconnect(connections: Connections) -> None:
    for connection in connections:
        connection.lifetime.stop()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def _handle(api_id: str, stage: str) -> StageHandle:
    document: Mapping[str, Any] = {
        "api": {"apiId": api_id, "routeSelectionExpression": "$request.body.action"},
        "integrations": [],
        "routes": [],
    }
    limits = StageLimits(connection_duration=0, slow_client_timeout=0)
    snapshot = StageSnapshot(load(document), stage, {}, limits)
    return StageHandle(StageKey(api_id, stage), Revision("deployment", 1), snapshot)


def _facts(info: ConnectionInfo) -> live.HandshakeFacts:
    headers = (
        ("Host", "localhost:8000"),
        ("User-Agent", info.user_agent or ""),
        ("Accept-Language", "en-US,en;q=0.5"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Sec-WebSocket-Version", "13"),
        ("Origin", "https://chat.example.org"),
        ("Authorization", f"Bearer {info.connection_id}"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
    )
    scope = {"raw_path": f"/ws/{info.api_id}/{info.stage}".encode(), "scheme": "wss"}
    return read_facts(scope, Handshake("", info.connected_at, headers, "room=blue&token=x"), Acceptance(), Mask())


async def _never_sent(event: dict[str, Any]) -> None:
    await asyncio.Event().wait()
