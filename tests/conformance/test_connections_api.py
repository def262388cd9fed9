"""`@connections`: how backends push to clients, ask about them and drop them; with boto3 and by hand.

AWS: apigateway-how-to-call-websocket-api-connections; SDK model apigatewaymanagementapi 2018-11-29.
"""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection

from tests.support.backend import ScriptedBackend
from tests.support.gateway import (
    AccessKey,
    Api,
    Gateway,
    HttpAnswer,
    ask,
    close_of,
    eventually,
    http_proxy,
    next_frame,
    raw_websocket,
    two_way,
    wait_until,
)
from tests.support.rawsocket import RawClient

UNKNOWN = "AAAAAAAAAAAAAAA="
"""Well-formed, but no connection's."""


@pytest.fixture(scope="module")
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    backend.on("/callbacks/id", lambda request: request.header("connectionId"))
    mapped = {"integration.request.header.connectionId": "context.connectionId"}
    api = gateway.api(
        integrations={"id": http_proxy(backend.url("/callbacks/id"), RequestParameters=mapped)},
        routes={"$default": two_way("id")},
    )
    api.add_stage("other")
    return api


@pytest.fixture(scope="module")
def other_api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    return gateway.api(
        integrations={"id": http_proxy(backend.url("/callbacks/id"))}, routes={"$default": two_way("id")}
    )


async def connection_id_of(client: ClientConnection) -> str:
    return await ask(client, "who am I?")


def error_of(answered: HttpAnswer) -> tuple[int, str | None, bytes]:
    return answered.status, answered.headers["x-amzn-ErrorType"], answered.body


# POST


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (b"hello", "hello"),
        (b"", ""),
        ("жук 😀".encode(), "жук 😀"),
        (b'{"json": true}', '{"json": true}'),
        (b"\x00", "\x00"),
        (b"a\xffb", "a\ufffdb"),
        (b"\xff\xfe\xfd", "\ufffd\ufffd\ufffd"),
        (b"x" * 32_768, "x" * 32_768),
        (b"x" * 32_769, "x" * 32_769),
        (b"x" * 131_072, "x" * 131_072),
        (("ж" * 65_536).encode(), "ж" * 65_536),
    ],
    ids=lambda value: f"{value[:8]!r} of {len(value)}",
)
async def test_post_sends_the_body_as_one_text_message(api: Api, data: bytes, frame: str) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        answered = api.connections.post_to_connection(ConnectionId=connection_id, Data=data)
        assert answered["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert await next_frame(client) == frame


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "image/png", "text/plain; charset=utf-16", "application/json", None]
)
async def test_post_sends_text_whatever_the_content_type(api: Api, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    async with api.connect() as client:
        target = api.target((await connection_id_of(client)).replace("=", "%3D"))
        answered = api.gateway.signed("POST", target, b"\xc3\xa9", headers=headers)
        assert (answered.status, answered.body) == (200, b"")
        assert await next_frame(client) == "é"


async def test_posts_arrive_in_the_order_they_were_accepted(api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        for number in range(30):
            api.connections.post_to_connection(ConnectionId=connection_id, Data=str(number).encode())
        assert [await next_frame(client) for _ in range(30)] == [str(number) for number in range(30)]


async def test_a_post_over_128_kb_is_413_without_body_or_error_type_and_the_connection_stays(api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        with pytest.raises(ClientError) as raised:
            api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x" * 131_073)
        assert raised.value.response["Error"]["Code"] == "413"
        answered = api.gateway.signed("POST", api.target(connection_id.replace("=", "%3D")), b"x" * 131_073)
        assert error_of(answered) == (413, None, b"")
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"still here")
        assert await next_frame(client) == "still here"


async def test_a_chunked_post_is_delivered(api: Api) -> None:
    async with api.connect() as client:
        target = api.target((await connection_id_of(client)).replace("=", "%3D"))
        signed = signature_headers(api.gateway, "POST", target, b"in two parts")

        def post() -> Any:
            with api.gateway.raw_client() as raw:
                lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in signed.items())]
                head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""])
                raw.send(head.encode() + b"3\r\nin \r\n9\r\ntwo parts\r\n0\r\n\r\n")
                return raw.response()

        assert (await asyncio.to_thread(post)).status == 200
        assert await next_frame(client) == "in two parts"


