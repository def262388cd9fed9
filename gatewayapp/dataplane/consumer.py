"""The edge to WebSocket clients: ASGI events in, ASGI events out, one consumer for each connection.

A Channels consumer that runs its own event loop turn: Channels' stock dispatch makes a thread hop for every event and
handles one event at a time. Ours starts each message's work in order of arrival, up to the stage's `max_in_flight` at
once, and then stops reading the socket.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any

from channels.consumer import AsyncConsumer
from django.db import Error as DatabaseError

from gatewayapp.core.errors import GatewayError
from gatewayapp.core.messages import Acceptance, ConnectionInfo, Denial, Handshake, Message
from gatewayapp.core.traces import CONNECT
from gatewayapp.dataplane.addresses import UnknownHost
from gatewayapp.dataplane.connections import BINARY, GOING_AWAY, LOST, Close, LiveConnection, Send
from gatewayapp.dataplane.handshakes import (
    denial_events,
    early_refusal,
    header,
    read_connection,
    read_facts,
    read_handshake,
    refusal,
    unavailable,
)
from gatewayapp.dataplane.registry import RegistryUnavailable
from gatewayapp.dataplane.stages import ConfigurationUnavailable, StageHandle

if TYPE_CHECKING:
    from gatewayapp.dataplane.gateway import Gateway

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

_NO_STATUS = 1005
_NO_STATUS_REASON = "Client-side close frame status not set"


class GatewayConsumer(AsyncConsumer):
    """One client's connection, from its handshake to its `$disconnect`."""

    def __init__(self, gateway: "Gateway") -> None:
        self.gateway = gateway

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await self.gateway.started()
        connected_at = _now()
        handshake = read_handshake(scope, connected_at)
        admitted = await self._admit(scope, handshake, connected_at)
        if isinstance(admitted, Denial):
            await _deny(admitted, send)
            return
        info, stage = admitted
        with self.gateway.connections.opening(stage.key, info.source_ip):
            snapshot, recorder = stage.snapshot, self.gateway.recorder
            steps = recorder.begin(snapshot, info)
            outcome = await self.gateway.pipeline.open_connection(snapshot, info, handshake, steps)
            if steps is not None:
                recorder.end(CONNECT, snapshot, info, steps, handshake.request_id, handshake, outcome)
            if isinstance(outcome.answer, Denial):
                stage.meter.refused_count += 1
                stage.meter.handled(outcome, handshake)
                await _deny(outcome.answer, send)
                return
            connection = await self._open(scope, info, stage, handshake, outcome.answer, send)
        try:
            if outcome.route is not None:
                connection.note(outcome, handshake)
            if connection.closing != LOST:  # one that is being closed already is left once its close frame is sent
                await self._read(connection, receive)
        finally:  # in any case: every connection that got a 101 gets a `$disconnect`
            connection.end(LOST)
            self.gateway.disconnects.report(info, stage, connection.closing or LOST)

    async def _admit(
        self, scope: dict[str, Any], handshake: Handshake, connected_at: int
    ) -> tuple[ConnectionInfo, StageHandle] | Denial:
        """The stage that the handshake is for, and what the connection will be known by."""
        if self.gateway.draining:
            return unavailable()
        if self.gateway.memory.is_exhausted:
            return unavailable()
        if sum(name.lower() == "authorization" for name, _ in handshake.headers) > 1:
            return Denial(400, (("Content-Type", "text/html"),), b"<html><body>Bad Request</body></html>")
        try:
            host = header(handshake.headers, "host")
            address = self.gateway.addresses.find(host, scope["raw_path"].decode("latin-1"))
        except UnknownHost:
            logger.warning(
                "Refused a handshake for the host %r, which is not in NOPAL_ALLOWED_HOSTS",
                host,
                extra={"client": (scope.get("client") or ("",))[0]},
            )
            return refusal(400, "BadRequestException", "Bad Request")
        if address is None or address.rest not in ("", "/"):
            return refusal(403, "ForbiddenException", "Forbidden")
        try:
            stage = await self.gateway.stages.find(address.api_id, address.stage)
        except ConfigurationUnavailable as error:
            client = (scope.get("client") or ("",))[0]
            logger.warning("Refused a handshake: %s", error, extra={"client": client})
            return unavailable()
        if stage is None or stage.snapshot.api.disable_execute_api_endpoint:
            return refusal(403, "ForbiddenException", "Forbidden")
        info = read_connection(scope, address, handshake, self.gateway.ids.new(), connected_at)
        try:
            self.gateway.admission.check(stage, info, handshake)
        except GatewayError as error:
            logger.info("%s/%s: %s", info.api_id, info.stage, error.detail, extra={"client": info.source_ip})
            stage.meter.refused_count += 1
            return early_refusal(error)
        if not self.gateway.registry.has_room:  # asked before the backend is
            stage.meter.refused_count += 1
            return unavailable()
        return info, stage

    async def _open(
        self,
        scope: dict[str, Any],
        info: ConnectionInfo,
        stage: StageHandle,
        handshake: Handshake,
        acceptance: Acceptance,
        send: Send,
    ) -> LiveConnection:
        """Write the row, then accept; from the 101 on the connection can be delivered to. It may have ended already."""
        facts = read_facts(scope, handshake, acceptance, self.gateway.mask)
        connection = LiveConnection(info, stage, send, self.gateway.connections, scope.get("extensions", {}), facts)
        denial = await self._register(info, handshake)
        if denial is not None:
            connection.end(LOST)
            await _deny(denial, send)
            return connection
        try:
            await send({"type": "websocket.accept", "subprotocol": acceptance.subprotocol})
        except OSError:
            connection.end(LOST)
            return connection
        self.gateway.connections.add(connection)
        if self.gateway.draining or stage.deleted:  # since the handshake began
            connection.close(GOING_AWAY)
        return connection

    async def _register(self, info: ConnectionInfo, handshake: Handshake) -> Denial | None:
        """Write the connection's row; the denial where that is impossible."""
        try:
            await self.gateway.registry.add(info)
        except RegistryUnavailable as error:
            logger.warning("Refused a handshake: %s", error)
            return unavailable()
        except (DatabaseError, ValueError):
            return GatewayError().denial(info.connection_id, handshake.request_id)
        return None

    async def _read(self, connection: LiveConnection, receive: Receive) -> None:
        """Take the client's messages until the connection is closed, whoever closes it."""
        connection.take_texts(partial(self._take, connection))
        while (event := await receive())["type"] != "websocket.disconnect":
            text = event.get("text")
            if text is None:
                connection.close(BINARY)
            else:
                while not self._take(connection, text):
                    await connection.wait_for_slot(text)
            del event, text  # the next one may be long in coming
        connection.end(_client_close(event), by_client=True)

    def _take(self, connection: LiveConnection, text: str) -> bool:
        """Begin a message's work; False if it has to wait for a slot, and the client meanwhile is not read."""
        charge = connection.begin_message(text)
        if charge:
            message = Message(connection.last_active_at, text)
            self.gateway.work.run(self.gateway.answer(connection, message, charge))
        return charge is not None


async def _deny(denial: Denial, send: Send) -> None:
    try:
        for event in denial_events(denial):
            await send(event)
    except OSError:
        logger.debug("The client left before its handshake was refused")


def _client_close(event: dict[str, Any]) -> Close:
    code = event.get("code") or _NO_STATUS
    return code, _NO_STATUS_REASON if code == _NO_STATUS else event.get("reason") or ""


def _now() -> int:
    return int(time() * 1000)
