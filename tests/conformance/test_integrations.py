"""What backends receive.

AWS: apigateway-websocket-api-integration-requests, websocket-api-data-mapping, websocket-api-data-transformations,
websocket-api-develop-binary-media-types.
"""

import asyncio
import json
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
import pytest_asyncio

from tests.conformance.recorder import EventRecorder
from tests.support.backend import Received, ScriptedBackend
from tests.support.gateway import (
    Api,
    Gateway,
    ask,
    http_custom,
    http_proxy,
    lambda_custom,
    lambda_proxy,
    one_way,
    raw_websocket,
    two_way,
)

TRACE_ID = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}")
ID = re.compile(r"[A-Za-z0-9_-]{15}=")
REQUEST_TIME = re.compile(r"\d\d/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d \+0000")


def field_map(request: Received) -> dict[str, str]:
    """The request's headers by lower-case name; the trace id is checked and left out."""
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names)), f"a header came twice: {request.headers}"
    fields = {name.lower(): value for name, value in request.headers}
    assert TRACE_ID.fullmatch(fields.pop("x-amzn-trace-id"))
    return fields


# HTTP_PROXY


class Heard:
    """The three requests of one client's visit through HTTP_PROXY."""

    def __init__(self, api: Api, connect: Received, message: Received, disconnect: Received) -> None:
        self.api, self.connect, self.message, self.disconnect = api, connect, message, disconnect


@pytest.fixture(scope="module")
def visiting(gateway: Gateway, backend: ScriptedBackend) -> Api:
    return gateway.api(
        integrations={
            kind: http_proxy(backend.url(f"/proxy/{kind}") + "?own=1", IntegrationMethod="PUT")
            for kind in ("connect", "message", "disconnect")
        },
        routes={
            "$connect": one_way("connect"),
            "$default": one_way("message"),
            "$disconnect": one_way("disconnect"),
        },
    )


async def visit(api: Api, backend: ScriptedBackend, query: str = "", **options: Any) -> Heard:
    paths = ("/proxy/connect", "/proxy/message", "/proxy/disconnect")
    for path in paths:
        backend.on(path)
    before = [sum(request.path == path for request in backend.requests) for path in paths]
    async with api.connect(query, **options) as client:
        await client.send('{"action":"x","text":"ж"}')
        message = (await backend.received(before[1] + 1, paths[1]))[-1]
    disconnect = (await backend.received(before[2] + 1, paths[2]))[-1]
    connect = (await backend.received(before[0] + 1, paths[0]))[-1]
    return Heard(api, connect, message, disconnect)


async def test_http_proxy_passes_the_handshake_on_with_the_clients_headers_and_query(
    visiting: Api, backend: ScriptedBackend
) -> None:
    headers = {"Cookie": "sid=9f1c", "X-Custom": "yes", "Accept-Language": "de", "Authorization": "Bearer abc"}
    heard = await visit(visiting, backend, "room=blue&tag=x&tag=y%20z", additional_headers=headers)
    request = heard.connect
    assert (request.method, request.body) == ("PUT", b"")
    assert request.target == "/proxy/connect?own=1&room=blue&tag=x&tag=y+z"
    fields = field_map(request)
    key = fields.pop("sec-websocket-key")
    assert len(key) == 24
    agent = fields.pop("user-agent")
    assert "websockets" in agent
    assert fields == {
        "host": f"127.0.0.1:{backend.port}",
        "x-amzn-apigateway-api-id": visiting.api_id,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": str(visiting.gateway.port),
        "x-forwarded-proto": "http",
        "cookie": "sid=9f1c",
        "x-custom": "yes",
        "accept-language": "de",
        "authorization": "Bearer abc",
        "sec-websocket-version": "13",
        "content-length": "0",
    }
    assert {"Cookie", "X-Custom", "Sec-WebSocket-Key"} <= {name for name, _ in request.headers}


