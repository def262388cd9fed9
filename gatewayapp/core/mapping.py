"""Request mapping: an event on its route becomes the request that the route's integration sends.

Proxy types pass the message on (HTTP_PROXY: the text itself; AWS_PROXY: the fixed event). The others send what their
request template renders, or the text itself where `passthroughBehavior` lets it through.
AWS pages: apigateway-websocket-api-integration-requests, websocket-api-data-mapping.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote, quote_plus

import orjson

from gatewayapp.core.context import Context
from gatewayapp.core.errors import (
    BadRequestParameters,
    ConfigurationFailure,
    IntegrationFailure,
    UnsupportedMediaType,
)
from gatewayapp.core.events import event_headers, proxy_event, query_fields
from gatewayapp.core.ids import trace_id
from gatewayapp.core.json_body import Body
from gatewayapp.core.messages import (
    CONTROL_BYTES,
    ConnectionInfo,
    Disconnect,
    Event,
    Handshake,
    Headers,
    HttpRequest,
    IntegrationRequest,
    LambdaRequest,
    Message,
    MockRequest,
    Origin,
    RequestStart,
    header_lines,
)
from gatewayapp.core.parameters import HOP_HEADERS
from gatewayapp.core.snapshot import Integration, Route
from gatewayapp.core.templates import choose_template

_DEFAULT_PORTS = {"http": 80, "https": 443}
_BODILESS = ("GET", "HEAD")
# Without Accept-Encoding the body of a refusal is one that every client can read.
_NOT_PASSED_ON = HOP_HEADERS | {"accept-encoding", "x-amzn-apigateway-api-id", "x-amzn-trace-id"}
_IMPLIED_TEMPLATE = "application/json"
_JSON = (("Content-Type", "application/json"),)
_MOST_STARTS = 16


def check_required_parameters(route: Route, handshake: Handshake) -> None:
    """Raise BadRequestParameters where the handshake lacks what the `$connect` route requires."""
    missing = [parameter.name for parameter in route.required_parameters if not parameter.present(handshake)]
    if missing:
        raise BadRequestParameters(f"Missing required request parameters: [{', '.join(missing)}]")


def map_request(route: Route, context: Context) -> IntegrationRequest:
    """The request of the route's integration. Raises GatewayError where none can be made."""
    integration = route.integration
    if integration is None:
        raise ConfigurationFailure(f"The route {route.route_key} has no integration.")
    return _MAPPERS[integration.type](integration, context)


def _http_proxy_request(integration: Integration, context: Context) -> HttpRequest:
    text = context.body.text if context.body else ""
    return _http_request(integration, context, text.encode(), accept=())


def _http_request_from_template(integration: Integration, context: Context) -> HttpRequest:
    return _http_request(integration, context, _payload(integration, context), accept=(("Accept", _IMPLIED_TEMPLATE),))


def _lambda_proxy_request(integration: Integration, context: Context) -> LambdaRequest:
    return _lambda_request(integration, context, proxy_event(context))


def _lambda_request_from_template(integration: Integration, context: Context) -> LambdaRequest:
    request = _lambda_request(integration, context, _payload(integration, context) or b"{}")
    return replace(request, asynchronous=_invocation_type(integration, context) == "Event")


def _invocation_type(integration: Integration, context: Context) -> str:
    """The mapped X-Amz-Invocation-Type: of an AWS integration's headers the only one that Lambda takes."""
    for mapping in integration.parameters:
        if mapping.location == "header" and mapping.name.lower() == "x-amz-invocation-type":
            return "".join(mapping.source(context)[-1:])
    return "RequestResponse"