def signature_headers(
    gateway: Gateway, method: str, target: str, body: bytes = b"", key: AccessKey | None = None
) -> dict[str, str]:
    """Host and the headers of a signature over a request."""
    key = key or gateway.key
    request = AWSRequest(method, gateway.endpoint + target, data=body, headers={"Host": f"127.0.0.1:{gateway.port}"})
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), "execute-api", "us-east-1").add_auth(request)
    return dict(request.headers.items())


async def test_a_client_that_does_not_read_makes_post_answer_429_and_hurts_nobody(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    backend.on("/callbacks/id", lambda request: request.header("connectionId"))
    mapped = {"integration.request.header.connectionId": "context.connectionId"}
    api = gateway.api(
        integrations={"id": http_proxy(backend.url("/callbacks/id"), RequestParameters=mapped)},
        routes={"$default": two_way("id")},
        limits={"sendBuffer": 262_144, "slowClientTimeout": 0},
    )
    async with raw_websocket(api) as slow, api.connect() as healthy:
        connection_id = await slow.do(lambda raw: ask_raw(raw))
        exceptions = api.connections.exceptions

        def fill() -> int:
            for count in range(1000):
                try:
                    api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x" * 131_072)
                except exceptions.LimitExceededException:
                    return count
            raise AssertionError("128 MB were accepted for a client that reads nothing")

        accepted = await asyncio.to_thread(fill)
        other = await connection_id_of(healthy)
        api.connections.post_to_connection(ConnectionId=other, Data=b"healthy")
        assert await next_frame(healthy) == "healthy"
        for _ in range(accepted):
            assert await slow.do(read_message) == b"x" * 131_072
        await asyncio.to_thread(
            wait_until,
            lambda: api.gateway.signed("POST", api.target(connection_id.replace("=", "%3D")), b"again").status == 200,
        )
        assert await slow.do(read_message) == b"again"


def ask_raw(raw: RawClient) -> str:
    raw.send_frame(1, b"who am I?")
    return raw.receive_frame()[1].decode()


def read_message(raw: RawClient) -> bytes:
    """The next message, which may come in fragments."""
    text = b""
    while True:
        first, second = raw.receive(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(raw.receive(2 if size == 126 else 8), "big")
        text += raw.receive(size)
        if first & 0x80:
            return text


# GET


async def test_get_tells_when_and_from_where_the_client_connected(api: Api) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    async with api.connect(user_agent_header="ExampleClient/1.0") as client:
        state = api.connections.get_connection(ConnectionId=await connection_id_of(client))
    assert state["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "ExampleClient/1.0"}
    assert before <= state["ConnectedAt"] <= state["LastActiveAt"] <= datetime.now(UTC)


async def test_get_answers_json_with_times_in_milliseconds_and_null_for_no_user_agent(api: Api) -> None:
    async with api.connect(user_agent_header=None) as client:
        answered = api.gateway.signed("GET", api.target((await connection_id_of(client)).replace("=", "%3D")))
    assert answered.status == 200
    assert answered.headers["Content-Type"] == "application/json"
    assert answered.headers["x-amzn-RequestId"]
    state = answered.json()
    assert sorted(state) == ["connectedAt", "identity", "lastActiveAt"]
    assert state["identity"] == {"sourceIp": "127.0.0.1", "userAgent": None}
    for name in ("connectedAt", "lastActiveAt"):
        datetime.strptime(state[name], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert len(state[name]) == len("2026-01-20T11:55:08.001Z")


async def test_messages_and_posts_move_last_active_at_and_get_does_not(api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)

        def state() -> dict[str, Any]:
            return dict(api.connections.get_connection(ConnectionId=connection_id))

        first = state()
        await tick(first["LastActiveAt"])
        assert state()["LastActiveAt"] == first["LastActiveAt"]
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x")
        second = state()
        assert second["LastActiveAt"] > first["LastActiveAt"]
        await tick(second["LastActiveAt"])
        await next_frame(client)
        await ask(client, "a message")
        third = state()
        assert third["LastActiveAt"] > second["LastActiveAt"]
        assert first["ConnectedAt"] == second["ConnectedAt"] == third["ConnectedAt"]


async def tick(moment: datetime) -> None:
    """Wait until the clock shows another millisecond than `moment`."""
    while time.time() < moment.timestamp() + 0.002:
        await asyncio.sleep(0.001)


# DELETE


async def test_delete_answers_204_closes_with_1000_and_a_second_delete_is_410(api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        target = api.target(connection_id.replace("=", "%3D"))
        first, second = (api.gateway.signed("DELETE", target) for _ in range(2))
        assert (first.status, first.body) == (204, b"")
        assert error_of(second) == (410, "GoneException", b"")
        assert await close_of(client) == (1000, "Connection Closed Normally")
    with pytest.raises(api.connections.exceptions.GoneException):
        api.connections.delete_connection(ConnectionId=connection_id)


async def test_what_was_posted_before_a_delete_arrives_before_the_close(api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        for number in range(5):
            api.connections.post_to_connection(ConnectionId=connection_id, Data=b"%d" % number * 50_000)
        api.connections.delete_connection(ConnectionId=connection_id)
        assert [(await next_frame(client))[0] for _ in range(5)] == list("01234")
        assert (await close_of(client))[0] == 1000


# who is addressed


@pytest.mark.parametrize("at", ["/@connections/", "/%40connections/"])
@pytest.mark.parametrize("equals", ["%3D", "=", "%3d"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_every_spelling_of_the_path_means_the_same_connection(
    api: Api, method: str, at: str, equals: str
) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        target = api.target(connection_id.replace("=", equals), at=at)
        answered = api.gateway.signed(method, target, b"x" if method == "POST" else b"")
        assert answered.status == {"POST": 200, "GET": 200, "DELETE": 204}[method]


async def test_a_connection_is_addressed_by_host_as_on_aws(api: Api) -> None:
    headers = {"Host": f"{api.api_id}.execute-api.us-east-1.amazonaws.com"}
    async with api.connect() as client:
        target = f"/test/@connections/{(await connection_id_of(client)).replace('=', '%3D')}"
        answered = api.gateway.signed("POST", target, b"by host", headers=headers)
        assert (answered.status, answered.body) == (200, b"")
        assert await next_frame(client) == "by host"


async def test_domain_name_and_stage_of_an_event_are_the_base_of_a_callback(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    backend.on_function(
        "callbacks-base", lambda event: {"statusCode": 200, "body": json.dumps(event["requestContext"])}
    )
    api = gateway.api(
        integrations={"x": {"IntegrationType": "AWS_PROXY", "IntegrationUri": backend.function_uri("callbacks-base")}},
        routes={"$default": two_way("x")},
    )
    async with api.connect() as client:
        context = json.loads(await ask(client, "x"))
        url = f"http://{context['domainName']}/{context['stage']}"
        connections = gateway.client("apigatewaymanagementapi", url=url)
        connections.post_to_connection(ConnectionId=context["connectionId"], Data=b"back")
        assert await next_frame(client) == "back"


async def test_any_stage_of_the_api_can_address_a_connection(api: Api) -> None:
    connections = api.gateway.client("apigatewaymanagementapi", api.api_id, "other")
    async with api.connect() as client:
        connections.post_to_connection(ConnectionId=await connection_id_of(client), Data=b"from another stage")
        assert await next_frame(client) == "from another stage"


async def test_another_api_cannot_address_a_connection(api: Api, other_api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        for call, data in (("post_to_connection", {"Data": b"x"}), ("get_connection", {}), ("delete_connection", {})):
            with pytest.raises(other_api.connections.exceptions.GoneException):
                getattr(other_api.connections, call)(ConnectionId=connection_id, **data)
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"unharmed")
        assert await next_frame(client) == "unharmed"


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("connection_id", [UNKNOWN, "gbgA_A9XiQAYKEiI6A==", "AAAAAAAAAAAAAAAA", "A" * 43 + "="])
def test_a_well_formed_id_of_no_connection_is_gone(api: Api, method: str, connection_id: str) -> None:
    answered = api.gateway.signed(method, api.target(connection_id.replace("=", "%3D")), b"")
    assert error_of(answered) == (410, "GoneException", b"")


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize(
    ("spelled", "connection_id"),
    [
        ("abc", "abc"),
        ("abc%3D", "abc="),
        ("AAAAAAAAAAAAAAA%2B", "AAAAAAAAAAAAAAA+"),
        ("AAAAAAAAAAAAA%3D%3D%3D", "AAAAAAAAAAAAA==="),
        ("AAAAAAAAAAAAAAA%3D%0A", "AAAAAAAAAAAAAAA=\n"),
        ("A" * 48, "A" * 48),
        ("", ""),
    ],
)
def test_a_malformed_id_is_a_bad_request_before_anything_else(
    api: Api, method: str, spelled: str, connection_id: str, signed: bool
) -> None:
    call = api.gateway.signed if signed else api.gateway.http
    answered = call(method, api.target(spelled))
    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (400, "BadRequestException")
    assert answered.json() == {"message": f"Invalid connectionId: {connection_id}"}


@pytest.mark.parametrize(
    "target",
    [
        "/ws/{api}/missing/@connections/AAAAAAAAAAAAAAA%3D",
        "/ws/zzzzzzzzzz/test/@connections/AAAAAAAAAAAAAAA%3D",
        "/ws/{api}/@connections/AAAAAAAAAAAAAAA%3D",
    ],
)
def test_an_unknown_stage_or_api_is_forbidden(api: Api, target: str) -> None:
    answered = api.gateway.signed("POST", target.replace("{api}", api.api_id), b"x")
    assert error_of(answered) == (403, "ForbiddenException", b'{"message":"Forbidden"}')


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("PUT", "/@connections/AAAAAAAAAAAAAAA%3D"),
        ("PATCH", "/@connections/AAAAAAAAAAAAAAA%3D"),
        ("POST", "/@connections"),
        ("GET", "/@connections/AAAAAAAAAAAAAAA%3D/extra"),
        ("GET", "/other"),
    ],
)
def test_what_is_no_call_is_answered_as_missing_authentication(api: Api, method: str, rest: str) -> None:
    answered = api.gateway.signed(method, f"/ws/{api.api_id}/test{rest}", b"")
    assert answered.status == 403
    assert answered.json() == {"message": "Missing Authentication Token"}


async def test_a_closed_connection_is_gone_at_once(api: Api) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)

    async def gone() -> bool:
        answered = api.gateway.signed("POST", api.target(connection_id.replace("=", "%3D")), b"x")
        return error_of(answered) == (410, "GoneException", b"")

    await eventually(gone)


# the SDK's exceptions


def test_boto3_raises_its_own_exceptions(api: Api) -> None:
    connections = api.connections
    with pytest.raises(connections.exceptions.GoneException) as gone:
        connections.post_to_connection(ConnectionId=UNKNOWN, Data=b"x")
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410
    stranger = AccessKey("NPAKAAAAAAAAAAAAAAAA", "x" * 40)
    foreign = api.gateway.client("apigatewaymanagementapi", api.api_id, "test", key=stranger)
    with pytest.raises(ClientError) as unknown:
        foreign.post_to_connection(ConnectionId=UNKNOWN, Data=b"x")
    assert unknown.value.response["Error"]["Code"] == "UnrecognizedClientException"
    elsewhere = api.gateway.client("apigatewaymanagementapi", api.api_id, "missing")
    with pytest.raises(elsewhere.exceptions.ForbiddenException):
        elsewhere.post_to_connection(ConnectionId=UNKNOWN, Data=b"x")