async def test_http_proxy_passes_a_message_on_as_it_is(visiting: Api, backend: ScriptedBackend) -> None:
    heard = await visit(visiting, backend, "room=blue", additional_headers={"Cookie": "sid=9f1c"})
    assert (heard.message.method, heard.message.target) == ("PUT", "/proxy/message?own=1")
    assert heard.message.body == '{"action":"x","text":"ж"}'.encode()
    assert field_map(heard.message) == {
        "host": f"127.0.0.1:{backend.port}",
        "user-agent": f"AmazonAPIGateway_{visiting.api_id}",
        "x-amzn-apigateway-api-id": visiting.api_id,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": str(visiting.gateway.port),
        "x-forwarded-proto": "http",
        "content-type": "application/json",
        "content-length": "26",
    }


async def test_http_proxy_tells_a_disconnect_without_a_body(visiting: Api, backend: ScriptedBackend) -> None:
    heard = await visit(visiting, backend, "room=blue", additional_headers={"Cookie": "sid=9f1c"})
    assert (heard.disconnect.target, heard.disconnect.body) == ("/proxy/disconnect?own=1", b"")
    assert field_map(heard.disconnect) == {
        "host": f"127.0.0.1:{backend.port}",
        "user-agent": f"AmazonAPIGateway_{visiting.api_id}",
        "x-amzn-apigateway-api-id": visiting.api_id,
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": str(visiting.gateway.port),
        "x-forwarded-proto": "http",
        "content-length": "0",
    }


async def test_a_client_without_user_agent_is_announced_by_the_gateways(
    visiting: Api, backend: ScriptedBackend
) -> None:
    heard = await visit(visiting, backend, user_agent_header=None)
    assert heard.connect.header("User-Agent") == f"AmazonAPIGateway_{visiting.api_id}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Amzn-Trace-Id", "spoofed"),
        ("X-Amzn-Apigateway-Api-Id", "spoofed"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic x"),
    ],
)
async def test_what_a_client_may_not_say_does_not_reach_the_backend(
    visiting: Api, backend: ScriptedBackend, name: str, value: str
) -> None:
    heard = await visit(visiting, backend, additional_headers={name: value})
    assert value not in [given for key, given in heard.connect.headers if key.lower() == name.lower()]


async def test_the_dashboards_own_cookies_never_reach_a_backend(visiting: Api, backend: ScriptedBackend) -> None:
    cookie = "nopal_session=secret; sid=9f1c; nopal_csrf=secret"
    heard = await visit(visiting, backend, additional_headers={"Cookie": cookie})
    assert heard.connect.header("Cookie") == "sid=9f1c"
    heard = await visit(visiting, backend, additional_headers={"Cookie": "nopal_session=secret"})
    assert heard.connect.header("Cookie") is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_the_integrations_method_is_used_and_get_and_head_send_no_body(
    gateway: Gateway, backend: ScriptedBackend, method: str
) -> None:
    path = f"/method/{method}"
    backend.on(path)
    api = gateway.api(
        integrations={"x": http_proxy(backend.url(path), IntegrationMethod=method)}, routes={"$default": one_way("x")}
    )
    async with api.connect() as client:
        await client.send("hello")
        [request] = await backend.received(1, path)
    assert request.method == method
    assert request.body == (b"" if method in ("GET", "HEAD") else b"hello")
    assert request.header("Content-Length") == str(len(request.body))


async def test_a_redirect_is_an_answer_and_not_followed(gateway: Gateway, backend: ScriptedBackend) -> None:
    backend.on("/redirect/from", status=302, body="moved", headers=(("Location", backend.url("/redirect/to")),))
    api = gateway.api(integrations={"x": http_proxy(backend.url("/redirect/from"))}, routes={"$default": two_way("x")})
    async with api.connect() as client:
        assert await ask(client, "x") == "moved"
    assert not [request for request in backend.requests if request.path == "/redirect/to"]


# parameter mapping


