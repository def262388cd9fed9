"""An API for failure tests: every event goes to one scripted backend, which keeps the books.

Routes: `$connect`, `$disconnect`, `$default` (two-way, echoes), `note` (one-way). Backend paths: /connect,
/disconnect, /echo, /note. Messages name their route in `action`.
"""

import asyncio
import itertools
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.backend import Handler, RawHandler, Received, ScriptedBackend
from tests.support.callbacks import CallbackClient
from tests.support.invariants import Ledger, check_invariants, eventually
from tests.support.node import Node
from tests.support.rawsocket import RawClient, Response

STAGE = "test"
_EVENT_HEADERS = {
    "integration.request.header.connectionId": "context.connectionId",
    "integration.request.header.requestId": "context.requestId",
}
_END_HEADERS = {
    **_EVENT_HEADERS,
    "integration.request.header.statusCode": "context.disconnectStatusCode",
    "integration.request.header.reason": "context.disconnectReason",
}
_marks = itertools.count()


class Client:
    """A connected WebSocket client and its connection's id."""

    def __init__(self, socket: ClientConnection, connection_id: str) -> None:
        self.socket = socket
        self.connection_id = connection_id

    async def ask(self, text: str) -> str:
        """Send a message and read one frame."""
        await self.socket.send(text)
        return str(await asyncio.wait_for(self.socket.recv(), 20))

    async def talk_until_closed(self, text: str) -> tuple[int | None, str | None]:
        """Ask the same again and again; code and reason of the close frame that ends it."""
        with suppress(ConnectionClosed):
            while True:
                await self.ask(text)
        return await self.closed()

    async def closed(self, patience: float = 20) -> tuple[int | None, str | None]:
        """Code and reason of the close frame that the gateway sends."""
        await asyncio.wait_for(self.socket.wait_closed(), patience)
        return self.socket.close_code, self.socket.close_reason