def _mock_request(integration: Integration, context: Context) -> MockRequest:
    try:
        status = orjson.loads(_payload(integration, context))["statusCode"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        status = None
    if type(status) is not int:
        raise ConfigurationFailure("A MOCK integration's request template must give JSON with an integer statusCode.")
    return MockRequest(status)


_MAPPERS: dict[str, Callable[[Integration, Context], IntegrationRequest]] = {
    "HTTP_PROXY": _http_proxy_request,
    "HTTP": _http_request_from_template,
    "AWS_PROXY": _lambda_proxy_request,
    "AWS": _lambda_request_from_template,
    "MOCK": _mock_request,
}


def _payload(integration: Integration, context: Context) -> bytes:
    """The body of a non-proxy request: a rendered template, or the message where it may pass."""
    body = context.body or Body("")
    selection = integration.template_selection
    key = selection.evaluate(body) if selection else _IMPLIED_TEMPLATE
    template = choose_template(integration.templates, key)
    if template is not None:
        text = template.render()
    elif _passes_through(integration):
        text = body.text
    else:
        raise UnsupportedMediaType(f"No request template {key!r}, and {integration.passthrough_behavior}.")
    return _decoded(text) if integration.to_binary else text.encode()


def _passes_through(integration: Integration) -> bool:
    behavior = integration.passthrough_behavior
    return behavior == "WHEN_NO_MATCH" or (behavior == "WHEN_NO_TEMPLATES" and not integration.templates)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise IntegrationFailure("CONVERT_TO_BINARY: the payload is not base64.") from error


def _lambda_request(integration: Integration, context: Context, payload: bytes) -> LambdaRequest:
    assert integration.lambda_uri is not None
    function = integration.lambda_uri.resolve(context.stage_variables)
    return LambdaRequest(function.region, function.name, function.qualifier, payload, integration.timeout)


def _http_request(integration: Integration, context: Context, payload: bytes, accept: Headers) -> HttpRequest:
    event, connection = context.event, context.connection
    body = b"" if integration.method in _BODILESS else payload
    start = connection.starts.get(integration) if body and type(event) is Message else None
    if start is None:
        start = _request_start(integration, context, accept, has_body=bool(body))
        if integration.starts_alike and body and type(event) is Message:
            _remember(start, integration, connection)
    head = b"%bX-Amzn-Trace-Id: %b\r\nContent-Length: %d\r\n\r\n" % (start.lines, trace_id(event.time), len(body))
    return HttpRequest(start.origin, head, body, integration.timeout, integration.server_name)


def _remember(start: RequestStart, integration: Integration, connection: ConnectionInfo) -> None:
    if len(connection.starts) >= _MOST_STARTS:  # of integrations that were deployed one after the other
        connection.starts.clear()
    connection.starts[integration] = start


def _request_start(integration: Integration, context: Context, accept: Headers, has_body: bool) -> RequestStart:
    """The request's head up to the fields that no two requests share."""
    assert integration.http_uri is not None
    path: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    mapped: list[tuple[str, str]] = []
    for mapping in integration.parameters:
        for value in mapping.source(context):
            if mapping.location == "header":
                mapped.append((mapping.name, _header_value(mapping.name, value, context.event)))
            elif mapping.location == "querystring":
                query.append((mapping.name, value))
            else:
                path[mapping.name] = value
    origin, target = integration.http_uri.resolve(context.stage_variables, path)
    fields = _fields(integration, context, origin, mapped, (*accept, *_JSON) if has_body else accept)
    lines = request_lines(integration.method, _with_query(target, _query(integration, context, query)), fields)
    return RequestStart(origin, lines)


def _query(integration: Integration, context: Context, mapped: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Mapped fields, after the client's own where HTTP_PROXY passes a handshake on; a mapped name wins."""
    event = context.event
    if not (isinstance(event, Handshake) and event.query_string and integration.is_proxy):
        return mapped
    names = {name for name, _ in mapped}
    return [field for field in query_fields(event.query_string) if field[0] not in names] + mapped


def _with_query(target: str, fields: list[tuple[str, str]]) -> str:
    if not fields:
        return target
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields)
    return f"{target}{'&' if '?' in target else '?'}{query}"


def _fields(
    integration: Integration, context: Context, origin: Origin, mapped: list[tuple[str, str]], more: Headers
) -> Headers:
    """The gateway's headers, a handshake's own where it is proxied, and the mapped ones, which win over both."""
    names = {name.lower() for name, _ in mapped}
    own = (header for header in (*_own_headers(integration, context), *more) if header[0].lower() not in names)
    return (("Host", host_header(origin)), *own, *mapped)


def _own_headers(integration: Integration, context: Context) -> Headers:
    event, connection = context.event, context.connection
    if not integration.is_proxy:
        return connection.gateway_headers
    if not isinstance(event, Handshake):
        return (*connection.gateway_headers, *connection.forwarded_headers)
    client = tuple(header for header in event_headers(connection, event) if header[0].lower() not in _NOT_PASSED_ON)
    agent, api = connection.gateway_headers
    return (*client, api) if connection.user_agent is not None else (agent, *client, api)


def request_lines(method: str, target: str, headers: Headers) -> bytes:
    """A request's line and header lines (RFC 9112 sections 3 and 5); what would end a line early is refused once more.

    The headers' characters stand for bytes (Latin-1), so that what a client sent reaches the backend as it was.
    Raises ConfigurationFailure.
    """
    line = f"{method} {target} HTTP/1.1"
    if not line.isprintable():
        raise ConfigurationFailure("The method or the target of the request holds a control byte.")
    try:
        return f"{line}\r\n{header_lines(headers)}".encode("latin-1")
    except UnicodeEncodeError:
        raise ConfigurationFailure("The request's head holds a character that stands for no byte.") from None


@lru_cache(maxsize=1024)
def host_header(origin: Origin) -> str:
    """The Host field's value for an origin (RFC 9110 section 7.2)."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == _DEFAULT_PORTS[origin.scheme] else f"{host}:{origin.port}"


def _header_value(name: str, value: str, event: Event) -> str:
    """A mapped value as a header field may carry it: UTF-8 bytes as Latin-1 text. Raises BadRequestParameters."""
    if value.isascii() and value.isprintable():
        return value.strip()
    if CONTROL_BYTES.search(value):
        if not isinstance(event, Disconnect):
            raise BadRequestParameters(f"The value for the header {quote(name)} holds control characters.")
        # A client chooses the reason that it closes with; it must not keep its `$disconnect` from being delivered.
        value = CONTROL_BYTES.sub(" ", value)
    return (value if value.isascii() else value.encode().decode("latin-1")).strip()
