"""Addresses, and what a client is answered before and instead of the 101.

AWS: apigateway-websocket-api-route-keys-connect-disconnect, apigateway-set-up-websocket-deployment.
"""

import asyncio
import json
import re
import ssl
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from websockets.exceptions import InvalidStatus

from tests.support.backend import Answer, Received, ScriptedBackend
from tests.support.gateway import (
    Api,
    Gateway,
    answer,
    ask,
    eventually,
    http_custom,
    http_proxy,
    lambda_custom,
    lambda_proxy,
    mock,
    next_frame,
    one_way,
    two_way,
)

ID = re.compile(r"[A-Za-z0-9_-]{15}=")
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture(scope="module")
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    """An API without `$connect` that answers `ask` with the connection id."""
    backend.on("/handshake/id", lambda request: request.header("connectionId"))
    mapped = {"integration.request.header.connectionId": "context.connectionId"}
    api = gateway.api(
        integrations={"id": http_proxy(backend.url("/handshake/id"), RequestParameters=mapped)},
        routes={"id": two_way("id")},
    )
    deployment = api.management.get_stage(ApiId=api.api_id, StageName="test")["DeploymentId"]
    api.management.create_stage(ApiId=api.api_id, StageName="other_Stage-1", DeploymentId=deployment)
    api.management.create_stage(ApiId=api.api_id, StageName="undeployed")
    return api


async def refusal(connecting: Any) -> Any:
    """The answer to a handshake that must be refused."""
    with pytest.raises(InvalidStatus) as raised:
        async with connecting:
            pass
    return raised.value.response


# where a client may connect to


@pytest.mark.parametrize("suffix", ["", "/", "?room=blue", "/?room=blue", "?", "?a=%zz&&=&b"])
async def test_a_stage_is_found_by_path_with_or_without_a_trailing_slash(api: Api, suffix: str) -> None:
    raw = api.gateway.http("GET", f"/ws/{api.api_id}/test{suffix}", headers=HANDSHAKE)
    assert raw.status == 101


@pytest.mark.parametrize(
    "host",
    [
        "{api}.execute-api.us-east-1.amazonaws.com",
        "{api}.execute-api.localhost",
        "{api}.execute-api.localhost:8000",
        "{API}.EXECUTE-API.localhost",
    ],
)
async def test_an_api_is_found_by_host_as_on_aws(api: Api, host: str) -> None:
    host = host.replace("{api}", api.api_id).replace("{API}", api.api_id.upper())
    for target in ("/test", "/test/", "/test?x=1"):
        assert api.gateway.http("GET", target, headers={**HANDSHAKE, "Host": host}).status == 101


async def test_stage_names_hold_letters_digits_hyphens_and_underscores(api: Api) -> None:
    async with api.connect(stage="other_Stage-1") as client:
        assert ID.fullmatch(await ask(client, '{"action":"id"}'))


@pytest.mark.parametrize(
    "target",
    [
        "/ws/{api}/missing",
        "/ws/{api}/TEST",
        "/ws/{api}/undeployed",
        "/ws/{api}",
        "/ws/{api}/",
        "/ws/{api}/test/extra",
        "/ws/{api}/test//",
        "/ws/{api}/test/extra?x=1",
        "/ws/{api}/te%73t",
        "/ws/zzzzzzzzzz/test",
        "/ws/short/test",
        "/ws",
        "/test",
        "/",
    ],
)
def test_any_other_path_is_forbidden_before_the_connection_has_an_id(api: Api, target: str) -> None:
    refused = api.gateway.http("GET", target.replace("{api}", api.api_id), headers=HANDSHAKE)
    assert (refused.status, refused.json()) == (403, {"message": "Forbidden"})
    assert refused.headers["x-amzn-ErrorType"] == "ForbiddenException"
    assert refused.headers["x-amzn-RequestId"]
    assert refused.headers["x-amz-apigw-id"] is None


@pytest.mark.parametrize("host", ["evil.example.org", "zzzzzzzzzz.execute-api.localhost", "", "a b"])
def test_a_host_that_is_not_ours_is_refused(api: Api, host: str) -> None:
    for target in (f"/ws/{api.api_id}/test", "/test"):
        assert api.gateway.http("GET", target, headers={**HANDSHAKE, "Host": host}).status in (400, 403)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD"])