MESSAGE = '{"kind":"k","n":1.50,"o":{"k":"v"},"list":["a","b"],"nil":null,"u":"ж"}'

SOURCES: dict[str, tuple[str | None, str | None, str | None]] = {
    "route.request.body.kind": (None, "k", None),
    "route.request.body.n": (None, "1.50", None),
    "route.request.body.o.k": (None, "v", None),
    "route.request.body.list": (None, "[a, b]", None),
    "route.request.body.list[0]": (None, "a", None),
    "route.request.body.nil": (None, None, None),
    "route.request.body.missing": (None, None, None),
    "method.request.body.kind": (None, "k", None),
    "stageVariables.color": ("blue", "blue", "blue"),
    "stageVariables.missing": (None, None, None),
    "context.routeKey": ("$connect", "$default", "$disconnect"),
    "context.eventType": ("CONNECT", "MESSAGE", "DISCONNECT"),
    "context.stage": ("test", "test", "test"),
    "context.messageDirection": ("IN", "IN", "IN"),
    "context.identity.sourceIp": ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
    "context.identity.userAgent": ("mapper/1", "mapper/1", "mapper/1"),
    "context.authorizer.tenant": (None, None, None),
    "context.disconnectStatusCode": (None, None, "4001"),
    "context.disconnectReason": (None, None, "done"),
    "route.request.querystring.room": ("blue", None, None),
    "route.request.querystring.tag": ("y z", None, None),
    "route.request.querystring.Room": (None, None, None),
    "route.request.header.X-Tag": ("2", None, None),
    "route.request.header.x-tag": ("2", None, None),
    "route.request.header.Missing": (None, None, None),
    "'static text'": ("static text", "static text", "static text"),
}
EVENTS = ("connect", "message", "disconnect")


def name_of(source: str) -> str:
    return f"X-Mapped-{list(SOURCES).index(source)}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mapped(gateway: Gateway, backend: ScriptedBackend) -> dict[str, Received]:
    """What the backend heard of one visit, every source being mapped to a header and to a query field."""
    parameters = {f"integration.request.header.{name_of(source)}": source for source in SOURCES}
    parameters |= {f"integration.request.querystring.{name_of(source)}": source for source in SOURCES}
    api = gateway.api(
        integrations={
            kind: http_proxy(backend.url(f"/mapped/{kind}"), RequestParameters=parameters) for kind in EVENTS
        },
        routes={"$connect": one_way("connect"), "$default": one_way("message"), "$disconnect": one_way("disconnect")},
        stage_variables={"color": "blue"},
    )
    for kind in EVENTS:
        backend.on(f"/mapped/{kind}")
    headers = [("X-Tag", "1"), ("x-tag", "2")]
    connecting = api.connect("room=blue&tag=x&tag=y%20z", additional_headers=headers, user_agent_header="mapper/1")
    async with connecting as client:
        await client.send(MESSAGE)
        await backend.received(1, "/mapped/message")
        await client.close(4001, "done")
    return {kind: (await backend.received(1, f"/mapped/{kind}"))[0] for kind in EVENTS}


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [(source, kind, value) for source, values in SOURCES.items() for kind, value in zip(EVENTS, values, strict=True)],
)
async def test_a_source_is_mapped_to_a_header_and_a_query_field_or_to_nothing(
    mapped: dict[str, Received], source: str, kind: str, value: str | None
) -> None:
    request = mapped[kind]
    query = parse_qs(request.target.partition("?")[2], keep_blank_values=True)
    assert request.header(name_of(source)) == value
    assert query.get(name_of(source)) == (None if value is None else [value])


async def test_the_clients_query_comes_before_the_mapped_fields(mapped: dict[str, Received]) -> None:
    assert mapped["connect"].target.startswith("/mapped/connect?room=blue&tag=x&tag=y+z&X-Mapped-")


