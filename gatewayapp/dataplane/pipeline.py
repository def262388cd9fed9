"""A message's way, from top to bottom: start reading here.

Every step takes values and gives a value; everything that can go wrong is a GatewayError, turned into the client's
answer in one place. Each event is handled under the one snapshot of its stage that it was given at its start.
`steps`, where there are any, take note of what each step gave: somebody watches, see `observation`.
"""

import logging
from time import perf_counter

from gatewayapp.core.context import Context
from gatewayapp.core.errors import BadIntegrationResult, ConcurrencyLimitReached, GatewayError
from gatewayapp.core.json_body import Body
from gatewayapp.core.mapping import check_required_parameters, map_request
from gatewayapp.core.messages import Acceptance, ConnectionInfo, Denial, Disconnect, Handshake, Message
from gatewayapp.core.outcomes import Outcome
from gatewayapp.core.responses import map_connect_response, map_response
from gatewayapp.core.routing import select_route
from gatewayapp.core.snapshot import CONNECT, DISCONNECT, StageSnapshot
from gatewayapp.core.traces import INTEGRATED, MAPPED, RESPONSE_MAPPED, SELECTED, VALIDATED, Steps
from gatewayapp.integrations import Integrations

logger = logging.getLogger(__name__)


class Pipeline:
    """The way through the gateway of the three things that happen on a connection."""

    def __init__(self, integrations: Integrations) -> None:
        self._integrations = integrations

    async def answer_message(
        self, stage: StageSnapshot, connection: ConnectionInfo, message: Message, steps: Steps | None = None
    ) -> Outcome[str | None]:
        """The text frame that answers a message: a two-way route's response, an error, or None."""
        route, called = None, None
        try:
            body = Body(message.text)
            route = select_route(stage.api, body)
            if steps is not None:
                steps.add(SELECTED, route.route_key)
            context = Context(connection, stage.variables, route.route_key, message, body)
            request = map_request(route, context)
            body.release()
            if steps is not None:
                steps.add(MAPPED, request)
            called = perf_counter()
            invocation = self._integrations.invoke(request, route.caller, connection.connection_id)
            del request  # a slow backend must not make us hold a second copy of the payload
            response = await invocation
            latency = perf_counter() - called
            if steps is not None:
                steps.add(INTEGRATED, response)
            frame = map_response(route, response, context)
            _check_size(frame, stage)
            if steps is not None:
                steps.add(RESPONSE_MAPPED, frame)
            return Outcome(frame, route, response.status, None, latency)
        except Exception as error:
            failure = _expected(error, stage, connection)
            frame = failure.frame(connection.connection_id, message.request_id)
            return Outcome(frame, route, None, failure, _latency(called, failure))

    async def open_connection(
        self, stage: StageSnapshot, connection: ConnectionInfo, handshake: Handshake, steps: Steps | None = None
    ) -> Outcome[Acceptance | Denial]:
        """The answer to a handshake; without a `$connect` route, or an integration for it, everyone is let in."""
        route = stage.api.routes.get(CONNECT)
        if route is None:
            return Outcome(Acceptance())
        called = None
        try:
            check_required_parameters(route, handshake)
            if steps is not None:
                steps.add(VALIDATED)
            if route.integration is None:
                return Outcome(Acceptance(), route)
            context = Context(connection, stage.variables, CONNECT, handshake)
            request = map_request(route, context)
            if steps is not None:
                steps.add(MAPPED, request)
            called = perf_counter()
            response = await self._integrations.invoke(request, route.caller, connection.connection_id)
            latency = perf_counter() - called
            if steps is not None:
                steps.add(INTEGRATED, response)
            answer = map_connect_response(route, response, context)
            if steps is not None:
                steps.add(RESPONSE_MAPPED, answer)
            return Outcome(answer, route, response.status, None, latency)
        except Exception as error:
            failure = _expected(error, stage, connection)
            denial = failure.denial(connection.connection_id, handshake.request_id)
            return Outcome(denial, route, None, failure, _latency(called, failure))

    async def close_connection(
        self, stage: StageSnapshot, connection: ConnectionInfo, disconnect: Disconnect, steps: Steps | None = None
    ) -> Outcome[None]:
        """Deliver `$disconnect`; nobody is left to be told of a failure, so it is logged."""
        route = stage.api.routes.get(DISCONNECT)
        if route is None or route.integration is None:
            return Outcome(None, route)
        called = None
        try:
            context = Context(connection, stage.variables, DISCONNECT, disconnect)
            request = map_request(route, context)
            if steps is not None:
                steps.add(MAPPED, request)
            called = perf_counter()
            response = await self._integrations.invoke(request, route.caller, connection.connection_id)
            latency = perf_counter() - called
            if steps is not None:
                steps.add(INTEGRATED, response)
            return Outcome(None, route, response.status, None, latency)
        except Exception as error:
            failure = _expected(error, stage, connection)
            return Outcome(None, route, None, failure, _latency(called, failure))


def _check_size(frame: str | None, stage: StageSnapshot) -> None:
    limit = stage.limits.max_message
    if frame is not None and len(frame) > limit // 4 and len(frame.encode()) > limit:
        raise BadIntegrationResult(f"The answer is larger than a message may be ({limit} bytes).")


def _latency(called: float | None, failure: GatewayError) -> float | None:
    """The seconds that a failed call took; None where no request was sent."""
    return None if called is None or isinstance(failure, ConcurrencyLimitReached) else perf_counter() - called


def _expected(error: Exception, stage: StageSnapshot, connection: ConnectionInfo) -> GatewayError:
    """The failure as clients may hear of it; what nobody expected is logged in full and kept from them."""
    if isinstance(error, ConcurrencyLimitReached):
        return error  # the pool logs a sum of them: a line for each would add to the overload
    client = {"client": connection.source_ip}
    if isinstance(error, GatewayError):
        error.detail = stage.secrets.text(error.detail)  # which logs, traces and metrics show
        reason = error.detail or error.message
        logger.info("%s/%s %s: %s", connection.api_id, connection.stage, connection.connection_id, reason, extra=client)
        return error
    logger.error("Unexpected failure on connection %s", connection.connection_id, exc_info=error, extra=client)
    return GatewayError()
