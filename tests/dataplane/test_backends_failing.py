"""Backends that are down, slow, restarted or out of bounds: their own messages fail, and nothing else does."""

import asyncio
import itertools
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import trustme

from tests.dataplane.conftest import NewApi, NewBackend
from tests.support.apis import Client
from tests.support.backend import Received, ScriptedBackend
from tests.support.hostile import says
from tests.support.invariants import eventually

UNREACHABLE = {
    "refuses": "http://127.0.0.1:{closed}/",
    "has-no-address": "http://backend.invalid/",
    "has-a-certificate-that-nobody-trusts": "https://127.0.0.1:{untrusted}/",
}


@pytest.fixture
async def unreachable() -> AsyncIterator[dict[str, str]]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
        async with ScriptedBackend(tls) as untrusted:
            ports = {"closed": bound.getsockname()[1], "untrusted": untrusted.port}
            yield {name: uri.format(**ports) for name, uri in UNREACHABLE.items()}


async def fails(client: Client, text: str = "hello", message: str = "Internal server error") -> None:
    """The message is answered with an error frame, and the connection goes on."""
    answer = json.loads(await client.ask(text))
    assert answer == {"message": message, "connectionId": client.connection_id, "requestId": answer["requestId"]}


def action(name: str, **members: str) -> str:
    return json.dumps({"action": name, **members})


async def test_an_unreachable_backend_costs_an_error_frame_and_no_connection(
    new_api: NewApi, unreachable: dict[str, str]
) -> None:
    api = await new_api(routes={name: {"integration_uri": uri} for name, uri in unreachable.items()})
    client = await api.connect()
    for name in unreachable:
        for _ in range(10):
            began = time.monotonic()
            await fails(client, action(name))
            assert time.monotonic() - began < 5
        assert await client.ask("still here") == "still here"


@pytest.mark.parametrize("name", UNREACHABLE)
async def test_an_unreachable_connect_backend_refuses_the_handshake_with_504(
    new_api: NewApi, unreachable: dict[str, str], name: str
) -> None:
    api = await new_api(connect={"integration_uri": unreachable[name]})
    answer = await api.handshake(timeout=20)
    assert answer.status == 504
    document = json.loads(answer.body)
    assert document["message"] == "Internal server error"
    assert document.keys() == {"message", "connectionId", "requestId"}
    assert api.node.rows(api.api_id) == []


async def test_a_connect_backend_that_does_not_answer_in_time_refuses_the_handshake_with_504(new_api: NewApi) -> None:
    api = await new_api(timeout_in_millis=300)
    never = asyncio.Event()
    api.on("/connect", until=never)
    answer = await api.handshake()
    assert answer.status == 504
    assert json.loads(answer.body)["message"] == "Endpoint request timed out"
    never.set()


async def test_a_backend_that_is_slow_to_take_a_disconnect_event_gets_it(
    new_api: NewApi, new_backend: NewBackend
) -> None:
    api = await new_api(backend=await new_backend())
    api.on("/disconnect", api.end, delay=0.2)
    client = await api.connect()
    await client.socket.close()


async def test_a_hanging_backend_is_cut_at_its_timeout_and_other_apis_do_not_feel_it(
    new_api: NewApi, new_backend: NewBackend
) -> None:
    patient = {"timeout_in_millis": 29_000}
    hanging = await new_api(timeout_in_millis=1000, connect=patient, disconnect=patient)
    other = await new_api(backend=await new_backend())
    node = hanging.node
    never = asyncio.Event()
    hanging.on("/echo", until=never)
    clients, witness = await hanging.connect_many(30), await other.connect()
    memory, threads = node.memory, node.statistics.num_threads()

    async def suffer(client: Client) -> None:
        began = time.monotonic()
        for number in range(16):
            await client.socket.send(str(number))
        answers = [json.loads(await client.socket.recv()) for _ in range(16)]
        assert time.monotonic() - began >= 1
        assert {answer["message"] for answer in answers} == {"Endpoint request timed out"}
        assert len({answer["requestId"] for answer in answers}) == 16

    for _ in range(2):
        suffering = [asyncio.create_task(suffer(client)) for client in clients]
        slowest = 0.0
        while not all(task.done() for task in suffering):
            began = time.monotonic()
            assert await witness.ask("hello") == "hello"
            slowest = max(slowest, time.monotonic() - began)
        await asyncio.gather(*suffering)
        assert slowest < 1
    assert node.memory - memory < 20 * 2**20
    assert node.statistics.num_threads() <= threads + 1
    never.set()
    for client in [*clients, witness]:
        await client.socket.close()
    await eventually(lambda: hanging.backend.open_connections <= 200, "no more connections than the pool may keep")