async def ask_mapped(
    gateway: Gateway, backend: ScriptedBackend, path: str, message: str, parameters: dict[str, str], suffix: str = ""
) -> tuple[str, list[Received]]:
    """Send a message through a two-way route with a mapping; the frame, and what the backend heard."""
    backend.on(path, body="heard")
    api = gateway.api(
        integrations={"x": http_proxy(backend.url(path) + suffix, RequestParameters=parameters)},
        routes={"$default": two_way("x")},
    )
    async with api.connect() as client:
        frame = await ask(client, message)
    return frame, [request for request in backend.requests if request.path == path]


@pytest.mark.parametrize("value", ["a\\r\\nX-Evil: 1", "a\\nb", "a\\rb", "a\\u0000b", "a\\u001bb"])
async def test_a_value_with_control_characters_never_becomes_a_header(
    gateway: Gateway, backend: ScriptedBackend, value: str
) -> None:
    path = "/mapping/control"
    mapping = {"integration.request.header.X-V": "route.request.body.v"}
    frame, heard = await ask_mapped(gateway, backend, path, f'{{"v":"{value}"}}', mapping)
    assert json.loads(frame)["message"] == "The value for the header X-V holds control characters."
    assert heard == []


@pytest.mark.parametrize(
    ("value", "field"),
    [("a b&c=d#e", "a+b%26c%3Dd%23e"), ("жук", "%D0%B6%D1%83%D0%BA"), ("a\\r\\nb", "a%0D%0Ab"), ("../x", "..%2Fx")],
)
async def test_a_value_in_the_query_is_encoded(
    gateway: Gateway, backend: ScriptedBackend, value: str, field: str
) -> None:
    mapping = {"integration.request.querystring.v": "route.request.body.v"}
    path = f"/mapping/query/{field}"
    frame, [request] = await ask_mapped(gateway, backend, path, f'{{"v":"{value}"}}', mapping, "?own=1")
    assert frame == "heard"
    assert request.target == f"{path}?own=1&v={field}"


async def test_a_header_value_outside_ascii_is_sent_as_utf_8(gateway: Gateway, backend: ScriptedBackend) -> None:
    mapping = {"integration.request.header.X-V": "route.request.body.v"}
    _, [request] = await ask_mapped(gateway, backend, "/mapping/utf8", '{"v":"жук"}', mapping)
    assert request.header("X-V") == "жук"


async def test_a_clients_header_outside_ascii_keeps_its_bytes(visiting: Api, backend: ScriptedBackend) -> None:
    backend.on("/proxy/connect")
    async with raw_websocket(visiting, (("X-V", "жук".encode().decode("latin-1")), ("X-W", "\xe9"))):
        request = [request for request in backend.requests if request.path == "/proxy/connect"][-1]
    assert request.header("X-V") == "жук"
    assert (request.header("X-W") or "").encode("utf-8", "surrogateescape") == b"\xe9"