def test_plain_http_on_a_stage_asks_for_an_upgrade(api: Api, method: str) -> None:
    refused = api.gateway.http(method, f"/ws/{api.api_id}/test")
    assert refused.status == 426
    assert refused.headers["Upgrade"].lower() == "websocket"


def test_plain_http_on_an_unknown_stage_is_forbidden(api: Api) -> None:
    refused = api.gateway.http("GET", f"/ws/{api.api_id}/missing")
    assert (refused.status, refused.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(("length", "status"), [(4096, 101), (4097, 414), (8000, 414)])
def test_a_url_has_at_most_4096_characters(api: Api, length: int, status: int) -> None:
    target = f"/ws/{api.api_id}/test?q="
    assert api.gateway.http("GET", target.ljust(length, "x"), headers=HANDSHAKE).status == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}, 400),
    ],
)
def test_a_handshake_that_breaks_rfc_6455_is_refused(api: Api, changes: dict[str, str], status: int) -> None:
    refused = api.gateway.http("GET", f"/ws/{api.api_id}/test", headers={**HANDSHAKE, **changes})
    assert refused.status == status


def test_the_101_holds_what_rfc_6455_asks_for_and_offers_nothing_else(api: Api) -> None:
    offers = {
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
        "Sec-WebSocket-Protocol": "chat1, chat2",
    }
    accepted = api.gateway.http("GET", f"/ws/{api.api_id}/test", headers={**HANDSHAKE, **offers})
    assert accepted.status == 101
    assert accepted.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert accepted.headers["Upgrade"].lower() == "websocket"
    assert accepted.headers["Connection"].lower() == "upgrade"
    assert accepted.headers["Sec-WebSocket-Extensions"] is None
    assert accepted.headers["Sec-WebSocket-Protocol"] is None


async def test_connection_ids_are_opaque_end_in_an_equals_sign_and_differ(api: Api) -> None:
    async with api.connect() as first, api.connect() as second:
        ids = [await ask(client, '{"action":"id"}') for client in (first, second, first)]
    assert all(ID.fullmatch(each) for each in ids)
    assert ids[0] == ids[2] != ids[1]


async def test_two_authorization_headers_are_a_bad_request_in_html(api: Api) -> None:
    headers = [("Authorization", "Bearer a"), ("authorization", "Bearer b")]
    refused = await refusal(api.connect(additional_headers=headers))
    assert refused.status_code == 400
    assert refused.headers["Content-Type"].startswith("text/html")
    async with api.connect(additional_headers=headers[:1]):
        pass


# what the $connect integration decides


def as_asked(event: dict[str, Any]) -> Any:
    """A `$connect` function that does as the client's query asks."""
    asked = json.loads(event["queryStringParameters"]["answer"])
    if asked == "raise":
        raise RuntimeError("as asked")
    return asked


@pytest.fixture(scope="module")
def http_api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    """Its `$connect` is HTTP_PROXY; the backend answers as the header `X-Answer` of the handshake says."""

    def scripted(request: Received) -> Answer:
        asked = json.loads(request.header("X-Answer") or "{}")
        return Answer(asked.get("status", 200), asked.get("body", ""), tuple(asked.get("headers", {}).items()))

    backend.on("/handshake/connect", scripted)
    backend.on("/handshake/echo", lambda request: request.body)
    return gateway.api(
        integrations={
            "connect": http_proxy(backend.url("/handshake/connect")),
            "echo": http_proxy(backend.url("/handshake/echo")),
        },
        routes={"$connect": one_way("connect"), "$default": two_way("echo")},
    )


@pytest.fixture(scope="module")
def lambda_api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    """Its `$connect` is a function that does as the handshake's query field `answer` says."""
    backend.on_function("handshake-connect", as_asked)
    return gateway.api(
        integrations={"connect": lambda_proxy(backend.function_uri("handshake-connect"))},
        routes={"$connect": one_way("connect")},
    )


