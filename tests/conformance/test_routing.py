"""Which route a message takes, and the frames of the gateway's own.

AWS: websocket-api-develop-routes, apigateway-websocket-api-selection-expressions.
"""

import asyncio
import json
import re

import pytest
from websockets.asyncio.client import ClientConnection

from tests.support.backend import Answer, Received, ScriptedBackend
from tests.support.gateway import Api, Gateway, ask, http_proxy, next_frame, one_way, two_way

KEYS = ("send", "Send", "chat/join", "join-", "true", "1", "a.b", "x_y", "v")


@pytest.fixture(scope="module")
def integrations(backend: ScriptedBackend) -> dict[str, dict[str, object]]:
    """One that answers which route it was called through."""
    backend.on("/routing/key", lambda request: request.header("X-Route"))
    mapped = {"integration.request.header.X-Route": "context.routeKey"}
    return {"key": http_proxy(backend.url("/routing/key"), RequestParameters=mapped)}


@pytest.fixture(scope="module")
def api(gateway: Gateway, integrations: dict[str, dict[str, object]]) -> Api:
    keys = (*KEYS, "$default", "$connect", "$disconnect")
    return gateway.api(integrations=integrations, routes={key: two_way("key") for key in keys})


@pytest.fixture(scope="module")
def without_default(gateway: Gateway, integrations: dict[str, dict[str, object]]) -> Api:
    keys = ("send", "$connect", "$disconnect")
    return gateway.api(integrations=integrations, routes={key: two_way("key") for key in keys})


@pytest.mark.parametrize(
    ("message", "route"),
    [
        ('{"action":"send"}', "send"),
        ('{"action":"Send"}', "Send"),
        ('{"action":"SEND"}', "$default"),
        ('{"action":" send"}', "$default"),
        ('{"action":"chat/join"}', "chat/join"),
        ('{"action":"a.b"}', "a.b"),
        ('{"action":1}', "1"),
        ('{"action":true}', "true"),
        ('{"action":null}', "$default"),
        ('{"action":""}', "$default"),
        ('{"action":{}}', "$default"),
        ('{"action":["send"]}', "$default"),
        ('{"noaction":"send"}', "$default"),
        ('{"action":"unknown"}', "$default"),
        ('{"action":"$default"}', "$default"),
        ('{"action":"$connect"}', "$default"),
        ('{"action":"$disconnect"}', "$default"),
        ('{"action":"unknown","action":"send"}', "send"),
        ('\ufeff{"action":"send"}', "send"),
        (' \n{"action":"send"}\t', "send"),
        ('{"action":"send","n":' + "9" * 30 + "}", "send"),
        ("", "$default"),
        ("hello", "$default"),
        ('{"action":"send"', "$default"),
        ("{action:'send'}", "$default"),
        ('{"action":"send","n":NaN}', "$default"),
        ('{"action":"send","s":"\\ud800"}', "$default"),
        ('"send"', "$default"),
        ('["send"]', "$default"),
        ("1", "$default"),
        ("null", "$default"),
        ('{"action":"send","deep":' + '{"a":' * 62 + "1" + "}" * 62 + "}", "send"),
        ('{"action":"send","deep":' + '{"a":' * 64 + "1" + "}" * 64 + "}", "$default"),
        ('{"action":"send","deep":' + "[" * 16_000 + "]" * 16_000 + "}", "$default"),
    ],
    ids=lambda text: text[:48],
)
async def test_a_message_takes_the_route_its_text_selects(api: Api, message: str, route: str) -> None:
    async with api.connect() as client:
        assert await ask(client, message) == route


@pytest.mark.parametrize(
    ("selection", "message", "route"),
    [
        ("${request.body.action}", '{"action":"send"}', "send"),
        ("${request.body.service}/${request.body.action}", '{"service":"chat","action":"join"}', "chat/join"),
        ("$request.body.service/$request.body.action", '{"service":"chat","action":"join"}', "chat/join"),
        ("${request.body.action}-${request.body.missing}", '{"action":"join"}', "join-"),
        ("$request.body.o.k", '{"o":{"k":"v"}}', "v"),
        ("$request.body.detail-type", '{"detail-type":"send"}', "send"),
        ("$request.body.list[1]", '{"list":["x","send"]}', "send"),
        ("$request.body['two words']", '{"two words":"send"}', "send"),
        ("send", '{"action":"Send"}', "send"),
        ("send", "no json", "$default"),
        ("\\$default", '{"action":"send"}', "$default"),
    ],
)
async def test_the_selection_expression_of_the_api_decides(
    gateway: Gateway, integrations: dict[str, dict[str, object]], selection: str, message: str, route: str
) -> None:
    api = gateway.api(
        selection=selection, integrations=integrations, routes={key: two_way("key") for key in {route, "$default"}}
    )
    async with api.connect() as client:
        assert await ask(client, message) == route


