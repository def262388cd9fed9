"""What would a message do? The same steps as the pipeline's, with the reasons, up to the call, which is not made.

The message comes from a connection that does not exist, so what depends on the client is a sample.
"""

from dataclasses import dataclass
from typing import Any

from gatewayapp.core.context import Context
from gatewayapp.core.diff import MemberChange
from gatewayapp.core.errors import GatewayError
from gatewayapp.core.expectations import Outcome
from gatewayapp.core.json_body import ABSENT, Body
from gatewayapp.core.mapping import host_header, map_request
from gatewayapp.core.messages import (
    ConnectionInfo,
    HttpRequest,
    IntegrationRequest,
    LambdaRequest,
    Message,
    MockRequest,
)
from gatewayapp.core.redaction import NO_SECRETS, Secrets
from gatewayapp.core.routing import select_route
from gatewayapp.core.snapshot import CONNECT, DEFAULT, DISCONNECT, Route, StageSnapshot

SAMPLE_CONNECTION_ID = "AAAAAAAAAAAAAAA="
SAMPLE_ADDRESS = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class DryRun:
    """The outcome: the expression's `value` (None where the message is not JSON), the route and the `reason` for it,
    the request that its integration would send, and the error frame that the client would get, if any.

    `secrets` are hidden when the outcome is shown.
    """

    expression: str
    value: str | None
    reason: str
    route: Route | None = None
    request: IntegrationRequest | None = None
    error: GatewayError | None = None
    error_frame: str | None = None
    secrets: Secrets = NO_SECRETS


def dry_run(stage: StageSnapshot, text: str, domain_name: str, now: int, request_id: str = "") -> DryRun:
    """What the message `text` would do on `stage` at `now` (epoch milliseconds).

    Two runs at the same time and under the same request id differ in nothing but what `stage` makes differ.
    """
    connection = sample_connection(stage, domain_name, now)
    message = Message(now, text, request_id)
    body = Body(text)
    expression = stage.api.route_selection
    value = None if body.value is ABSENT else expression.evaluate(body)
    route: Route | None = None
    try:
        route = select_route(stage.api, body)
        request = map_request(route, Context(connection, stage.variables, route.route_key, message, body))
    except GatewayError as error:
        frame = error.frame(connection.connection_id, message.request_id)
        return DryRun(expression.source, value, _reason(value, route), route, None, error, frame, stage.secrets)
    return DryRun(expression.source, value, _reason(value, route), route, request, secrets=stage.secrets)


def sample_connection(stage: StageSnapshot, domain_name: str, now: int) -> ConnectionInfo:
    """The connection that tried messages seem to come from: nobody is at its other end."""
    return ConnectionInfo(
        connection_id=SAMPLE_CONNECTION_ID,
        api_id=stage.api.api_id,
        stage=stage.stage_name,
        domain_name=domain_name,
        connected_at=now,
        source_ip=SAMPLE_ADDRESS,
    )


def document_of(run: DryRun) -> dict[str, Any]:
    """The outcome in wire form, without secrets."""
    integration = run.route.integration if run.route else None
    return {
        "expression": run.expression,
        "value": run.value,
        "routeKey": run.route.route_key if run.route else None,
        "reason": run.reason,
        "integrationId": integration.integration_id if integration else None,
        "twoWay": run.route.two_way if run.route else False,
        "request": None if run.request is None else document_of_request(run.request, run.secrets),
        "error": None if run.error is None else run.secrets.text(str(run.error)),
        "errorFrame": run.error_frame,
    }


def document_of_request(request: IntegrationRequest, secrets: Secrets) -> dict[str, Any]:
    """A request in wire form, without `secrets`; bytes that are not UTF-8 are replaced."""
    if isinstance(request, MockRequest):
        return {"type": "mock", "statusCode": request.status}
    if isinstance(request, LambdaRequest):
        return {
            "type": "lambda",
            "functionName": request.function_name,
            "qualifier": request.qualifier,
            "region": request.region,
            "body": secrets.text(request.payload.decode(errors="replace")),
        }
    return {
        "type": "http",
        "method": request.method,
        "url": f"{_origin(request)}{secrets.url(request.target)}",
        "headers": [{"name": name, "value": value} for name, value in secrets.headers(request.headers)],
        "body": secrets.text(request.body.decode(errors="replace")),
    }


def differences(before: DryRun, after: DryRun) -> tuple[MemberChange, ...]:
    """What the second run does otherwise, such as `routeKey`, `request.url` or `request.headers.Host`."""
    old, new = _flat(document_of(before)), _flat(document_of(after))
    return tuple(
        MemberChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )


def outcome_of(run: DryRun) -> Outcome:
    """The outcome as test cases judge it."""
    error = None if run.error is None else str(run.error)
    route_key = run.route.route_key if run.route else None
    return Outcome(route_key, *_texts(run.request), error, frame=run.error_frame)


def _texts(request: IntegrationRequest | None) -> tuple[str | None, str | None]:
    """A request as text, and its body; with its secrets, since it is compared and not shown."""
    if request is None:
        return None, None
    if isinstance(request, MockRequest):
        return f"{request.status}\n", ""
    if isinstance(request, LambdaRequest):
        body = request.payload.decode(errors="replace")
        return f"{request.function_name}\n{body}", body
    body = request.body.decode(errors="replace")
    return f"{request.method} {_origin(request)}{request.target}\n{body}", body


def _origin(request: HttpRequest) -> str:
    return f"{request.origin.scheme}://{host_header(request.origin)}"


_TRACE = "X-Amzn-Trace-Id"
"""The header that is another for each request, whoever makes it."""


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    request = document.pop("request") or {}
    headers = request.pop("headers", [])
    return (
        document
        | {f"request.{name}": value for name, value in request.items()}
        | {f"request.headers.{each['name']}": each["value"] for each in headers if each["name"] != _TRACE}
    )


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