def asking(api: Api, asked: Any, **options: Any) -> Any:
    """Connect and ask the `$connect` backend of `http_api` or `lambda_api` to answer so."""
    document = json.dumps(asked)
    headers = [*options.pop("additional_headers", ()), ("X-Answer", document)]
    return api.connect(f"answer={quote(document)}", additional_headers=headers, **options)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 205, 206, 207, 208, 226])
async def test_any_2xx_of_the_connect_backend_opens_the_connection(http_api: Api, lambda_api: Api, status: int) -> None:
    async with asking(http_api, {"status": status}), asking(lambda_api, {"statusCode": status}):
        pass


@pytest.mark.parametrize("status", [300, 301, 302, 400, 401, 403, 404, 429, 500, 501, 503])
async def test_any_other_status_refuses_the_handshake_with_the_backends_status_and_body(
    http_api: Api, lambda_api: Api, status: int
) -> None:
    body = '{"why": "because"}'
    for refused in (
        await refusal(asking(http_api, {"status": status, "body": body})),
        await refusal(asking(lambda_api, {"statusCode": status, "body": body})),
    ):
        assert (refused.status_code, refused.body) == (status, body.encode())
        assert ID.fullmatch(refused.headers["x-amz-apigw-id"])
        assert "x-amzn-RequestId" not in refused.headers
        assert "x-amzn-ErrorType" not in refused.headers


async def test_a_refusal_keeps_the_backends_content_type_and_drops_its_other_headers(
    http_api: Api, lambda_api: Api
) -> None:
    headers = {"Content-Type": "text/plain", "X-Secret": "1", "Set-Cookie": "a=b"}
    for refused in (
        await refusal(asking(http_api, {"status": 401, "body": "no", "headers": headers})),
        await refusal(asking(lambda_api, {"statusCode": 401, "body": "no", "headers": headers})),
    ):
        assert refused.headers["Content-Type"] == "text/plain"
        assert "X-Secret" not in refused.headers
        assert "Set-Cookie" not in refused.headers


async def test_a_content_type_outside_latin_1_does_not_break_the_refusal(lambda_api: Api) -> None:
    result = {"statusCode": 401, "body": "no", "headers": {"Content-Type": "text/жук"}}
    refused = await refusal(asking(lambda_api, result))
    assert (refused.status_code, refused.body) == (401, b"no")


async def test_body_and_headers_of_a_successful_connect_answer_are_dropped(http_api: Api, lambda_api: Api) -> None:
    headers = {"X-Secret": "1", "Content-Type": "text/plain"}
    for connecting in (
        asking(http_api, {"body": "welcome", "headers": headers}),
        asking(lambda_api, {"statusCode": 200, "body": "welcome", "headers": headers}),
    ):
        async with connecting as client:
            assert "X-Secret" not in client.response.headers
            assert "Content-Type" not in client.response.headers
    async with asking(http_api, {"body": "welcome"}) as client:
        assert await ask(client, "first") == "first"


def assert_json_a(refused: Any, status: int, message: str) -> None:
    """A refusal after the connection got its id, spaced as AWS spaces it."""
    found = re.fullmatch(
        rb'\{"message": "(.*)", "connectionId":"([A-Za-z0-9_-]{15}=)", "requestId":"([A-Za-z0-9_-]{15}=)"\}',
        refused.body,
    )
    assert found, refused.body
    assert (refused.status_code, found[1].decode()) == (status, message)
    assert refused.headers["x-amz-apigw-id"] == found[3].decode()
    assert refused.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert "x-amzn-RequestId" not in refused.headers
    assert "x-amzn-ErrorType" not in refused.headers


@pytest.mark.parametrize(
    "result",
    [
        "raise",
        None,
        "text",
        200,
        [200],
        {},
        {"body": "no status"},
        {"statusCode": "200"},
        {"statusCode": 200.5},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": "none"},
        {"statusCode": 101},
        {"statusCode": 99},
        {"statusCode": 600},
        {"isAuthorized": True},
    ],
    ids=json.dumps,
)
async def test_a_function_that_fails_or_answers_nonsense_refuses_with_502(lambda_api: Api, result: Any) -> None:
    assert_json_a(await refusal(asking(lambda_api, result)), 502, "Internal server error")