@pytest.mark.parametrize(
    ("room", "segment"),
    [
        ("blue", "blue"),
        ("a b", "a%20b"),
        ("a/../b", "a%2F..%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("жук", "%D0%B6%D1%83%D0%BA"),
    ],
)
async def test_a_path_parameter_fills_one_segment(
    gateway: Gateway, backend: ScriptedBackend, room: str, segment: str
) -> None:
    path = f"/rooms/{segment}/in"
    backend.on(path, body="heard")
    mapping = {"integration.request.path.room": "route.request.body.room"}
    api = gateway.api(
        integrations={"x": http_proxy(backend.url("/rooms/{room}/in"), RequestParameters=mapping)},
        routes={"$default": two_way("x")},
    )
    async with api.connect() as client:
        assert await ask(client, json.dumps({"room": room})) == "heard"


@pytest.mark.parametrize("message", ["{}", '{"room":""}', '{"room":".."}', '{"room":null}', "no json"])
async def test_a_path_parameter_that_cannot_be_filled_is_a_bad_request(
    rooms: Api, backend: ScriptedBackend, message: str
) -> None:
    before = len(backend.requests)
    async with rooms.connect() as client:
        assert json.loads(await ask(client, message))["message"] == "Missing required request parameters: [room]"
    assert len(backend.requests) == before


@pytest.fixture(scope="module")
def rooms(gateway: Gateway, backend: ScriptedBackend) -> Api:
    mapping = {"integration.request.path.room": "route.request.body.room"}
    return gateway.api(
        integrations={"x": http_proxy(backend.url("/rooms/{room}"), RequestParameters=mapping)},
        routes={"$default": two_way("x")},
    )


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"integration.request.header.Content-Length": "'5'"}, "cannot be mapped"),
        ({"integration.request.header.transfer-encoding": "'chunked'"}, "cannot be mapped"),
        ({"integration.request.header.X-Amzn-Trace-Id": "'x'"}, "cannot be mapped"),
        ({"integration.request.header.X-Amzn-Apigateway-Api-Id": "'x'"}, "cannot be mapped"),
        ({"integration.request.header.X": "no source"}, "no source of a value"),
        ({"integration.request.body.x": "'x'"}, "integration.request.header"),
        ({"integration.request.header.a b": "'x'"}, "integration.request.header"),
    ],
)
def test_a_mapping_that_cannot_be_carried_out_is_refused_when_it_is_made(
    rooms: Api, parameters: dict[str, str], words: str
) -> None:
    with pytest.raises(rooms.management.exceptions.BadRequestException, match=words):
        rooms.add_integration("bad", http_proxy("http://127.0.0.1:8001/", RequestParameters=parameters))


# URIs with stage variables


@pytest.mark.parametrize(
    ("uri", "variables", "target"),
    [
        ("http://${stageVariables.backend}", {}, "/"),
        ("http://${stageVariables.backend}/uri/a", {}, "/uri/a"),
        ("http://${stageVariables.host}:${stageVariables.port}/uri/a", {}, "/uri/a"),
        ("http://127.0.${stageVariables.tail}/uri/a", {}, "/uri/a"),
        ("http://${stageVariables.backend}/uri/${stageVariables.word}/bar", {"word": "foo"}, "/uri/foo/bar"),
        ("http://${stageVariables.backend}/uri?q=${stageVariables.word}", {"word": "foo"}, "/uri?q=foo"),
        ("http://${stageVariables.backend}/uri/${stageVariables.word}", {"word": "/@evil:1/"}, None),
    ],
)
async def test_stage_variables_fill_an_integrations_uri(
    gateway: Gateway, backend: ScriptedBackend, uri: str, variables: dict[str, str], target: str | None
) -> None:
    own = {"backend": f"127.0.0.1:{backend.port}", "host": "127.0.0.1", "port": str(backend.port)}
    own |= {"tail": f"0.1:{backend.port}"}
    if target is not None:
        backend.on(target.partition("?")[0], body="heard")
    if any("@" in value for value in variables.values()):
        with pytest.raises(gateway.management.exceptions.BadRequestException, match="stage variable"):
            gateway.api(routes={"$default": one_way()}, stage_variables=variables)
        return
    api = gateway.api(
        integrations={"x": http_proxy(uri)}, routes={"$default": two_way("x")}, stage_variables={**own, **variables}
    )
    async with api.connect() as client:
        assert await ask(client, "x") == "heard"
    assert backend.requests[-1].target == target


# HTTP, MOCK and AWS: templates, pass-through, content handling


TEMPLATES = {"json": '{"from":"json"}', "application/json": '{"from":"implied"}', "$default": '{"from":"default"}'}