async def test_a_backend_restarted_under_load_gets_no_message_twice(new_api: NewApi) -> None:
    api = await new_api()
    seen: Counter[str] = Counter()

    async def take(request: Received) -> bytes:
        seen[request.body.decode()] += 1
        await asyncio.sleep(0.002)
        return request.body

    api.on("/echo", take)
    clients = await api.connect_many(10)
    failed, restarts = 0, 10
    restarted = asyncio.Event()

    async def talk(number: int, client: Client) -> None:
        nonlocal failed
        for turn in itertools.count():
            if restarted.is_set():
                return
            text = f"{number}/{turn}"
            failed += await client.ask(text) != text

    talking = asyncio.gather(*(talk(number, client) for number, client in enumerate(clients)))
    for restart in range(1, restarts + 1):
        await api.received(100 * restart, "/echo")
        await api.backend.drop_connections()
    restarted.set()
    await talking
    assert max(seen.values()) == 1
    assert failed <= restarts * 10, "only what was under way at a restart may fail"


async def test_a_backend_that_restarts_with_care_costs_only_messages_that_cross_the_end_of_their_connection(
    new_api: NewApi,
) -> None:
    """200 messages a second. What was sent into a connection whose end was not known yet must not be sent again."""
    api = await new_api()
    clients = await api.connect_many(10)
    failed: list[str] = []
    restarted = asyncio.Event()

    async def talk(number: int, client: Client) -> None:
        for turn in itertools.count():
            if restarted.is_set():
                return
            text = f"{number}/{turn}"
            if await client.ask(text) != text:
                failed.append(text)
            await asyncio.sleep(0.05)

    talking = asyncio.gather(*(talk(number, client) for number, client in enumerate(clients)))
    for restart in range(1, 26):
        await api.received(20 * restart, "/echo")
        await api.backend.restart()
    restarted.set()
    await talking
    seen = Counter(request.body.decode() for request in api.requests("/echo"))
    assert max(seen.values()) == 1
    assert not seen.keys() & set(failed)
    assert len(failed) == api.backend.cut


async def test_a_kept_alive_connection_that_the_backend_closed_while_it_was_idle_costs_no_message(
    new_api: NewApi,
) -> None:
    api = await new_api()
    client = await api.connect()
    for turn in range(100):
        assert await client.ask(str(turn)) == str(turn)
        await api.backend.drop_connections()


HOSTILE = {
    "no HTTP at all": b"220 mail.example ESMTP\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "nothing": b"",
    "10,000 headers": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 10_000 + b"\r\n",
    "an answer larger than a message": b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
    "an endless answer": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 8_000_000,
}