class Api:
    """One API on a node, deployed to one stage, and its backend."""

    def __init__(self, node: Node, backend: ScriptedBackend) -> None:
        self.node = node
        self.backend = backend
        self.ledger = Ledger()
        self.integrations: dict[str, str] = {}
        self._clients: list[Client] = []
        self.raws: list[RawClient] = []
        self._prefix = f"/{next(_marks)}"
        self.on("/connect", self.accept)
        self.on("/disconnect", self.end)
        self.on("/echo", lambda request: request.body)
        self.on("/note", lambda request: b"")

    async def create(
        self,
        limits: Mapping[str, Any] | None = None,
        stage_variables: Mapping[str, str] | None = None,
        connect: Mapping[str, Any] | None = None,
        disconnect: Mapping[str, Any] | None = None,
        routes: Mapping[str, Mapping[str, Any]] | None = None,
        **integration: Any,
    ) -> "Api":
        """Build and deploy the API.

        `integration` are members of all its integrations, `connect` and `disconnect` of those routes' alone; `routes`
        are further two-way routes by key, each with the members of its integration.
        """
        stage = {"limits": dict(limits or {}), "stage_variables": dict(stage_variables or {})}
        await asyncio.to_thread(
            self._create, stage, dict(connect or {}), dict(disconnect or {}), dict(routes or {}), integration
        )
        await self.known()
        return self

    async def known(self, known: bool = True) -> None:
        """Wait until the gateway has heard of the stage, or of its end: plain requests are told to upgrade, or 403."""
        async with asyncio.timeout(20):
            while (await asyncio.to_thread(self._ask_plainly)) != (426 if known else 403):
                await asyncio.sleep(0.02)

    def _ask_plainly(self) -> int:
        with self.node.client() as raw:
            return raw.request(self.path).status

    def _create(
        self,
        stage: dict[str, Any],
        connect: dict[str, Any],
        disconnect: dict[str, Any],
        routes: dict[str, Mapping[str, Any]],
        integration: dict[str, Any],
    ) -> None:
        self.api_id: str = self.node.call(
            "create_api", name="test", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action"
        )
        self.add_route("$connect", self._calling("/connect", _EVENT_HEADERS) | integration | connect)
        self.add_route("$disconnect", self._calling("/disconnect", _END_HEADERS) | integration | disconnect)
        self.add_route("$default", self._calling("/echo", _EVENT_HEADERS) | integration, two_way=True)
        self.add_route("note", self._calling("/note", _EVENT_HEADERS) | integration)
        for key, members in routes.items():
            self.add_route(key, self._calling("/echo", _EVENT_HEADERS) | integration | dict(members), two_way=True)
        deployment_id = self.node.call("create_deployment", api_id=self.api_id)
        self.node.call("create_stage", api_id=self.api_id, stage_name=STAGE, deployment_id=deployment_id, **stage)

    def _calling(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return {
            "integration_type": "HTTP_PROXY",
            "integration_method": "POST",
            "connection_type": "INTERNET",
            "integration_uri": self.uri(path),
            "request_parameters": dict(headers),
        }

    # its part of the backend

    def on(self, path: str, handler: Handler | None = None, **script: Any) -> None:
        """How its backend answers requests for `path`, as `ScriptedBackend.on`."""
        self.backend.on(self._prefix + path, handler, **script)

    def on_raw(self, path: str, handler: RawHandler) -> None:
        self.backend.on_raw(self._prefix + path, handler)

    def requests(self, path: str) -> list[Received]:
        """The requests for `path` so far."""
        return [request for request in self.backend.requests if request.path == self._prefix + path]

    def uri(self, path: str) -> str:
        return self.backend.url(self._prefix + path)

    async def received(self, count: int, path: str) -> list[Received]:
        """The requests for `path`, once there are `count`."""
        async with asyncio.timeout(60):
            return await self.backend.received(count, self._prefix + path)

    # changing it

    def add_route(self, key: str, integration: Mapping[str, Any], *, two_way: bool = False) -> None:
        """A route with an integration of its own, in the draft; `deploy` makes it known."""
        call = self.node.call
        self.integrations[key] = call("create_integration", api_id=self.api_id, **integration)
        target = f"integrations/{self.integrations[key]}"
        route_id = call("create_route", api_id=self.api_id, route_key=key, target=target)
        if two_way:
            call("create_route_response", api_id=self.api_id, route_id=route_id, route_response_key="$default")

    async def update_integration(self, key: str, **members: Any) -> None:
        await asyncio.to_thread(
            self.node.call, "update_integration", api_id=self.api_id, integration_id=self.integrations[key], **members
        )

    async def deploy(self) -> None:
        await asyncio.to_thread(self.node.call, "create_deployment", api_id=self.api_id, stage_name=STAGE)

    async def update_stage(self, **members: Any) -> None:
        await asyncio.to_thread(self.node.call, "update_stage", api_id=self.api_id, stage_name=STAGE, **members)

    async def delete_stage(self) -> None:
        await asyncio.to_thread(self.node.call, "delete_stage", api_id=self.api_id, stage_name=STAGE)

    # clients

    @property
    def path(self) -> str:
        return self.node.path(self.api_id, STAGE)

    @property
    def url(self) -> str:
        scheme = "wss" if self.node.scheme == "https" else "ws"
        return f"{scheme}://{self.node.authority}{self.path}"

    async def connect(self, **options: Any) -> Client:
        """A client of the `websockets` library, closed with the API; raises InvalidStatus if it is not let in."""
        mark = str(next(_marks))
        socket = await connect(
            f"{self.url}?n={mark}", compression=None, **{"open_timeout": 60, "ping_interval": None, **options}
        )
        self._clients.append(Client(socket, self.note_opened(mark)))
        return self._clients[-1]

    async def connect_many(self, count: int, at_once: int = 32, **options: Any) -> list[Client]:
        gate = asyncio.Semaphore(at_once)

        async def one() -> Client:
            async with gate:
                return await self.connect(**options)

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def connect_raw(self, **options: Any) -> tuple[RawClient, str]:
        """A client made of a bare socket, and its connection's id; it is closed with the API."""
        raw = await asyncio.to_thread(self.node.client, **options)
        self.raws.append(raw)
        mark = str(next(_marks))
        response = await asyncio.to_thread(raw.upgrade, f"{self.path}?n={mark}")
        assert response.status == 101, response
        return raw, self.note_opened(mark)

    async def handshake(self, headers: tuple[tuple[str, str], ...] = (), **options: Any) -> Response:
        """The answer to a handshake with these headers; the connection is closed again."""
        mark = str(next(_marks))

        def shake() -> Response:
            with self.node.client(**options) as raw:
                response = raw.upgrade(f"{self.path}?n={mark}", headers)
                if response.status == 101:
                    self.note_opened(mark)
                return response

        return await asyncio.to_thread(shake)

    def note_opened(self, mark: str) -> str:
        """The client with this mark got its 101; its connection's id."""
        connection_id = self.ledger.accepted[mark]
        self.ledger.opened.add(connection_id)
        return connection_id

    def callbacks(self, credentials: tuple[str, str] | None = None) -> CallbackClient:
        return CallbackClient(self.node.host, self.node.port, self.path, credentials, self.node.trust)

    async def gone(self, connection_id: str) -> None:
        """Wait until a push to the connection is answered 410."""
        async with self.callbacks() as callbacks:
            deadline = asyncio.get_running_loop().time() + 20
            while (await callbacks.post(connection_id, "?")).status != 410:
                assert asyncio.get_running_loop().time() < deadline, "pushes still reach the connection"
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Close every client that is still open."""
        await asyncio.gather(*(client.socket.close() for client in self._clients))
        for raw in self.raws:
            raw.socket.close()

    # the books

    async def disconnected(self, count: int = 1, patience: float = 20) -> list[Received]:
        """The `$disconnect` events, once there are `count`."""
        await eventually(lambda: len(self.ledger.disconnects) >= count, f"{count} $disconnect events", patience)
        return self.ledger.disconnects

    async def balance(self, open_now: int = 0) -> None:
        await check_invariants(self.node, self.api_id, self.ledger, open_now=open_now)

    def accept(self, request: Received) -> bytes:
        """The usual answer to `$connect`: notes the connection's id and lets it in."""
        query = parse_qs(urlsplit(request.target).query)
        connection_id = request.header("connectionId")
        assert connection_id is not None
        self.ledger.accepted[query.get("n", [connection_id])[0]] = connection_id
        return b""

    def end(self, request: Received) -> bytes:
        """The usual answer to `$disconnect`: notes the event."""
        self.ledger.disconnects.append(request)
        return b""


def note(number: int | str) -> str:
    """A message for the one-way route."""
    return json.dumps({"action": "note", "number": number})