@pytest.mark.parametrize(
    ("integration", "status", "message"),
    [
        (lambda backend: lambda_proxy(backend.function_uri("no-such-function")), 500, "Internal server error"),
        (lambda backend: http_proxy("http://127.0.0.1:1024"), 504, "Internal server error"),
        (lambda backend: http_proxy("http://no-such-host.invalid"), 504, "Internal server error"),
        (lambda backend: http_proxy("http://169.254.169.254/"), 504, "Internal server error"),
        (lambda backend: http_proxy("http://${stageVariables.none}/"), 500, "Internal server error"),
        (
            lambda backend: http_proxy(backend.url("/handshake/slow"), TimeoutInMillis=50),
            504,
            "Endpoint request timed out",
        ),
        (lambda backend: mock("no json"), 500, "Internal server error"),
        (lambda backend: mock("{}"), 500, "Internal server error"),
        (lambda backend: mock(), 500, "Internal server error"),
        (lambda backend: mock(IntegrationResponses=[answer("/404/")]), 500, "Internal server error"),
        (
            lambda backend: http_custom(backend.url("/handshake/echo"), PassthroughBehavior="NEVER"),
            415,
            "Unsupported Media Type",
        ),
    ],
    ids=[
        "a function that does not exist",
        "a port where nobody listens",
        "a name without an address",
        "the metadata service",
        "an undefined stage variable",
        "a backend that is too slow",
        "a mock whose template is no JSON",
        "a mock whose template has no status",
        "a mock without integration responses",
        "a mock whose responses do not match",
        "no template and no pass-through",
    ],
)
async def test_a_connect_integration_that_cannot_be_carried_out_refuses_the_handshake(
    gateway: Gateway, backend: ScriptedBackend, integration: Any, status: int, message: str
) -> None:
    backend.on("/handshake/slow", delay=1)
    api = gateway.api(integrations={"connect": integration(backend)}, routes={"$connect": one_way("connect")})
    assert_json_a(await refusal(api.connect()), status, message)


@pytest.mark.parametrize(
    ("responses", "template", "status"),
    [
        ([answer()], '{"statusCode": 200}', 101),
        ([answer("/200/")], '{"statusCode": 200}', 101),
        ([answer("/2\\d\\d/")], '{"statusCode": 204}', 101),
        ([answer()], '{"statusCode": 401}', 401),
        ([answer(template='{"statusCode": 403}')], '{"statusCode": 200}', 403),
        ([answer("/500/", '{"statusCode": 200}')], '{"statusCode": 500}', 101),
        ([answer(), answer("/200/", '{"statusCode": 409}')], '{"statusCode": 200}', 409),
    ],
)
def test_a_mock_decides_the_handshake_by_its_integration_response(
    gateway: Gateway, responses: list[dict[str, Any]], template: str, status: int
) -> None:
    integrations = {"connect": mock(template, IntegrationResponses=responses)}
    api = gateway.api(integrations=integrations, routes={"$connect": one_way("connect")})
    assert handshake_status(api) == status


def handshake_status(api: Api) -> int:
    return api.gateway.http("GET", f"/ws/{api.api_id}/test", headers=HANDSHAKE).status


@pytest.mark.parametrize(
    ("integration", "status"),
    [
        (lambda backend: http_custom(backend.url("/handshake/no"), IntegrationResponses=[answer()]), 403),
        (lambda backend: http_custom(backend.url("/handshake/yes"), IntegrationResponses=[answer()]), 401),
        (
            lambda backend: http_custom(
                backend.url("/handshake/no"), IntegrationResponses=[answer("/403/", '{"statusCode": 200}')]
            ),
            101,
        ),
        (
            lambda backend: lambda_custom(backend.function_uri("handshake-plain"), IntegrationResponses=[answer()]),
            101,
        ),
    ],
    ids=["the backend's status", "a status in the backend's body", "a status in the template", "a function's success"],
)
async def test_a_non_proxy_backend_decides_the_handshake_through_its_integration_response(
    gateway: Gateway, backend: ScriptedBackend, integration: Any, status: int
) -> None:
    backend.on("/handshake/no", status=403, body="no")
    backend.on("/handshake/yes", body={"statusCode": 401})
    backend.on_function("handshake-plain", lambda event: {"got": event})
    integrations = {"connect": integration(backend)}
    api = gateway.api(integrations=integrations, routes={"$connect": one_way("connect")})
    assert await asyncio.to_thread(handshake_status, api) == status