@pytest.mark.parametrize("kind", ["HTTP", "AWS"])
@pytest.mark.parametrize(
    ("members", "message", "body"),
    [
        ({"RequestTemplates": TEMPLATES}, "{}", '{"from":"implied"}'),
        (
            {"RequestTemplates": TEMPLATES, "TemplateSelectionExpression": "${request.body.kind}"},
            '{"kind":"json"}',
            '{"from":"json"}',
        ),
        (
            {"RequestTemplates": TEMPLATES, "TemplateSelectionExpression": "${request.body.kind}"},
            '{"kind":"other"}',
            '{"from":"default"}',
        ),
        ({"RequestTemplates": {"$default": '{"a":1}'}}, "not json", '{"a":1}'),
        ({"RequestTemplates": {"json": "{}"}}, '{"raw":1}', '{"raw":1}'),
        ({"RequestTemplates": {"json": "{}"}, "PassthroughBehavior": "WHEN_NO_MATCH"}, '{"raw":1}', '{"raw":1}'),
        ({"PassthroughBehavior": "WHEN_NO_TEMPLATES"}, '{"raw":1}', '{"raw":1}'),
        ({"RequestTemplates": {"json": "{}"}, "PassthroughBehavior": "WHEN_NO_TEMPLATES"}, '{"raw":1}', None),
        ({"RequestTemplates": {"json": "{}"}, "PassthroughBehavior": "NEVER"}, '{"raw":1}', None),
        ({"PassthroughBehavior": "NEVER"}, '{"raw":1}', None),
    ],
)
async def test_non_proxy_integrations_send_a_template_or_the_message_where_it_may_pass(
    gateway: Gateway, backend: ScriptedBackend, kind: str, members: dict[str, Any], message: str, body: str | None
) -> None:
    heard: list[Any] = []
    backend.on_function("templates", lambda event: heard.append(event))
    backend.on("/templates", lambda request: heard.append(request.json()) or b"")
    uri = backend.url("/templates") if kind == "HTTP" else backend.function_uri("templates")
    make = http_custom if kind == "HTTP" else lambda_custom
    api = gateway.api(
        integrations={"x": make(uri, **members), "after": http_proxy(backend.url("/echo"))},
        routes={"$default": one_way("x"), "after": two_way("after")},
        selection="${request.body.action}",
        limits={"maxInFlight": 1},
    )
    backend.on("/echo", body="after")
    async with api.connect() as client:
        if body is None:
            assert json.loads(await ask(client, message))["message"] == "Unsupported Media Type"
        else:
            await client.send(message)
        assert await ask(client, '{"action":"after"}') == "after"
    assert heard == ([] if body is None else [json.loads(body)])


async def test_an_http_integration_asks_for_json_and_tells_nothing_of_the_client(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    backend.on("/custom/headers")
    api = gateway.api(
        integrations={"x": http_custom(backend.url("/custom/headers"))}, routes={"$default": one_way("x")}
    )
    async with api.connect("room=blue", additional_headers={"Cookie": "sid=1"}) as client:
        await client.send("{}")
        [request] = await backend.received(1, "/custom/headers")
    assert field_map(request) == {
        "host": f"127.0.0.1:{backend.port}",
        "user-agent": f"AmazonAPIGateway_{api.api_id}",
        "x-amzn-apigateway-api-id": api.api_id,
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": "2",
    }


async def test_base64_text_is_sent_as_bytes_where_it_is_converted_to_binary(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    backend.on("/custom/binary")
    api = gateway.api(
        integrations={"x": http_custom(backend.url("/custom/binary"), ContentHandlingStrategy="CONVERT_TO_BINARY")},
        routes={"$default": one_way("x")},
    )
    async with api.connect() as client:
        assert json.loads(await ask(client, "not base64!"))["message"] == "Internal server error"
        await client.send("AP8Q")
        [request] = await backend.received(1, "/custom/binary")
    assert request.body == b"\x00\xff\x10"


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("integration", {"RequestTemplates": {"$default": '{"id":"$context.connectionId"}'}}),
        ("integration", {"RequestTemplates": {"$default": "#set($a = 1)"}}),
        ("response", {"ResponseTemplates": {"$default": "$input.body"}}),
        ("route", {"ModelSelectionExpression": "${request.body.action}"}),
        ("connect", {"AuthorizationType": "AWS_IAM"}),
        ("connect", {"ApiKeyRequired": True}),
    ],
)
def test_what_this_version_cannot_carry_out_is_refused_when_it_is_deployed(
    gateway: Gateway, kind: str, member: dict[str, Any]
) -> None:
    responses = [{"IntegrationResponseKey": "$default", **member}] if kind == "response" else []
    members = member if kind == "integration" else {}
    integrations = {"x": http_custom("http://127.0.0.1:8001/", IntegrationResponses=responses, **members)}
    routes = {
        "$connect": one_way("x", **(member if kind == "connect" else {})),
        "send": one_way("x", **(member if kind == "route" else {})),
    }
    with pytest.raises(gateway.management.exceptions.BadRequestException, match=r"Velocity|cannot carry out"):
        gateway.api(integrations=integrations, routes=routes)


