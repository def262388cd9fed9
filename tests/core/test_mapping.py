"""The request that an integration sends, for each type and event."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from gatewayapp.core.errors import (
    BadRequestParameters,
    ConfigurationFailure,
    GatewayError,
    IntegrationFailure,
    UnsupportedMediaType,
)
from gatewayapp.core.mapping import check_required_parameters, map_request
from gatewayapp.core.messages import Disconnect, Event, HttpRequest, LambdaRequest, Message, MockRequest, Origin
from gatewayapp.core.parameters import compile_required
from gatewayapp.core.snapshot import Route
from tests.core.samples import DISCONNECT, HANDSHAKE, HOST, MESSAGE, context, message, route

EVENTS = [HANDSHAKE, MESSAGE, DISCONNECT]


def http_request(
    kind: str = "HTTP_PROXY", event: Event = MESSAGE, *, text: str | None = None, **members: Any
) -> HttpRequest:
    variables = {"backend": "b.example.org"}
    request = map_request(route(kind, **members), context(event, text=text, stage_variables=variables))
    assert isinstance(request, HttpRequest)
    return request


def header_map(request: HttpRequest) -> dict[str, str]:
    """The headers by lower-case name, without the trace id, which is checked."""
    headers = {name.lower(): value for name, value in request.headers}
    trace_id = headers.pop("x-amzn-trace-id")
    assert trace_id.startswith("Root=1-696f6")
    return headers


FORWARDED = {"x-forwarded-for": "198.51.100.7", "x-forwarded-port": "443", "x-forwarded-proto": "https"}
GATEWAY = {
    "host": "backend.example.org",
    "user-agent": "AmazonAPIGateway_a1b2c3d4e5",
    "x-amzn-apigateway-api-id": "a1b2c3d4e5",
}


def test_an_http_proxy_message_is_the_text_with_the_gateways_headers() -> None:
    request = http_request(text='{"action":"send","data":"ж"}')
    assert request.origin == Origin("http", "backend.example.org", 80)
    assert (request.method, request.target, request.timeout) == ("POST", "/in", 29.0)
    assert request.body == '{"action":"send","data":"ж"}'.encode()
    length = {"content-type": "application/json", "content-length": "29"}
    assert header_map(request) == {**GATEWAY, **FORWARDED, **length}
    assert request.headers[0] == ("Host", "backend.example.org")


def test_an_http_proxy_handshake_carries_the_clients_headers_and_query_and_no_body() -> None:
    handshake = replace(HANDSHAKE, headers=tuple(each for each in HANDSHAKE.headers if each[0] != "x-tag"))
    request = http_request(event=handshake)
    assert len(request.headers) == len({name.lower() for name, _ in request.headers})
    assert (request.body, request.target) == (b"", "/in?room=blue&tag=x&tag=y")
    assert header_map(request) == {
        **FORWARDED,
        "host": "backend.example.org",
        "user-agent": "ExampleClient/1.0",
        "x-amzn-apigateway-api-id": "a1b2c3d4e5",
        "cookie": "sid=9f1c; theme=dark",
        "sec-websocket-key": "c2FtcGxlLWtleS0wMTIzNA==",
        "sec-websocket-version": "13",
        "x-tag": "first",
        "content-length": "0",
    }


def test_a_handshake_without_user_agent_gets_the_gateways() -> None:
    handshake = replace(HANDSHAKE, headers=(("Host", HOST),))
    request = map_request(route(), context(handshake, user_agent=None))
    assert isinstance(request, HttpRequest)
    assert header_map(request) == {**GATEWAY, **FORWARDED, "content-length": "0"}


def test_an_http_proxy_disconnect_has_no_body_no_query_and_no_client_headers() -> None:
    request = http_request(event=DISCONNECT)
    assert (request.body, request.target) == (b"", "/in")
    assert header_map(request) == {**GATEWAY, **FORWARDED, "content-length": "0"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_http_request_from_a_template_asks_for_json_and_tells_no_client_headers(event: Event) -> None:
    request = http_request("HTTP", event, requestTemplates={"$default": '{"a":1}'})
    assert (request.body, request.target) == (b'{"a":1}', "/in")
    expected = {"accept": "application/json", "content-type": "application/json", "content-length": "7"}
    assert header_map(request) == {**GATEWAY, **expected}


@pytest.mark.parametrize("kind", ["HTTP", "HTTP_PROXY"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_methods_without_a_body_send_none(kind: str, method: str) -> None:
    request = http_request(kind, integrationMethod=method)
    assert (request.method, request.body) == (method, b"")
    headers = header_map(request)
    assert headers["content-length"] == "0"
    assert "content-type" not in headers


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_send_the_message(method: str) -> None:
    request = http_request(integrationMethod=method)
    assert (request.method, request.body) == (method, MESSAGE.text.encode())


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("http://b.example.org:80/", "b.example.org"),
        ("http://b.example.org:8080/", "b.example.org:8080"),
        ("https://b.example.org/", "b.example.org"),
        ("https://b.example.org:443/", "b.example.org"),
        ("https://b.example.org:80/", "b.example.org:80"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://${stageVariables.backend}/", "b.example.org"),
    ],
)
def test_host_is_that_of_the_uri(uri: str, host: str) -> None:
    assert header_map(http_request(integrationUri=uri))["host"] == host


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("kind", ["HTTP", "HTTP_PROXY"])
def test_mapped_parameters_reach_every_http_request(kind: str, event: Event) -> None:
    request = http_request(
        kind,
        event,
        integrationUri="http://${stageVariables.backend}/rooms/{id}?fixed=1",
        requestParameters={
            "integration.request.header.connectionId": "context.connectionId",
            "integration.request.header.X-Env": "'production'",
            "integration.request.header.X-Backend": "stageVariables.backend",
            "integration.request.header.X-None": "stageVariables.none",
            "integration.request.querystring.event": "context.eventType",
            "integration.request.querystring.none": "context.authorizer.none",
            "integration.request.path.id": "context.connectionId",
        },
        requestTemplates={"$default": "{}"},
    )
    headers = header_map(request)
    assert headers["connectionid"] == "R2p1dcf8oAMCJhg="
    assert headers["x-env"] == "production"
    assert headers["x-backend"] == "b.example.org"
    assert "x-none" not in headers
    assert request.target.startswith("/rooms/R2p1dcf8oAMCJhg%3D?fixed=1&")
    assert request.target.endswith(f"&event={context(event).event_type}".replace("&&", "&"))
    assert "none" not in request.target


def mapped(target: str, source: str, event: Event = MESSAGE, **members: Any) -> HttpRequest:
    return http_request(event=event, requestParameters={f"integration.request.{target}": source}, **members)


@pytest.mark.parametrize(
    ("name", "source"),
    [("cookie", "'mine'"), ("COOKIE", "'mine'"), ("User-Agent", "'mine'"), ("x-tag", "'mine'")],
)
def test_a_mapped_header_wins_over_the_clients_of_that_name(name: str, source: str) -> None:
    request = mapped(f"header.{name}", source, HANDSHAKE)
    assert [value for key, value in request.headers if key.lower() == name.lower()] == ["mine"]


def test_a_mapped_content_type_wins_over_json() -> None:
    assert header_map(mapped("header.Content-Type", "'text/plain'"))["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("context.connectionId", ["R2p1dcf8oAMCJhg=", "R2p1dcf8oAMCJhg="]),
        ("'fixed'", ["fixed", "fixed"]),
        ("route.request.body.n", ["1", "2"]),
        ("stageVariables.n", ["one", "two"]),
        ("context.requestTimeEpoch", ["1768910161220", "1768910161221"]),
    ],
)
def test_each_message_of_a_connection_has_its_own_values(source: str, values: list[str]) -> None:
    parameters = {"integration.request.header.X-V": source}
    requests = successive_requests(['{"n":1}', '{"n":2,"more":"ж"}'], requestParameters=parameters)
    assert [dict(request.headers)["X-V"] for request in requests] == values
    assert [dict(request.headers)["Content-Length"] for request in requests] == ["7", "19"]
    assert [request.body.decode() for request in requests] == ['{"n":1}', '{"n":2,"more":"ж"}']
    assert len({dict(request.headers)["X-Amzn-Trace-Id"] for request in requests}) == 2
    assert [name for name, _ in requests[0].headers] == [name for name, _ in requests[1].headers]


def test_a_message_without_text_has_no_content_type_whatever_went_before() -> None:
    [first, empty] = successive_requests(["{}", ""], requestParameters={"integration.request.header.X-V": "'fixed'"})
    assert header_map(first).keys() - header_map(empty).keys() == {"content-type"}


def successive_requests(texts: list[str], **members: Any) -> list[HttpRequest]:
    """The requests for messages of one connection that come a millisecond after one another."""
    to, connection = route(**members), context().connection
    requests = []
    for number, text in enumerate(texts):
        variables = {"n": ["one", "two"][number]}
        event = Message(MESSAGE.time + number, text)
        requests.append(map_request(to, replace(context(event, stage_variables=variables), connection=connection)))
    return [request for request in requests if isinstance(request, HttpRequest)]


def test_connections_do_not_share_mapped_values() -> None:
    echo = route(requestParameters={"integration.request.header.X-V": "context.connectionId"})
    requests = [map_request(echo, context(connection_id=each)) for each in ("AAAAAAAAAAAAAAA=", "BBBBBBBBBBBBBBA=")]
    values = [dict(request.headers)["X-V"] for request in requests if isinstance(request, HttpRequest)]
    assert values == ["AAAAAAAAAAAAAAA=", "BBBBBBBBBBBBBBA="]


def test_a_connection_remembers_few_of_the_integrations_that_it_has_seen() -> None:
    seen = context()
    for _ in range(100):
        map_request(route(), seen)
    assert 0 < len(seen.connection.starts) < 100


def test_a_mapped_query_field_wins_over_the_clients_of_that_name() -> None:
    assert mapped("querystring.tag", "'mine'", HANDSHAKE).target == "/in?room=blue&tag=mine"


def test_a_multi_value_source_gives_several_fields() -> None:
    request = mapped("header.X-All", "route.request.multivaluequerystring.tag", HANDSHAKE)
    assert [value for name, value in request.headers if name == "X-All"] == ["x", "y"]
    assert mapped("querystring.all", "route.request.multivalueheader.X-Tag", HANDSHAKE).target == (
        "/in?room=blue&tag=x&tag=y&all=first&all=last"
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("a b&c=d", "a+b%26c%3Dd"),
        ("жук", "%D0%B6%D1%83%D0%BA"),
        ("", ""),
        ("a\\r\\nb", "a%0D%0Ab"),
        ("#?/", "%23%3F%2F"),
    ],
)
def test_a_mapped_query_value_is_encoded(value: str, field: str) -> None:
    event = message(f'{{"v":"{value}"}}')
    assert mapped("querystring.v", "route.request.body.v", event).target == f"/in?v={field}"


@pytest.mark.parametrize("value", ["a\\r\\nX-Evil: 1", "a\\nb", "a\\rb", "a\\u0000b", "a\\u001fb", "a\\u007fb"])
def test_a_value_with_control_characters_is_refused_as_a_header(value: str) -> None:
    with pytest.raises(BadRequestParameters, match="control characters") as raised:
        mapped("header.X-V", "route.request.body.v", message(f'{{"v":"{value}"}}'))
    assert orjson.loads(raised.value.frame("c", "r"))["message"].isprintable()


def test_a_close_reason_with_control_characters_does_not_keep_the_event_back() -> None:
    event = Disconnect("r", 0, 4000, "a\r\nX-Evil: 1\0")
    assert dict(mapped("header.X-V", "context.disconnectReason", event).headers)["X-V"] == "a  X-Evil: 1"


@pytest.mark.parametrize(
    ("value", "header"), [("plain", "plain"), ("tab\\tin", "tab\tin"), (" padded ", "padded"), ("жук", "жук".encode())]
)
def test_a_header_value_is_sent_as_utf_8(value: str, header: str | bytes) -> None:
    request = mapped("header.X-V", "route.request.body.v", message(f'{{"v":"{value}"}}'))
    sent = dict(request.headers)["X-V"].encode("latin-1")
    assert sent == (header if isinstance(header, bytes) else header.encode())


def test_a_clients_header_keeps_its_bytes_when_it_is_mapped() -> None:
    handshake = replace(HANDSHAKE, headers=(("X-Name", "жук".encode().decode("latin-1")),))
    request = mapped("header.X-V", "route.request.header.X-Name", handshake)
    assert dict(request.headers)["X-V"].encode("latin-1") == "жук".encode()


def test_a_lambda_proxy_gets_the_event() -> None:
    request = map_request(route("AWS_PROXY", timeoutInMillis=50), context())
    assert isinstance(request, LambdaRequest)
    assert (request.region, request.function_name, request.qualifier) == ("eu-central-1", "echo", None)
    assert request.timeout == 0.05
    assert orjson.loads(request.payload)["requestContext"]["eventType"] == "MESSAGE"


@pytest.mark.parametrize(
    ("event", "members", "payload"),
    [
        (MESSAGE, {}, MESSAGE.text.encode()),
        (HANDSHAKE, {}, b"{}"),
        (DISCONNECT, {}, b"{}"),
        (HANDSHAKE, {"requestTemplates": {"$default": '{"a":1}'}}, b'{"a":1}'),
    ],
)
def test_a_lambda_gets_the_template_or_the_message(event: Event, members: dict[str, Any], payload: bytes) -> None:
    request = map_request(route("AWS", **members), context(event))
    assert isinstance(request, LambdaRequest)
    assert request.payload == payload


@pytest.mark.parametrize(("kind", "asynchronous"), [("'Event'", True), ("'RequestResponse'", False), (None, False)])
def test_an_aws_integration_may_invoke_its_function_asynchronously(kind: str | None, asynchronous: bool) -> None:
    parameters = {"integration.request.header.X-Amz-Invocation-Type": kind} if kind else {}
    request = map_request(route("AWS", requestParameters=parameters), context())
    assert isinstance(request, LambdaRequest)
    assert request.asynchronous is asynchronous


TEMPLATES = {"json": "J", "application/json": "A", "$default": "D"}
TEXT = '{"kind":"json"}'


@pytest.mark.parametrize(
    ("templates", "selection", "behavior", "text", "body"),
    [
        (TEMPLATES, "${request.body.kind}", "NEVER", TEXT, "J"),
        (TEMPLATES, "${request.body.kind}", "NEVER", '{"kind":"other"}', "D"),
        (TEMPLATES, "${request.body.kind}", "NEVER", "not json", "D"),
        (TEMPLATES, "json", "NEVER", "{}", "J"),
        (TEMPLATES, "\\$default", "NEVER", TEXT, "D"),
        (TEMPLATES, None, "NEVER", TEXT, "A"),
        ({"$default": "D"}, None, "NEVER", TEXT, "D"),
        ({"json": "J"}, None, "WHEN_NO_MATCH", TEXT, TEXT),
        ({"json": "J"}, "other", "WHEN_NO_MATCH", TEXT, TEXT),
        ({}, None, "WHEN_NO_MATCH", TEXT, TEXT),
        ({}, None, "WHEN_NO_TEMPLATES", TEXT, TEXT),
        ({"json": "J"}, "other", "WHEN_NO_TEMPLATES", TEXT, None),
        ({"json": "J"}, "other", "NEVER", TEXT, None),
        ({}, None, "NEVER", TEXT, None),
    ],
)
def test_the_selected_template_the_default_one_or_what_the_pass_through_rule_allows(
    templates: dict[str, str], selection: str | None, behavior: str, text: str, body: str | None
) -> None:
    members: dict[str, Any] = {"requestTemplates": templates, "passthroughBehavior": behavior}
    if selection is not None:
        members["templateSelectionExpression"] = selection
    if body is None:
        with pytest.raises(UnsupportedMediaType):
            http_request("HTTP", text=text, **members)
    else:
        assert http_request("HTTP", text=text, **members).body == body.encode()


def test_a_payload_is_decoded_from_base64_where_it_is_converted_to_binary() -> None:
    binary = {"contentHandlingStrategy": "CONVERT_TO_BINARY"}
    assert http_request("HTTP", text="AP8Q", **binary).body == b"\x00\xff\x10"
    for text in ("not base64!", "A", "ж"):
        with pytest.raises(IntegrationFailure, match="CONVERT_TO_BINARY"):
            http_request("HTTP", text=text, **binary)


@pytest.mark.parametrize(
    ("template", "status"),
    [
        ('{"statusCode": 200}', 200),
        ('{"statusCode": 404, "other": 1}', 404),
        ('{"statusCode": "200"}', None),
        ('{"statusCode": 200.0}', None),
        ('{"statusCode": true}', None),
        ('{"status": 200}', None),
        ("[200]", None),
        ("200", None),
        ("", None),
        ("OK", None),
    ],
)
def test_a_mock_answers_with_the_status_its_template_gives(template: str, status: int | None) -> None:
    mock = route("MOCK", requestTemplates={"$default": template})
    for event in EVENTS:
        if status is None:
            with pytest.raises(ConfigurationFailure, match="integer statusCode"):
                map_request(mock, context(event))
        else:
            assert map_request(mock, context(event)) == MockRequest(status)


def test_a_route_without_an_integration_is_a_configuration_failure() -> None:
    with pytest.raises(ConfigurationFailure, match="send has no integration"):
        map_request(Route("send", None, two_way=True), context())


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"integrationUri": "http://${stageVariables.none}/"}, ConfigurationFailure),
        (
            {
                "integrationUri": "http://backend.example.org/{id}",
                "requestParameters": {"integration.request.path.id": "route.request.body.none"},
            },
            BadRequestParameters,
        ),
    ],
)
def test_what_a_uri_needs_and_nobody_gives_is_an_error(members: dict[str, Any], error: type[GatewayError]) -> None:
    with pytest.raises(error):
        http_request(**members)


def test_missing_required_parameters_are_all_named() -> None:
    declared = {
        f"route.request.{name}": {"required": True} for name in ("querystring.room", "querystring.a", "header.B")
    }
    connect = Route("$connect", None, two_way=False, required_parameters=compile_required(declared))
    with pytest.raises(BadRequestParameters, match=r"^Missing required request parameters: \[a, B\]$") as raised:
        check_required_parameters(connect, HANDSHAKE)
    assert raised.value.status == 400
    check_required_parameters(Route("$connect", None, two_way=False), HANDSHAKE)