@pytest.mark.parametrize(
    "message", ['{"action":"unknown"}', '{"action":"$connect"}', '{"action":"$default"}', "hello", "", "[]", "{}"]
)
async def test_without_a_default_route_the_client_gets_the_forbidden_frame_and_stays(
    without_default: Api, message: str
) -> None:
    async with without_default.connect() as client:
        first, second = [forbidden(await ask(client, message)) for _ in range(2)]
        assert first["connectionId"] == second["connectionId"]
        assert first["requestId"] != second["requestId"]
        assert await ask(client, '{"action":"send"}') == "send"


def forbidden(frame: str) -> dict[str, str]:
    """The frame's members, once it is spaced as AWS spaces it."""
    assert re.fullmatch(
        r'\{"message": "Forbidden", "connectionId":"[A-Za-z0-9_-]{15}=", "requestId":"[A-Za-z0-9_-]{15}="\}', frame
    )
    return dict(json.loads(frame))


async def test_the_text_reaches_the_backend_as_it_was_sent(gateway: Gateway, backend: ScriptedBackend) -> None:
    backend.on("/routing/text", lambda request: request.body)
    integrations = {"text": http_proxy(backend.url("/routing/text"))}
    api = gateway.api(integrations=integrations, routes={"$default": two_way("text")})
    texts = ['\ufeff {"b" : 1.50,\n "a":"ж\\u0436"} ', "no json\r\n", "\x00\x01\x7f", "😀" * 100, " "]
    async with api.connect() as client:
        for text in texts:
            assert await ask(client, text) == text
        assert [request.body for request in backend.requests if request.path == "/routing/text"] == [
            text.encode() for text in texts
        ]


# order and concurrency


async def wait_in_line(client: ClientConnection, backend: ScriptedBackend, count: int) -> None:
    """Send `count` messages to `/routing/hold` without waiting for answers."""
    for number in range(count):
        await client.send(json.dumps({"action": "hold", "n": number}))


@pytest.mark.parametrize(("limit", "sent"), [(1, 3), (4, 8), (16, 20)])
async def test_so_many_integrations_run_at_once_for_one_connection_and_no_more(
    gateway: Gateway, backend: ScriptedBackend, limit: int, sent: int
) -> None:
    go = asyncio.Event()
    running = most = 0

    async def hold(request: Received) -> Answer:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == limit:
            reached.set()
        await go.wait()
        running -= 1
        return Answer(200, request.body)

    reached = asyncio.Event()
    backend.on("/routing/hold", hold)
    api = gateway.api(
        integrations={"hold": http_proxy(backend.url("/routing/hold"))},
        routes={"hold": two_way("hold")},
        limits={} if limit == 16 else {"maxInFlight": limit},
    )
    async with api.connect() as client:
        await wait_in_line(client, backend, sent)
        async with asyncio.timeout(10):
            await reached.wait()
        go.set()
        frames = {await next_frame(client) for _ in range(sent)}
    assert len(frames) == sent
    assert most == limit


async def test_messages_are_dispatched_in_order_of_arrival(gateway: Gateway, backend: ScriptedBackend) -> None:
    backend.on("/routing/order")
    api = gateway.api(
        integrations={"order": http_proxy(backend.url("/routing/order"))},
        routes={"$default": one_way("order")},
        limits={"maxInFlight": 1},
    )
    async with api.connect() as client:
        for number in range(50):
            await client.send(str(number))
        requests = await backend.received(50, "/routing/order")
    assert [request.body.decode() for request in requests] == [str(number) for number in range(50)]


async def test_a_slow_message_holds_up_no_other_connection(gateway: Gateway, backend: ScriptedBackend) -> None:
    go = asyncio.Event()
    backend.on("/routing/slow", until=go, body="slow")
    backend.on("/routing/quick", body="quick")
    api = gateway.api(
        integrations={
            "slow": http_proxy(backend.url("/routing/slow")),
            "quick": http_proxy(backend.url("/routing/quick")),
        },
        routes={"slow": two_way("slow"), "quick": two_way("quick")},
        limits={"maxInFlight": 1},
    )
    async with api.connect() as first, api.connect() as second:
        await first.send('{"action":"slow"}')
        await backend.received(1, "/routing/slow")
        assert await ask(second, '{"action":"quick"}') == "quick"
        go.set()
        assert await next_frame(first) == "slow"


async def test_a_route_without_an_integration_is_an_internal_server_error(gateway: Gateway) -> None:
    api = gateway.api(routes={"$default": one_way()})
    async with api.connect() as client:
        assert json.loads(await ask(client, "hello"))["message"] == "Internal server error"