# AWS_PROXY


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def events(gateway: Gateway, backend: ScriptedBackend) -> list[dict[str, Any]]:
    """The three events of one visit, with the id that the client knows in the last place."""
    heard: list[dict[str, Any]] = []
    ended = asyncio.Event()

    def function(event: dict[str, Any]) -> dict[str, Any]:
        heard.append(event)
        if event["requestContext"]["eventType"] == "DISCONNECT":
            ended.set()
        return {"statusCode": 200, "body": event["requestContext"]["connectionId"]}

    backend.on_function("events", function)
    api = gateway.api(
        integrations={"x": lambda_proxy(backend.function_uri("events"))},
        routes={"$connect": one_way("x"), "$default": two_way("x"), "$disconnect": one_way("x")},
        stage_variables={"tableName": "connections"},
    )
    headers = [("Cookie", "sid=9f1c"), ("X-Tag", "1"), ("x-tag", "2")]
    query = "room=blue&tag=x&tag=y+z%2B&empty="
    async with api.connect(query, additional_headers=headers, user_agent_header="ExampleClient/1.0") as client:
        connection_id = await ask(client, '{"action":"ж", "n":1.50}')
        await client.close(4001, "done")
    async with asyncio.timeout(10):
        await ended.wait()
    return [*heard, {"connectionId": connection_id, "api": api, "key": client.request.headers["Sec-WebSocket-Key"]}]


def common_context(event: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """The members of requestContext whose values only the gateway knows are checked; the rest must be these."""
    context = event["requestContext"]
    assert ID.fullmatch(context["requestId"])
    assert REQUEST_TIME.fullmatch(context["requestTime"])
    assert 0 <= context["requestTimeEpoch"] - context["connectedAt"] < 60_000
    api = truth["api"]
    return {
        "extendedRequestId": context["requestId"],
        "requestId": context["requestId"],
        "requestTime": context["requestTime"],
        "requestTimeEpoch": context["requestTimeEpoch"],
        "connectedAt": context["connectedAt"],
        "messageDirection": "IN",
        "stage": "test",
        "identity": {"userAgent": "ExampleClient/1.0", "sourceIp": "127.0.0.1"},
        "domainName": api.domain_name,
        "connectionId": truth["connectionId"],
        "apiId": api.api_id,
    }


async def test_a_function_gets_the_connect_event(events: list[dict[str, Any]]) -> None:
    event, truth = events[0], events[-1]
    trace_id = event["headers"]["X-Amzn-Trace-Id"]
    assert TRACE_ID.fullmatch(trace_id)
    port = str(truth["api"].gateway.port)
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Cookie": "sid=9f1c",
        "Sec-WebSocket-Key": truth["key"],
        "Sec-WebSocket-Version": "13",
        "User-Agent": "ExampleClient/1.0",
        "X-Tag": "2",
        "X-Amzn-Trace-Id": trace_id,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Port": port,
        "X-Forwarded-Proto": "http",
    }
    assert event == {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} | {"X-Tag": ["1", "2"]},
        "queryStringParameters": {"room": "blue", "tag": "y z+", "empty": ""},
        "multiValueQueryStringParameters": {"room": ["blue"], "tag": ["x", "y z+"], "empty": [""]},
        "requestContext": {**common_context(event, truth), "routeKey": "$connect", "eventType": "CONNECT"},
        "stageVariables": {"tableName": "connections"},
        "isBase64Encoded": False,
    }


