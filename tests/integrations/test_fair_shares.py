"""What one route's slow calls leave to others: who is sent to the backend, who waits, who is refused, in what order."""

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gatewayapp.core.errors import BackendUnreachable, ConcurrencyLimitReached, IntegrationTimeout
from gatewayapp.core.messages import Caller, IntegrationResponse, LambdaRequest
from gatewayapp.integrations import Integrations, dialing
from gatewayapp.integrations.connection import Call
from gatewayapp.integrations.fair_shares import FairShares, QueuedCall, ShareLimits
from gatewayapp.integrations.outbound import OutboundClient
from tests.integrations.conftest import LOCAL, a_request
from tests.support.backend import Received, ScriptedBackend

HANGS = Caller("api1", "prod", "hangs")
OTHER = Caller("api1", "prod", "other")
CONNECT = Caller("api1", "prod", "$connect")
OTHER_STAGE = Caller("api1", "dev", "hangs")
OTHER_API = Caller("api2", "prod", "hangs")

StartClient = Callable[..., OutboundClient]


@pytest.fixture
async def start_client() -> AsyncIterator[StartClient]:
    clients: list[OutboundClient] = []

    def start(total: int, **limits: Any) -> OutboundClient:
        clients.append(OutboundClient(replace(LOCAL, shares=ShareLimits(total, **limits))))
        return clients[-1]

    yield start
    for client in clients:
        await client.close()


class Calls:
    """Calls of one client under way, each with a body of its own."""

    def __init__(self, client: OutboundClient, backend: ScriptedBackend) -> None:
        self._client, self._url = client, backend.url("/hangs")
        self._tasks: list[asyncio.Task[IntegrationResponse]] = []

    async def __aenter__(self) -> "Calls":
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, caller: Caller, *bodies: str, connection_id: str = "") -> list[asyncio.Task[IntegrationResponse]]:
        """Begin a call for each body, in this order."""
        requests = [a_request(self._url, body.encode()) for body in bodies]
        tasks = [asyncio.create_task(self._client.send(request, caller, connection_id)) for request in requests]
        self._tasks += tasks
        return tasks


def numbered(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def bodies(requests: Sequence[Received]) -> list[str]:
    return [request.body.decode() for request in requests]


async def test_a_hanging_route_leaves_connections_to_all_others(
    backend: ScriptedBackend, start_client: StartClient
) -> None:
    client = start_client(10)
    backend.on("/hangs", until=asyncio.Event())
    async with Calls(client, backend) as calls:
        calls.start(HANGS, *numbered("", 50))
        await backend.received(8, "/hangs")
        for caller in (OTHER, CONNECT, OTHER_STAGE, OTHER_API):
            for _ in range(20):
                assert (await client.send(a_request(backend.url("/fine")), caller)).body == b"fine"
        assert set(bodies(await backend.received(8, "/hangs"))) == set(numbered("", 8))
        [first, _] = client.backends()
        hanging = first.routes[0]
        assert (hanging.caller, hanging.active, hanging.limit, hanging.waiting) == (HANGS, 8, 8, 42)


async def test_many_hanging_routes_leave_each_other_one_a_connection(
    backend: ScriptedBackend, start_client: StartClient
) -> None:
    client = start_client(20, reserved=1)
    backend.on("/hangs", until=asyncio.Event())
    async with Calls(client, backend) as calls:
        for number in range(40):
            calls.start(Caller("api1", "prod", f"hangs{number}"), *numbered("", 20))
            await asyncio.sleep(0)
            assert (await client.send(a_request(backend.url("/fine")), OTHER)).body == b"fine"


async def test_waiting_routes_are_served_in_turn(backend: ScriptedBackend, start_client: StartClient) -> None:
    client = start_client(1, reserved=0)
    release = asyncio.Event()
    backend.on("/hangs", until=release)
    async with Calls(client, backend) as calls:
        calls.start(HANGS, *numbered("h", 4))
        await backend.received(1)
        calls.start(OTHER, *numbered("o", 3))
        last = calls.start(CONNECT, *numbered("c", 1))
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*last)
        requests = await backend.received(8)
        assert bodies(requests) == ["h0", "h1", "o0", "c0", "h2", "o1", "h3", "o2"]