async def test_a_hostile_answer_becomes_an_error_frame(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    for answer in HOSTILE.values():
        api.on_raw("/echo", says(answer))
        await fails(client)
        api.on("/echo", body=b"well again")
        assert await client.ask("?") == "well again"


async def test_a_redirect_is_an_answer_and_never_followed(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    api.on("/secret", body=b"secret")
    for status in (301, 302, 303, 307, 308):
        for location in (api.uri("/secret"), "http://169.254.169.254/latest/meta-data/"):
            api.on("/echo", status=status, body=b"elsewhere", headers=(("Location", location),))
            assert await client.ask("hello") == "elsewhere"
    assert api.requests("/secret") == []


FORBIDDEN = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
]


async def test_an_integration_for_a_forbidden_address_is_never_called(
    new_api: NewApi, backend: ScriptedBackend
) -> None:
    routes = {str(number): {"integration_uri": uri.format(port=backend.port)} for number, uri in enumerate(FORBIDDEN)}
    api = await new_api(routes=routes)
    client = await api.connect()
    calls = len(backend.requests)
    for number in routes:
        began = time.monotonic()
        await fails(client, action(number))
        assert time.monotonic() - began < 3, "refused without a try"
    assert len(backend.requests) == calls


async def test_a_stage_variable_cannot_turn_the_host_that_is_written_around_it_into_another(
    new_api: NewApi, backend: ScriptedBackend
) -> None:
    local = f"127.0.0.1:{backend.port}"
    values = [
        f"{local}/",
        f"{local}?",
        f"{local}#",
        "169.254.169.254/",
        "..",
        f"x:1/{local}",
        f"//{local}/",
        "a?b",
        "a#",
    ]
    variables = {f"v{number}": value for number, value in enumerate(values)}
    routes = {name: {"integration_uri": f"http://${{stageVariables.{name}}}.internal.invalid/x"} for name in variables}
    api = await new_api(routes=routes, stage_variables=variables)
    client = await api.connect()
    calls = len(backend.requests)
    for name in routes:
        await fails(client, action(name))
    assert len(backend.requests) == calls


INJECTIONS = [
    "a\r\nX-Injected: 1",
    "a\nX-Injected: 1",
    "a\rX-Injected: 1",
    "a\r\n\r\nGET /injected HTTP/1.1\r\n\r\n",
    "a\x00b",
    "a\x0bX-Injected: 1",
    "a\x0cX-Injected: 1",
    "a\x1cX-Injected: 1",
    "a\x85X-Injected: 1",
    "a\u2028X-Injected: 1",
    "\u560d\u560aX-Injected: 1",
    "a\u010d\u010aX-Injected: 1",
]
VALUE = "route.request.body.value"


async def test_no_value_of_a_message_splits_a_backend_request(new_api: NewApi, backend: ScriptedBackend) -> None:
    routes = {
        "header": {"request_parameters": {"integration.request.header.X-Mapped": VALUE}},
        "several": {"request_parameters": {"integration.request.header.X-Mapped": "route.request.body.values[*]"}},
        "whole": {"request_parameters": {"integration.request.header.X-Mapped": "route.request.body"}},
        "query": {"request_parameters": {"integration.request.querystring.mapped": VALUE}},
        "path": {
            "request_parameters": {"integration.request.path.value": VALUE},
            "integration_uri": backend.url("/items/{value}/end"),
        },
    }
    api = await new_api(routes=routes)
    client = await api.connect()
    before = len(backend.requests)
    answers = 0
    for route in routes:
        for value in [*INJECTIONS, "..", "../..", "a/b", "a?b", "a#b", "%2e%2e", "\\", "//evil.example/"]:
            for ascii_only in (True, False):
                document = {"action": route, "value": value, "values": [value, value]}
                await client.ask(json.dumps(document, ensure_ascii=ascii_only))
                answers += 1
    requests = backend.requests[before:]
    assert 0 < len(requests) <= answers
    whole_requests(requests)
    for request in requests:
        if "/items/" in request.target:
            assert request.target.startswith("/items/")
            assert request.target.endswith("/end")
            assert request.target.count("/") == 3
            assert "?" not in request.target


async def test_no_value_of_a_handshake_splits_a_backend_request(new_api: NewApi) -> None:
    parameters = {
        "integration.request.header.X-Query": "route.request.querystring.value",
        "integration.request.header.X-Agent": "context.identity.userAgent",
        "integration.request.header.X-Client": "route.request.header.X-Value",
        "integration.request.header.connectionId": "context.connectionId",
    }
    api = await new_api(connect={"request_parameters": parameters})
    values = ("%0d%0aX-Injected:%201", "%0aX-Injected:%201", "%00", "%0b", "%c4%8d%c4%8a", "%e5%98%8d", "+%0d%0a+", "%")

    def shake(value: str, field: str) -> int:
        with api.node.client() as raw:
            return raw.upgrade(f"{api.path}?value={value}", (("X-Value", field), ("User-Agent", field))).status

    for value in values:
        for field in (value, "caf\xe9", "a\x85b"):
            status = await asyncio.to_thread(shake, value, field)
            assert status in (101, 400)
    requests = api.requests("/connect")
    assert 0 < len(requests) <= 3 * len(values)
    whole_requests(requests)


def whole_requests(requests: list[Received]) -> None:
    """Each came as one request whose lines hold no control bytes and whose names are those that were configured."""
    for request in requests:
        assert request.method == "POST"
        for text in (request.target, *itertools.chain(*request.headers)):
            assert not set(text) & set("\r\n\x00")
        assert "x-injected" not in {name.lower() for name, _ in request.headers}
