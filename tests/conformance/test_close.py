"""How connections end: the close frame that the client gets, and what `$disconnect` hears of it.

AWS: apigateway-websocket-api-route-keys-connect-disconnect, websocket-api-develop-binary-media-types,
apigateway-execution-service-websocket-limits-table.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conformance.recorder import EventRecorder
from tests.support.backend import ScriptedBackend
from tests.support.gateway import (
    Api,
    Gateway,
    ask,
    close_of,
    http_proxy,
    lambda_proxy,
    next_frame,
    one_way,
    raw_websocket,
    two_way,
)
from tests.support.rawsocket import BINARY, CONTINUATION, PING, PONG, TEXT, RawClient, frame_header, handshake

MASK = b"\x00\x00\x00\x00"


@pytest.fixture(scope="module")
def leaving(backend: ScriptedBackend) -> EventRecorder:
    recorder = EventRecorder()
    backend.on_function("close-leave", recorder)
    return recorder


def make_api(gateway: Gateway, backend: ScriptedBackend, **options: Any) -> Api:
    """An API that answers `id` with the connection id, echoes all else and reports `$disconnect` to a function."""
    backend.on("/close/id", lambda request: request.header("connectionId"))
    backend.on("/close/echo", lambda request: request.body)
    mapped = {"integration.request.header.connectionId": "context.connectionId"}
    return gateway.api(
        integrations={
            "id": http_proxy(backend.url("/close/id"), RequestParameters=mapped),
            "echo": http_proxy(backend.url("/close/echo")),
            "leave": lambda_proxy(backend.function_uri("close-leave")),
        },
        routes={"id": two_way("id"), "$default": two_way("echo"), "$disconnect": one_way("leave")},
        **options,
    )


@pytest.fixture(scope="module")
def api(gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder) -> Api:
    return make_api(gateway, backend)


async def connection_id_of(client: ClientConnection) -> str:
    return await ask(client, '{"action":"id"}')


async def repeat_until_closed(action: Callable[[], Awaitable[object]]) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await action()


async def pinged(client: ClientConnection) -> None:
    await (await client.ping())


# the client closes


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1000, "bye"),
        (1001, ""),
        (1001, "tab closed"),
        (1011, "oops"),
        (3000, "lib"),
        (4000, ""),
        (4999, "жук"),
    ],
)
async def test_the_clients_close_is_echoed_and_told_to_disconnect(
    api: Api, leaving: EventRecorder, code: int, reason: str
) -> None:
    async with raw_websocket(api) as client:
        connection_id = await raw_connection_id(client.raw)
        await client.do(lambda raw: raw.send_close(code, reason))
        assert await client.do(RawClient.receive_close) == (code, reason)
        assert await client.do(RawClient.is_closed)
    assert await leaving.close_of(connection_id) == (code, reason)


async def raw_connection_id(raw: RawClient) -> str:
    def ask_id() -> str:
        raw.send_frame(TEXT, b'{"action":"id"}')
        return str(raw.receive_frame()[1].decode())

    return await asyncio.to_thread(ask_id)


async def test_a_close_without_a_code_is_answered_without_one_and_told_as_1005(
    api: Api, leaving: EventRecorder
) -> None:
    async with raw_websocket(api) as client:
        connection_id = await raw_connection_id(client.raw)
        await client.do(lambda raw: raw.send_close())
        assert await client.do(RawClient.receive_close) == (None, "")
    assert await leaving.close_of(connection_id) == (1005, "Client-side close frame status not set")


@pytest.mark.parametrize("end", [lambda raw: raw.socket.close(), RawClient.reset], ids=["FIN", "RST"])
async def test_a_lost_connection_is_told_as_1006_without_a_reason(
    api: Api, leaving: EventRecorder, end: Callable[[RawClient], None]
) -> None:
    async with raw_websocket(api) as client:
        connection_id = await raw_connection_id(client.raw)
        await client.do(end)
    assert await leaving.close_of(connection_id) == (1006, "")


# the client breaks a rule


BAD_FRAMES: dict[str, tuple[Callable[[RawClient], None], int, str | None]] = {
    "a binary frame": (lambda raw: raw.send_frame(BINARY, b"\x00\x01"), 1003, "Binary is not supported"),
    "an empty binary frame": (lambda raw: raw.send_frame(BINARY), 1003, "Binary is not supported"),
    "a frame over 32 KB": (lambda raw: raw.send_frame(TEXT, b"x" * 32_769), 1009, "Message too big"),
    "a frame that announces 2 GB": (
        lambda raw: raw.send(frame_header(TEXT, 2**31) + MASK + b"x" * 1000),
        1009,
        "Message too big",
    ),
    "fragments over 128 KB": (lambda raw: send_fragments(raw, [32_768] * 4 + [1]), 1009, "Message too big"),
    "text that is not UTF-8": (lambda raw: raw.send_frame(TEXT, b"\xff\xfe"), 1007, None),
    "half a UTF-8 character at the end": (lambda raw: raw.send_frame(TEXT, "ж".encode()[:1]), 1007, None),
    "an unmasked frame": (lambda raw: raw.send(b"\x81\x02hi"), 1002, None),
    "an unknown opcode": (lambda raw: raw.send_frame(3, b"x"), 1002, None),
    "a reserved bit": (lambda raw: raw.send(b"\xc1\x82" + MASK + b"hi"), 1002, None),
    "a continuation of nothing": (lambda raw: raw.send_frame(CONTINUATION, b"x"), 1002, None),
    "a new message inside a message": (
        lambda raw: (raw.send_frame(TEXT, b"a", fin=False), raw.send_frame(TEXT, b"b")),
        1002,
        None,
    ),
    "a fragmented ping": (lambda raw: raw.send_frame(PING, b"x", fin=False), 1002, None),
    "a ping over 125 bytes": (lambda raw: raw.send(frame_header(PING, 126) + MASK + b"x" * 126), 1002, None),
    "a close frame of one byte": (lambda raw: raw.send_frame(8, b"\x03"), 1002, None),
    "a close code that is reserved": (lambda raw: raw.send_close(1005), 1002, None),
}


def send_fragments(raw: RawClient, sizes: list[int]) -> None:
    """A text message in fragments of these sizes."""
    for number, size in enumerate(sizes):
        opcode = TEXT if number == 0 else CONTINUATION
        raw.send_while_open(frame_header(opcode, size, fin=number == len(sizes) - 1) + MASK + b"x" * size)


@pytest.mark.parametrize("rule", BAD_FRAMES)
async def test_a_client_that_breaks_a_rule_is_closed_with_its_code(api: Api, leaving: EventRecorder, rule: str) -> None:
    break_rule, code, reason = BAD_FRAMES[rule]
    async with raw_websocket(api) as client:
        connection_id = await raw_connection_id(client.raw)
        await client.do(break_rule)
        got_code, got_reason = await client.do(RawClient.receive_close)
        assert got_code == code
        assert reason is None or got_reason == reason
    status_code, disconnect_reason = await leaving.close_of(connection_id)
    assert status_code == code
    assert reason is None or disconnect_reason == reason


@pytest.mark.parametrize(
    "sizes",
    [[0], [1], [125], [126], [32_767], [32_768], [32_768] * 4, [1] * 1000, [0, 5, 0], [32_768, 0]],
    ids=lambda sizes: f"{len(sizes)} of {sizes[0]}",
)
async def test_a_message_up_to_the_limits_is_taken(api: Api, sizes: list[int]) -> None:
    # The trailing request shows that the connection is alive, also where an empty echo sends no frame.
    async with raw_websocket(api) as client:
        await client.do(lambda raw: send_fragments(raw, sizes))
        total = sum(sizes)
        if total:
            assert await client.do(receive_text) == "x" * total
        assert len(await raw_connection_id(client.raw)) == 16


def receive_text(raw: RawClient) -> str:
    """The next message, which may come in fragments."""
    text = b""
    while True:
        first, second = raw.receive(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(raw.receive(2 if size == 126 else 8), "big")
        text += raw.receive(size)
        if first & 0x80:
            return text.decode()


async def test_a_character_may_be_split_between_fragments(api: Api) -> None:
    async with raw_websocket(api) as client:
        first, second = "ж".encode()[:1], "ж".encode()[1:]
        await client.do(lambda raw: (raw.send_frame(TEXT, first, fin=False), raw.send_frame(CONTINUATION, second)))
        assert await client.do(receive_text) == "ж"


# pings


@pytest.mark.parametrize("payload", [b"", b"hello", b"x" * 125])
async def test_a_ping_is_answered_with_its_payload_and_reaches_no_route(
    api: Api, backend: ScriptedBackend, payload: bytes
) -> None:
    async with raw_websocket(api) as client:
        await raw_connection_id(client.raw)
        before = len(backend.requests)
        await client.do(lambda raw: raw.send_frame(PING, payload))
        assert await client.do(RawClient.receive_frame) == (PONG, payload)
        assert len(backend.requests) == before


async def test_an_unsolicited_pong_is_ignored(api: Api) -> None:
    async with raw_websocket(api) as client:
        await client.do(lambda raw: raw.send_frame(PONG, b"nobody asked"))
        assert len(await raw_connection_id(client.raw)) == 16


# the gateway closes


async def test_delete_closes_with_1000_and_the_connection_is_gone(api: Api, leaving: EventRecorder) -> None:
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        api.connections.delete_connection(ConnectionId=connection_id)
        with pytest.raises(api.connections.exceptions.GoneException):
            api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x")
        assert await close_of(client) == (1000, "Connection Closed Normally")
    assert await leaving.close_of(connection_id) == (1000, "Connection Closed Normally")


async def test_an_idle_connection_is_closed_with_1001(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    api = make_api(gateway, backend, limits={"idleTimeout": 0.3})
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        assert await close_of(client) == (1001, "Going away")
    assert await leaving.close_of(connection_id) == (1001, "Going away")


async def test_a_connection_is_closed_with_1001_at_its_age_limit_whatever_the_traffic(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    api = make_api(gateway, backend, limits={"connectionDuration": 0.5})
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        await repeat_until_closed(lambda: ask(client, "traffic"))
        assert await close_of(client) == (1001, "Going away")
    assert await leaving.close_of(connection_id) == (1001, "Going away")


@pytest.mark.parametrize("direction", ["from the client", "to the client", "a ping"])
async def test_traffic_restarts_the_idle_timer(gateway: Gateway, backend: ScriptedBackend, direction: str) -> None:
    api = make_api(gateway, backend, limits={"idleTimeout": 2.0})
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        for _ in range(5):
            await asyncio.sleep(0.5)  # the passing of time is what is tested: more than the idle time in all
            if direction == "from the client":
                await client.send('{"action":"unheard"}')
                await next_frame(client)
            elif direction == "to the client":
                api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x")
                await next_frame(client)
            else:
                await client.ping()
        assert await connection_id_of(client) == connection_id
        assert await close_of(client) == (1001, "Going away")


async def test_pings_do_not_restart_the_idle_timer_where_the_stage_says_so(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    api = make_api(gateway, backend, limits={"idleTimeout": 0.5, "pingResetsIdle": False})
    async with api.connect() as client:
        await repeat_until_closed(lambda: pinged(client))
        assert await close_of(client) == (1001, "Going away")


async def test_a_client_over_its_message_rate_is_closed_with_1008(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    api = make_api(gateway, backend, limits={"messagesPerSecond": 1})
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        for _ in range(10):
            await client.send("more")
        assert (await close_of(client))[0] == 1008
    assert (await leaving.close_of(connection_id))[0] == 1008


async def test_limits_change_under_open_connections(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    api = make_api(gateway, backend)
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        api.set_limits({"idleTimeout": 0.2})
        assert await close_of(client) == (1001, "Going away")
    assert await leaving.close_of(connection_id) == (1001, "Going away")


@pytest.mark.parametrize("what", ["stage", "api"])
async def test_deleting_a_stage_or_an_api_closes_its_connections_with_1001(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder, what: str
) -> None:
    api = make_api(gateway, backend)
    async with api.connect() as client:
        connection_id = await connection_id_of(client)
        if what == "stage":
            api.management.delete_stage(ApiId=api.api_id, StageName="test")
        else:
            api.management.delete_api(ApiId=api.api_id)
        assert await close_of(client) == (1001, "Going away")
    assert await leaving.close_of(connection_id) == (1001, "Going away")


# $disconnect


async def test_a_refused_handshake_has_no_disconnect(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    refused: list[str] = []

    def decide(event: dict[str, Any]) -> dict[str, Any]:
        if "queryStringParameters" in event:
            return {"statusCode": 200}
        refused.append(event["requestContext"]["connectionId"])
        return {"statusCode": 403}

    backend.on_function("close-decide", decide)
    api = gateway.api(
        integrations={
            "decide": lambda_proxy(backend.function_uri("close-decide")),
            "leave": lambda_proxy(backend.function_uri("close-leave")),
        },
        routes={"$connect": one_way("decide"), "$disconnect": one_way("leave"), "$default": one_way()},
    )
    with pytest.raises(InvalidStatus):
        await api.connect()
    async with api.connect("let=me") as client:
        await client.send("nobody answers, so the gateway does")
        connection_id = json.loads(await next_frame(client))["connectionId"]
    await leaving.close_of(connection_id)
    assert len(refused) == 1
    assert leaving.waiting(refused[0]) == 0


async def test_a_client_that_leaves_while_connect_runs_is_reported_once_connect_let_it_in(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    finish, asked = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    async def let_in(event: dict[str, Any]) -> dict[str, Any]:
        heard.append(event["requestContext"]["connectionId"])
        asked.set()
        await finish.wait()
        return {"statusCode": 200}

    backend.on_function("close-wait", let_in)
    api = gateway.api(
        integrations={
            "wait": lambda_proxy(backend.function_uri("close-wait")),
            "leave": lambda_proxy(backend.function_uri("close-leave")),
        },
        routes={"$connect": one_way("wait"), "$disconnect": one_way("leave")},
    )
    raw = await asyncio.to_thread(gateway.raw_client)
    raw.send(handshake(f"/ws/{api.api_id}/test"))
    async with asyncio.timeout(10):
        await asked.wait()
    raw.socket.close()
    finish.set()
    assert await leaving.close_of(heard[0]) == (1006, "")


async def test_an_answer_that_comes_after_the_client_left_is_dropped(
    gateway: Gateway, backend: ScriptedBackend, leaving: EventRecorder
) -> None:
    late = asyncio.Event()
    backend.on("/close/late", until=late, body="late")
    api = make_api(gateway, backend)
    api.add_integration("late", http_proxy(backend.url("/close/late")))
    api.add_route("late", two_way("late"))
    api.add_stage("late")
    async with api.connect(stage="late") as client:
        connection_id = await connection_id_of(client)
        await client.send('{"action":"late"}')
        await backend.received(1, "/close/late")
    assert (await leaving.close_of(connection_id))[0] == 1000
    late.set()
    async with api.connect(stage="late") as client:
        assert await ask(client, "alive") == "alive"


@pytest.mark.parametrize("failure", ["raises", "unreachable", "nonsense"])
async def test_a_disconnect_that_fails_harms_nobody(gateway: Gateway, backend: ScriptedBackend, failure: str) -> None:
    called = asyncio.Event()

    def fail(event: dict[str, Any]) -> Any:
        called.set()
        if failure == "raises":
            raise RuntimeError("as asked")
        return "nonsense"

    backend.on_function("close-fail", fail)
    uri = backend.function_uri("close-fail")
    api = gateway.api(
        integrations={"leave": http_proxy("http://127.0.0.1:1024") if failure == "unreachable" else lambda_proxy(uri)},
        routes={"$disconnect": one_way("leave")},
    )
    async with api.connect():
        pass
    if failure != "unreachable":
        async with asyncio.timeout(10):
            await called.wait()
    async with api.connect() as client:
        await client.close(4000, "again")
        assert client.close_code == 4000


async def test_disconnect_comes_after_messages_that_came_before_the_close(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    heard: list[str] = []
    ended = asyncio.Event()

    def hear(event: dict[str, Any]) -> dict[str, Any]:
        heard.append(event.get("body") or event["requestContext"]["eventType"])
        if heard[-1] == "DISCONNECT":
            ended.set()
        return {"statusCode": 200}

    backend.on_function("close-all", hear)
    api = gateway.api(
        integrations={"all": lambda_proxy(backend.function_uri("close-all"))},
        routes={"$connect": one_way("all"), "$default": one_way("all"), "$disconnect": one_way("all")},
        limits={"maxInFlight": 1},
    )
    async with api.connect() as client:
        await client.send("one")
        await client.send("two")
    async with asyncio.timeout(10):
        await ended.wait()
    assert heard == ["CONNECT", "one", "two", "DISCONNECT"]


# the gateway ends


async def test_a_gateway_that_stops_closes_with_1001_and_reports_it(
    backend: ScriptedBackend, tmp_path: Path, leaving: EventRecorder
) -> None:
    with Gateway(tmp_path / "data", NOPAL_LAMBDA_ENDPOINT=backend.endpoint) as gateway:
        api = make_api(gateway, backend)
        async with api.connect() as client:
            connection_id = await connection_id_of(client)
            ending = asyncio.ensure_future(asyncio.to_thread(gateway.end))
            assert await close_of(client) == (1001, "Going away")
            assert await ending == 0
        assert await leaving.close_of(connection_id) == (1001, "Going away")


async def test_the_disconnects_that_a_killed_gateway_owes_are_delivered_by_its_next_start(
    backend: ScriptedBackend, tmp_path: Path, leaving: EventRecorder
) -> None:
    with Gateway(tmp_path / "data", NOPAL_LAMBDA_ENDPOINT=backend.endpoint) as gateway:
        api = make_api(gateway, backend)
        async with api.connect() as client:
            connection_id = await connection_id_of(client)
            await asyncio.to_thread(gateway.end, signal.SIGKILL)
            assert (await close_of(client))[0] == 1006
        await asyncio.to_thread(gateway.start)
        assert await leaving.close_of(connection_id) == (1006, "")
        target = api.target(connection_id)
        assert gateway.signed("GET", target).status == 410