async def test_a_clients_calls_keep_their_order_across_routes(
    backend: ScriptedBackend, start_client: StartClient
) -> None:
    """One at a time, and other routes' queues are shorter: without the order they would go first."""
    client = start_client(1, reserved=0)
    release = asyncio.Event()
    backend.on("/hangs", until=release)
    async with Calls(client, backend) as calls:
        calls.start(HANGS, "first")
        await backend.received(1)
        for number in range(3):
            for caller in (HANGS, HANGS, OTHER, CONNECT):
                calls.start(caller, f"ann {number} {caller.route_key}", connection_id="ann")
            calls.start(OTHER, f"bob {number}", connection_id="bob")
        await asyncio.sleep(0)
        release.set()
        order = bodies(await backend.received(16))
    routes = ("hangs", "hangs", "other", "$connect")
    assert [body for body in order if body.startswith("ann")] == [
        f"ann {number} {route}" for number in range(3) for route in routes
    ]
    assert [body for body in order if body.startswith("bob")] == ["bob 0", "bob 1", "bob 2"]
    assert order.index("bob 1") < order.index("ann 1 hangs"), "one client's calls do not hold up another's"


async def test_a_cancelled_call_lets_its_clients_next_one_go(
    backend: ScriptedBackend, start_client: StartClient
) -> None:
    client = start_client(5)
    backend.on("/hangs", until=asyncio.Event())
    async with Calls(client, backend) as calls:
        calls.start(HANGS, *numbered("", 4))
        await backend.received(4)
        [waits, behind] = calls.start(HANGS, "waits", "behind", connection_id="ann")
        fine = asyncio.create_task(client.send(a_request(backend.url("/fine")), OTHER, "ann"))
        await asyncio.sleep(0)
        behind.cancel()
        waits.cancel()
        assert (await fine).body == b"fine"
        assert len(await backend.received(4, "/hangs")) == 4
        assert [route.waiting for route in client.backends()[0].routes] == [0, 0]


async def test_a_full_queue_refuses_at_once_and_says_why(
    backend: ScriptedBackend, start_client: StartClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = start_client(5, queue_length=3)
    backend.on("/hangs", until=asyncio.Event())
    with caplog.at_level(logging.WARNING):
        async with Calls(client, backend) as calls:
            calls.start(HANGS, *numbered("", 7))
            await backend.received(4)
            for _ in range(3):
                with pytest.raises(ConcurrencyLimitReached) as refused:
                    await client.send(a_request(backend.url("/hangs")), HANGS)
            assert (await client.send(a_request(backend.url("/fine")), OTHER)).body == b"fine"
            [use] = client.backends()
    assert (use.api_id, use.url, use.active, use.limit, use.waiting, use.refused) == (
        "api1",
        backend.endpoint,
        4,
        5,
        3,
        3,
    )
    assert refused.value.detail == (
        "The concurrency limit of the integration is reached: 4 calls of route hangs (API api1, stage prod) to "
        f"{backend.endpoint} are under way, and 3 more wait (NOPAL_OUTBOUND_QUEUE_LENGTH). "
        "Find out why the backend is slow, or raise NOPAL_OUTBOUND_CONNECTIONS (5)."
    )
    [record] = caplog.records
    assert record.getMessage() == f"{refused.value.detail} Refused calls so far: 1."
    assert len(backend.requests) == 5


async def test_a_call_that_waits_too_long_is_refused(backend: ScriptedBackend, start_client: StartClient) -> None:
    client = start_client(5, queue_timeout=0.1)
    release = asyncio.Event()
    backend.on("/hangs", lambda request: request.body, until=release)
    async with Calls(client, backend) as calls:
        running = calls.start(HANGS, *numbered("", 4))
        await backend.received(4)
        waiting = calls.start(HANGS, "late", "later")
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ConcurrencyLimitReached] * 2
        assert "this one has waited for 0.1 s (NOPAL_OUTBOUND_QUEUE_TIMEOUT)" in str(results[0])
        release.set()
        assert [answer.body for answer in await asyncio.gather(*running)] == [b"0", b"1", b"2", b"3"]
        assert (await asyncio.gather(*calls.start(HANGS, "next")))[0].body == b"next"
        assert sorted(bodies(backend.requests)) == ["0", "1", "2", "3", "next"]
        assert client.backends()[0].refused == 2


async def test_an_integrations_own_timeout_also_bounds_the_wait(
    backend: ScriptedBackend, start_client: StartClient
) -> None:
    client = start_client(1, reserved=0)
    backend.on("/hangs", until=asyncio.Event())
    async with Calls(client, backend) as calls:
        calls.start(HANGS, "first")
        await backend.received(1)
        with pytest.raises(IntegrationTimeout):
            await client.send(a_request(backend.url("/fine"), timeout=0.1), OTHER)
    assert len(backend.requests) == 1