async def test_a_function_gets_the_message_event(events: list[dict[str, Any]]) -> None:
    event, truth = events[1], events[-1]
    message_id = event["requestContext"]["messageId"]
    assert ID.fullmatch(message_id)
    assert event == {
        "requestContext": {
            **common_context(event, truth),
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "messageId": message_id,
        },
        "stageVariables": {"tableName": "connections"},
        "body": '{"action":"ж", "n":1.50}',
        "isBase64Encoded": False,
    }


async def test_a_function_gets_the_disconnect_event(events: list[dict[str, Any]]) -> None:
    event, truth = events[2], events[-1]
    headers = {
        "Host": f"127.0.0.1:{truth['api'].gateway.port}",
        "x-api-key": "",
        "X-Forwarded-For": "",
        "x-restapi": "",
    }
    assert event == {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {
            **common_context(event, truth),
            "routeKey": "$disconnect",
            "eventType": "DISCONNECT",
            "disconnectStatusCode": 4001,
            "disconnectReason": "done",
        },
        "stageVariables": {"tableName": "connections"},
        "isBase64Encoded": False,
    }


async def test_the_events_of_a_connection_agree_on_it_and_differ_in_their_request_ids(
    events: list[dict[str, Any]],
) -> None:
    contexts = [event["requestContext"] for event in events[:3]]
    assert len({context["connectedAt"] for context in contexts}) == 1
    assert len({context["connectionId"] for context in contexts}) == 1
    assert len({context["requestId"] for context in contexts}) == 3


async def test_what_is_not_there_is_absent_from_the_events(gateway: Gateway, backend: ScriptedBackend) -> None:
    recorder = EventRecorder()
    backend.on_function("bare", lambda event: {**recorder(event), "body": event["requestContext"]["connectionId"]})
    api = gateway.api(
        integrations={"x": lambda_proxy(backend.function_uri("bare"))},
        routes={"$connect": one_way("x"), "$default": two_way("x"), "$disconnect": one_way("x")},
    )
    async with api.connect(user_agent_header=None) as client:
        connection_id = await ask(client, "hello")
    for _ in range(3):
        event = await recorder.next(connection_id)
        assert "stageVariables" not in event
        assert "queryStringParameters" not in event
        assert "multiValueQueryStringParameters" not in event
        assert "authorizer" not in event["requestContext"]
        assert event["requestContext"]["identity"] == {"sourceIp": "127.0.0.1"}
        assert None not in event["requestContext"].values()


@pytest.mark.parametrize("form", ["invocation", "plain", "alias", "stage variable"])
async def test_a_function_is_found_by_every_form_of_its_arn(
    gateway: Gateway, backend: ScriptedBackend, form: str
) -> None:
    backend.on_function("named", lambda event: {"statusCode": 200, "body": "named"})
    plain = "arn:aws:lambda:us-east-1:000000000000:function:named"
    uri = {
        "invocation": backend.function_uri("named"),
        "plain": plain,
        "alias": f"{plain}:live",
        "stage variable": backend.function_uri("named").replace(":named", ":${stageVariables.fn}"),
    }[form]
    api = gateway.api(
        integrations={"x": lambda_proxy(uri)}, routes={"$default": two_way("x")}, stage_variables={"fn": "named"}
    )
    async with api.connect() as client:
        assert await ask(client, "x") == "named"
    invocation = next(
        each for each in reversed(backend.requests) if each.target.startswith("/2015-03-31/functions/named/")
    )
    assert invocation.header("X-Amz-Invocation-Type") == "RequestResponse"
    assert ("Qualifier=live" in invocation.target) == (form == "alias")
