"""What would a message do? The same steps as the pipeline's, with the reasons, up to the call, which is not made.

The message comes from a connection that does not exist, so what depends on the client is a sample.
"""

from dataclasses import dataclass

from gatewayapp.core.context import Context
from gatewayapp.core.errors import GatewayError
from gatewayapp.core.json_body import ABSENT, Body
from gatewayapp.core.mapping import map_request
from gatewayapp.core.messages import ConnectionInfo, IntegrationRequest, Message
from gatewayapp.core.routing import select_route
from gatewayapp.core.snapshot import CONNECT, DEFAULT, DISCONNECT, Route, StageSnapshot

SAMPLE_CONNECTION_ID = "AAAAAAAAAAAAAAA="
SAMPLE_ADDRESS = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class DryRun:
    """The outcome: the expression's `value` (None where the message is not JSON), the route and the `reason` for it,
    the request that its integration would send, and the error frame that the client would get, if any."""

    expression: str
    value: str | None
    reason: str
    route: Route | None = None
    request: IntegrationRequest | None = None
    error: GatewayError | None = None
    error_frame: str | None = None


def dry_run(stage: StageSnapshot, text: str, domain_name: str, now: int) -> DryRun:
    """What the message `text` would do on `stage` at `now` (epoch milliseconds)."""
    connection = ConnectionInfo(
        connection_id=SAMPLE_CONNECTION_ID,
        api_id=stage.api.api_id,
        stage=stage.stage_name,
        domain_name=domain_name,
        connected_at=now,
        source_ip=SAMPLE_ADDRESS,
    )
    message = Message(now, text)
    body = Body(text)
    expression = stage.api.route_selection
    value = None if body.value is ABSENT else expression.evaluate(body)
    route: Route | None = None
    try:
        route = select_route(stage.api, body)
        request = map_request(route, Context(connection, stage.variables, route.route_key, message, body))
    except GatewayError as error:
        frame = error.frame(connection.connection_id, message.request_id)
        return DryRun(expression.source, value, _reason(value, route), route, None, error, frame)
    return DryRun(expression.source, value, _reason(value, route), route, request)


def _reason(value: str | None, route: Route | None) -> str:
    """Why this route, in a sentence."""
    if value is None:
        why = "The message is not JSON"
    elif value in (CONNECT, DISCONNECT):
        why = f"A message cannot choose {value}"
    elif value == "":
        why = "The expression finds nothing in the message"
    elif route is not None and route.route_key == value:
        return f"The expression's value is the key of the route {value}."
    else:
        why = f"There is no route {value}"
    return f"{why}, so it goes to {DEFAULT}." if route else f"{why}, and there is no route {DEFAULT} to take it."