async def test_calls_that_wait_fail_when_the_gateway_stops(backend: ScriptedBackend, start_client: StartClient) -> None:
    client = start_client(1, reserved=0)
    backend.on("/hangs", until=asyncio.Event())
    async with Calls(client, backend) as calls:
        [first, *waiting] = calls.start(HANGS, "1", "2", "3", connection_id="ann")
        await backend.received(1)
        await client.close()
        results = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(result) for result in results] == [BackendUnreachable] * 3
    assert len(backend.requests) == 1


async def test_functions_share_their_endpoint_fairly_too(
    backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    never = asyncio.Event()
    backend.on_function("hangs", lambda event: never.wait())
    backend.on_function("fine", lambda event: "fine")
    integrations = Integrations(replace(LOCAL, shares=ShareLimits(5)), backend.endpoint)
    hanging, fine = (LambdaRequest("eu-west-1", name, None, b"{}", 5.0) for name in ("hangs", "fine"))
    tasks = [asyncio.ensure_future(integrations.invoke(hanging, HANGS)) for _ in range(30)]
    await backend.received(4)
    for caller in (OTHER, CONNECT, OTHER_API):
        assert (await integrations.invoke(fine, caller)).body == b'"fine"'
    assert [(use.api_id, use.active) for use in integrations.backends()] == [("api1", 4), ("api2", 0)]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await integrations.close()


async def test_dead_names_keep_no_thread_from_other_names(
    backend: ScriptedBackend, start_client: StartClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More calls than there are threads wait for one name; a look-up cannot be interrupted."""
    release = threading.Event()
    looked_up: list[str] = []

    def look_up(host: str) -> list[str]:
        looked_up.append(host)
        if host == "dead.example":
            release.wait()
        return ["127.0.0.1"]

    monkeypatch.setattr(dialing, "_get_addresses", look_up)
    client = start_client(200)
    dead = a_request(f"http://dead.example:{backend.port}/fine", timeout=0.2)
    calls = [client.send(dead, HANGS) for _ in range(100)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {IntegrationTimeout}
    fine = a_request(f"http://alive.example:{backend.port}/fine")
    assert (await client.send(fine, OTHER)).body == b"fine"
    assert looked_up == ["dead.example", "alive.example"]
    release.set()


@pytest.mark.parametrize("seed", range(20))
async def test_shares_hold_their_promises_in_any_order_of_events(seed: int) -> None:
    chance = random.Random(seed)
    total, part = chance.randint(1, 12), chance.choice((0.3, 0.5, 0.8, 1.0))
    limits = ShareLimits(total, part, chance.randint(0, 2), chance.randint(0, 50))
    shares = FairShares(limits)
    callers = [Caller("api1", "prod", str(number)) for number in range(chance.randint(1, 6))]
    clients = ["", *map(str, range(5))]
    entered: list[QueuedCall] = []
    begun: list[QueuedCall] = []
    loop = asyncio.get_running_loop()
    for _ in range(600):
        if chance.random() < 0.55:
            share = shares.share_of(chance.choice(callers))
            call = QueuedCall(b"", False, loop.create_future(), share, chance.choice(clients))
            if shares.begin(call):
                entered.append(call)
                begun.append(call)
            elif not shares.is_full(share):
                entered.append(call)
                shares.wait(call)
        elif under_way := [call for call in entered if not call.answer.done()]:
            call = chance.choice(under_way)
            call.answer.cancel()
            begun += shares.leave(call)
        check(shares, limits, entered, begun)
    for call in entered:
        if not call.answer.done():
            call.answer.cancel()
            shares.leave(call)
    assert not any(share.active or share.waiting or share.queue for share in shares)
    assert shares.waiting_calls() == []


def check(shares: FairShares, limits: ShareLimits, entered: list[QueuedCall], begun: list[Call]) -> None:
    under_way = [call for call in entered if not call.answer.done()]
    active = [call for call in under_way if call.is_active]
    assert sum(max(0, share.active - limits.reserved) for share in shares) <= limits.total
    for share in shares:
        assert share.active == sum(call.share is share for call in active)
        assert share.waiting == sum(call.share is share for call in under_way if not call.is_active)
        if share.queue:
            assert share.active >= limits.reserved
            assert len(active) >= limits.total or share.active >= shares.limit_of(share), "a call waits without need"
    for client in {call.client for call in entered} - {""}:
        of_client = [call for call in entered if call.client == client]
        order = [of_client.index(call) for call in begun if call in of_client]
        assert order == sorted(order), "a client's calls began in another order"