async def test_a_backend_with_an_unknown_certificate_refuses_the_handshake(gateway: Gateway) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with ScriptedBackend(tls=context) as backend:
        api = gateway.api(
            integrations={"connect": http_proxy(backend.url("/"))}, routes={"$connect": one_way("connect")}
        )
        assert_json_a(await refusal(api.connect()), 504, "Internal server error")
        assert backend.requests == []


@pytest.mark.parametrize(
    "routes",
    [{"$default": one_way()}, {"$connect": one_way()}],
    ids=["no $connect route", "a $connect route without integration"],
)
async def test_without_a_connect_integration_everyone_is_let_in(gateway: Gateway, routes: dict[str, Any]) -> None:
    async with gateway.api(routes=routes).connect():
        pass


async def test_the_101_is_sent_only_after_the_connect_integration_has_finished(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    finish = asyncio.Event()
    backend.on("/handshake/pending", until=finish)
    mapped = {"integration.request.header.connectionId": "context.connectionId"}
    api = gateway.api(
        integrations={"connect": http_proxy(backend.url("/handshake/pending"), RequestParameters=mapped)},
        routes={"$connect": one_way("connect")},
    )
    connecting = asyncio.ensure_future(api.connect())
    [request] = await backend.received(1, "/handshake/pending")
    connection_id = request.header("connectionId")
    assert not connecting.done()
    with pytest.raises(api.connections.exceptions.GoneException):
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"too early")
    with pytest.raises(api.connections.exceptions.GoneException):
        api.connections.get_connection(ConnectionId=connection_id)
    finish.set()
    client = await connecting
    api.connections.post_to_connection(ConnectionId=connection_id, Data=b"now")
    assert await next_frame(client) == "now"
    await client.close()


@pytest.mark.parametrize(
    ("query", "headers", "missing"),
    [
        ("room=blue&authToken=t", {"X-Api": "1"}, None),
        ("room=blue&authToken=", {"x-api": ""}, None),
        ("authToken=t", {"X-Api": "1"}, None),
        ("", {"X-Api": "1"}, "authToken"),
        ("authtoken=t", {"X-Api": "1"}, "authToken"),
        ("authToken=t", {}, "X-Api"),
        ("", {}, "authToken, X-Api"),
    ],
)
async def test_required_parameters_must_be_in_the_handshake(
    requiring: Api, query: str, headers: dict[str, str], missing: str | None
) -> None:
    connecting = requiring.connect(query, additional_headers=headers)
    if missing is None:
        async with connecting:
            pass
    else:
        assert_json_a(await refusal(connecting), 400, f"Missing required request parameters: [{missing}]")


@pytest.fixture(scope="module")
def requiring(gateway: Gateway) -> Api:
    declared = {
        "route.request.querystring.authToken": {"Required": True},
        "route.request.header.X-Api": {"Required": True},
        "route.request.querystring.room": {"Required": False},
    }
    return gateway.api(routes={"$connect": one_way(RequestParameters=declared)})


# subprotocols


@pytest.mark.parametrize(
    ("offered", "headers", "chosen"),
    [
        ("chat1, chat2", {"Sec-WebSocket-Protocol": "chat2"}, "chat2"),
        ("chat1", {"sec-websocket-protocol": "chat1"}, "chat1"),
        ("chat1", {}, None),
        ("chat1", {"Sec-WebSocket-Protocol": ""}, None),
        ("chat1", {"Sec-WebSocket-Protocol": "never-offered"}, "never-offered"),
        (None, {"Sec-WebSocket-Protocol": "chat1"}, "chat1"),
        (None, {}, None),
    ],
)
async def test_the_subprotocol_is_what_the_connect_backend_returns_and_nothing_else(
    http_api: Api, lambda_api: Api, offered: str | None, headers: dict[str, str], chosen: str | None
) -> None:
    offer = {} if offered is None else {"Sec-WebSocket-Protocol": offered}
    asked = ((http_api, {"headers": headers}), (lambda_api, {"statusCode": 200, "headers": headers}))
    for api, given in asked:
        document = json.dumps(given)
        accepted = await asyncio.to_thread(
            api.gateway.http,
            "GET",
            f"/ws/{api.api_id}/test?answer={quote(document)}",
            headers={**HANDSHAKE, **offer, "X-Answer": document},
        )
        assert accepted.status == 101
        assert accepted.headers.get_all("Sec-WebSocket-Protocol", []) == ([chosen] if chosen else [])


async def test_a_subprotocol_among_multi_value_headers_is_sent_once(lambda_api: Api) -> None:
    result = {"statusCode": 200, "multiValueHeaders": {"Sec-WebSocket-Protocol": ["chat1", "chat2"]}}
    async with asking(lambda_api, result, subprotocols=["chat1", "chat2"]) as client:
        assert client.subprotocol == "chat1"
        assert client.response.headers.get_all("Sec-WebSocket-Protocol") == ["chat1"]


async def test_a_subprotocol_with_a_line_break_splits_no_header(lambda_api: Api) -> None:
    result = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat1\r\nX-Evil: 1"}}
    assert_json_a(await refusal(asking(lambda_api, result)), 502, "Internal server error")


# origins and numbers of clients: limits of the stage


@pytest.mark.parametrize(
    ("limits", "headers", "status"),
    [
        ({}, {}, 101),
        ({}, {"Origin": "https://app.example.org"}, 101),
        ({}, {"Origin": "https://app.example.org", "Cookie": "a=b"}, 403),
        ({"allowedOrigins": ["https://app.example.org"]}, {"Origin": "https://app.example.org"}, 101),
        ({"allowedOrigins": ["https://app.example.org"]}, {"Origin": "https://app.example.org", "Cookie": "a=b"}, 101),
        ({"allowedOrigins": ["https://app.example.org"]}, {"Origin": "https://evil.example.org"}, 403),
        ({"allowedOrigins": ["https://app.example.org"]}, {"Origin": "http://app.example.org"}, 403),
        ({"allowedOrigins": ["https://app.example.org"]}, {"Origin": "null"}, 403),
        ({"allowedOrigins": ["https://app.example.org"]}, {}, 101),
        ({"allowedOrigins": ["*"]}, {"Origin": "https://any.example.org"}, 101),
        ({"requireOrigin": True}, {}, 403),
        ({"requireOrigin": True}, {"Origin": "https://any.example.org"}, 101),
    ],
)
def test_browsers_may_connect_from_the_origins_that_the_stage_allows(
    gateway: Gateway, limits: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    api = gateway.api(routes={"$default": one_way()}, limits=limits)
    answered = gateway.http("GET", f"/ws/{api.api_id}/test", headers={**HANDSHAKE, **headers})
    assert answered.status == status
    if status == 403:
        assert answered.json() == {"message": "Forbidden"}


async def test_more_connections_than_the_stage_allows_are_too_many_requests(gateway: Gateway) -> None:
    api = gateway.api(routes={"$default": one_way()}, limits={"connections": 1})
    async with api.connect():
        refused = await refusal(api.connect())
        assert (refused.status_code, refused.body) == (429, b'{"message":"Too Many Requests"}')
    await eventually(lambda: opens(api))


async def opens(api: Api) -> bool:
    try:
        async with api.connect():
            return True
    except InvalidStatus:
        return False


async def test_more_handshakes_a_second_than_the_stage_allows_are_too_many_requests(gateway: Gateway) -> None:
    api = gateway.api(routes={"$default": one_way()}, limits={"connectsPerSecond": 0.01})
    async with api.connect():
        refused = await refusal(api.connect())
    assert (refused.status_code, refused.body) == (429, b'{"message":"Too Many Requests"}')
