"""`$disconnect` while its backend is away: repeated until it arrives, the same event each time, and never forgotten."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.dataplane.conftest import NewApi, NewBackend, StartNode
from tests.support.apis import Api
from tests.support.backend import Answer, Wire
from tests.support.invariants import eventually
from tests.support.node import Node

SOON = {"NOPAL_DISCONNECT_RETRY_DELAY": "0.05"}
NOT_SOON = {"NOPAL_DISCONNECT_RETRY_DELAY": "600"}
EVENT_HEADERS = ("connectionId", "requestId", "statusCode", "reason", "time", "requestTime")
ALL_OF_THE_EVENT = {
    "request_parameters": {
        "integration.request.header.connectionId": "context.connectionId",
        "integration.request.header.requestId": "context.requestId",
        "integration.request.header.statusCode": "context.disconnectStatusCode",
        "integration.request.header.reason": "context.disconnectReason",
        "integration.request.header.time": "context.requestTimeEpoch",
        "integration.request.header.requestTime": "context.requestTime",
    }
}


async def reset(wire: Wire) -> bool:
    wire.reset()
    return False


async def say_nothing(wire: Wire) -> bool:
    return False


async def break_off(wire: Wire) -> bool:
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    return False


async def hang(wire: Wire) -> bool:
    await wire.closed_by_peer()
    return False


def events(api: Api) -> list[tuple[str | None, ...]]:
    """What each attempt so far said."""
    return [tuple(request.header(name) for name in EVENT_HEADERS) for request in api.requests("/disconnect")]


async def sums(api: Api) -> Any:
    """The sums of the stage's metrics."""
    return (await asyncio.to_thread(api.node.get, f"metrics?apiId={api.api_id}"))["sums"]


async def counted(api: Api, condition: Callable[[Any], bool]) -> Any:
    """The same, once they meet a condition."""
    async with asyncio.timeout(20):
        while not condition(now := await sums(api)):
            await asyncio.sleep(0.05)
    return now


async def listed(node: Node, api: Api) -> int:
    page = await asyncio.to_thread(node.get, f"connections?apiId={api.api_id}")
    return len(page["items"])


async def test_every_client_that_leaves_while_the_backend_is_away_is_reported(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(**SOON)
    api = await new_api(node=node, disconnect=ALL_OF_THE_EVENT)
    clients = await api.connect_many(20)
    stayer = await api.connect()
    assert await listed(node, api) == 21
    async with api.backend.away():
        for client in clients:
            await client.socket.close(4000, "bye")
        await counted(api, lambda sums: sums["disconnectRetries"] >= 3)
        await eventually(lambda: node.count_closed(api.api_id) == 20, "rows that are closed")
        assert await listed(node, api) == 1
        async with api.callbacks() as callbacks:
            statuses = {(await callbacks.post(client.connection_id, "?")).status for client in clients}
        assert statuses == {410}
        assert len(node.rows(api.api_id)) == 21
    await api.disconnected(20)
    assert api.ledger.disconnected() == {client.connection_id for client in clients}
    assert {(event.header("statusCode"), event.header("reason")) for event in api.ledger.disconnects} == {
        ("4000", "bye")
    }
    assert await stayer.ask("still here") == "still here"
    await api.balance(open_now=1)
    assert (await sums(api))["disconnectFailures"] == 0


@pytest.mark.parametrize("fail", [reset, say_nothing, break_off, hang], ids=lambda fail: fail.__name__)
async def test_a_repeat_is_the_same_event_under_the_same_request_id(
    start_node: StartNode, new_api: NewApi, fail: Callable[[Wire], Any]
) -> None:
    node = await start_node(**SOON)
    api = await new_api(node=node, disconnect={**ALL_OF_THE_EVENT, "timeout_in_millis": 300})
    api.on_raw("/disconnect", fail)
    await asyncio.to_thread(node.get, "traces")
    client = await api.connect()
    await client.socket.close(4321, "off")
    await api.received(3, "/disconnect")
    api.on("/disconnect", api.end)
    [event] = await api.disconnected(1)
    await eventually(lambda: node.rows(api.api_id) == [], "the row")
    assert len(set(events(api))) == 1
    assert (event.header("statusCode"), event.header("reason")) == ("4321", "off")
    traces = (await asyncio.to_thread(node.get, f"traces?apiId={api.api_id}&kind=disconnect"))["items"]
    assert len(traces) == len(events(api)), "one trace record for each attempt"
    assert traces[0]["status"] == "200"
    assert traces[-1]["traceId"] == event.header("requestId")


@pytest.mark.parametrize("status", [200, 302, 404, 429, 500, 503])
async def test_any_status_of_an_http_backend_is_a_delivery(start_node: StartNode, new_api: NewApi, status: int) -> None:
    api = await new_api()
    api.on("/disconnect", lambda request: (api.end(request), Answer(status, b"{}"))[1])
    client = await api.connect()
    await client.socket.close()
    await eventually(lambda: api.node.rows(api.api_id) == [], "the row")
    assert len(api.requests("/disconnect")) == 1


async def test_a_response_that_is_not_http_is_a_delivery(new_api: NewApi) -> None:
    api = await new_api()

    async def talk_nonsense(wire: Wire) -> bool:
        await wire.send(b"220 mail.example.org ESMTP\r\n\r\n")
        return False

    api.on_raw("/disconnect", talk_nonsense)
    client = await api.connect()
    await client.socket.close()
    await eventually(lambda: api.node.rows(api.api_id) == [], "the row")
    [request] = api.requests("/disconnect")
    api.ledger.disconnects.append(request)


async def test_a_function_error_is_a_delivery_and_a_throttled_function_is_not(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    backend = await new_backend()
    node = await start_node(NOPAL_LAMBDA_ENDPOINT=backend.endpoint, **SOON)
    members = {
        "integration_type": "AWS_PROXY",
        "integration_uri": backend.function_uri("leaving"),
        "request_parameters": {},
    }
    api = await new_api(node=node, backend=backend, disconnect=members)
    seen: list[Any] = []

    def leaving(event: Any) -> Any:
        seen.append(event["requestContext"])
        if len(seen) < 3:
            return Answer(429, {"Message": "Rate exceeded"})
        raise RuntimeError("the function fails")

    backend.on_function("leaving", leaving)
    client = await api.connect()
    await client.socket.close()
    await eventually(lambda: node.rows(api.api_id) == [], "the row")
    assert len(seen) == 3
    assert len({str(context) for context in seen}) == 1
    api.ledger.opened.clear()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
async def test_what_a_run_could_not_deliver_the_next_one_reports_as_the_same_event(
    start_node: StartNode, new_api: NewApi, end: signal.Signals
) -> None:
    """A drain does not wait for repeats either: the repeat is due in ten minutes, and the drain may take as long."""
    node = await start_node(NOPAL_DRAIN_TIMEOUT="600", **NOT_SOON)
    api = await new_api(node=node, disconnect=ALL_OF_THE_EVENT)
    api.on_raw("/disconnect", reset)
    left, stayed = await api.connect(), await api.connect()
    await left.socket.close(4000, "done\0now")
    await api.received(1, "/disconnect")
    await eventually(lambda: node.count_closed(api.api_id) == 1, "the row of the one that left")
    node.signal(end)
    await stayed.closed()
    if end is signal.SIGTERM:
        await api.received(2, "/disconnect")
    code = await asyncio.to_thread(node.wait)
    assert code == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    assert set(node.rows(api.api_id)) == {left.connection_id, stayed.connection_id}
    attempts = events(api)
    api.on("/disconnect", api.end)
    await asyncio.to_thread(node.start)
    assert await listed(node, api) == 0
    await api.disconnected(2)
    await eventually(lambda: node.rows(api.api_id) == [], "rows")
    repeated = {event[0]: event for event in events(api)[len(attempts) :]}
    assert len(repeated) == 2
    assert all(repeated[event[0]] == event for event in attempts)
    assert repeated[left.connection_id][2:4] == ("4000", "done now")
    expected = "1001" if end is signal.SIGTERM else "1006"
    assert repeated[stayed.connection_id][2] == expected
    assert not node.complaints()


async def test_an_abandoned_connection_is_out_of_the_lists_while_its_end_cannot_be_reported(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(**SOON)
    api = await new_api(node=node)
    clients = await api.connect_many(5)
    await asyncio.to_thread(node.kill)
    async with api.backend.away():
        await asyncio.to_thread(node.start)
        assert await listed(node, api) == 0
        assert len(node.rows(api.api_id)) == 5
        await counted(api, lambda sums: sums["disconnectRetries"] >= 5)
    await api.disconnected(5)
    assert api.ledger.codes() == {"1006": 5}
    assert api.ledger.disconnected() == {client.connection_id for client in clients}
    await api.balance()


async def test_a_disconnect_that_is_given_up_is_logged_and_counted(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node(NOPAL_DISCONNECT_RETRY_TIMEOUT="0.5", **SOON)
    api = await new_api(node=node)
    clients = await api.connect_many(30)
    async with api.backend.away():
        for client in clients:
            await client.socket.close()
        await eventually(lambda: node.rows(api.api_id) == [], "rows of what is given up")
        await counted(api, lambda sums: sums["disconnectFailures"] == 30)
    log = "".join(line for line in node.lines if "gave up delivering the $disconnect" in line)
    assert all(client.connection_id in log for client in clients)
    assert "Connect call failed" in log or "refused" in log.lower()
    assert api.requests("/disconnect") == []
    api.ledger.opened.clear()


async def test_a_disconnect_that_cannot_be_sent_at_all_is_given_up_at_once(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_OUTBOUND_ALLOW="127.0.0.1/32")
    api = await new_api(node=node, disconnect={"integration_uri": "http://10.0.0.1/"})
    client = await api.connect()
    await client.socket.close()
    await eventually(lambda: node.rows(api.api_id) == [], "the row")
    await counted(api, lambda sums: sums["disconnectFailures"] == 1 and sums["disconnectRetries"] == 0)
    api.ledger.opened.clear()


async def test_many_that_leave_at_once_do_not_overrun_a_backend_that_is_away(
    start_node: StartNode, new_api: NewApi
) -> None:
    """At most 200 events are under way when it fails; from then on one at a time is tried."""
    node = await start_node(**SOON)
    api = await new_api(node=node)
    api.on_raw("/disconnect", reset)
    clients = await api.connect_many(1000)
    await asyncio.gather(*(client.socket.close() for client in clients))
    await eventually(lambda: node.count_closed(api.api_id) == 1000, "rows that are closed")
    await counted(api, lambda sums: sums["disconnectCount"] == 1000)
    assert len(api.requests("/disconnect")) < 300
    under_way = most = 0

    async def count(request: Any) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return api.end(request)

    api.on("/disconnect", count)
    await api.disconnected(1000, patience=60)
    assert most <= 200
    await api.balance()


async def test_events_beyond_what_memory_may_hold_are_read_from_the_database(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_MAX_WAITING_DISCONNECTS="40", **SOON)
    api = await new_api(node=node)
    clients = await api.connect_many(300)
    async with api.backend.away():
        await asyncio.gather(*(client.socket.close() for client in clients))
        await eventually(lambda: node.count_closed(api.api_id) == 300, "rows that are closed")
    await api.disconnected(300, patience=60)
    await api.balance()


async def test_a_stage_that_is_deleted_meanwhile_does_not_keep_the_event_back(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(**SOON)
    api = await new_api(node=node)
    clients = await api.connect_many(2)
    async with api.backend.away():
        await clients[0].socket.close()
        await counted(api, lambda sums: sums["disconnectRetries"] >= 1)
        await api.delete_stage()
        assert await clients[1].closed() == (1001, "Going away")
    await api.disconnected(2)
    await api.balance()


async def test_the_end_of_a_connection_whose_stage_is_gone_at_the_next_start_is_logged(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    client = await api.connect()
    await asyncio.to_thread(node.kill)
    await api.delete_stage()
    await asyncio.to_thread(node.start)
    await eventually(lambda: node.rows(api.api_id) == [], "the row")
    assert any(client.connection_id in line and "no longer deployed" in line for line in node.lines)
    assert api.requests("/disconnect") == []
    api.ledger.opened.clear()


async def test_an_event_obeys_what_was_deployed_when_its_connection_ended(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(**SOON)
    api = await new_api(node=node)
    client = await api.connect()
    api.on("/other", api.end)
    async with api.backend.away():
        await client.socket.close()
        await counted(api, lambda sums: sums["disconnectRetries"] >= 1)
        await api.update_integration("$disconnect", integration_uri=api.uri("/other"))
        await api.deploy()
        deployments = f"metrics?apiId={api.api_id}"
        while not (await asyncio.to_thread(node.get, deployments))["stages"][0]["deployments"]:
            await asyncio.sleep(0.05)
    await api.disconnected(1)
    assert len(api.requests("/disconnect")) == 1
    assert api.requests("/other") == []


async def test_one_backend_that_is_away_does_not_hold_up_the_events_of_another(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    node = await start_node(**NOT_SOON)
    away, present = await new_api(node=node, backend=await new_backend()), await new_api(node=node)
    of_away, of_present = await away.connect_many(50), await present.connect_many(50)
    async with away.backend.away():
        await asyncio.gather(*(client.socket.close() for client in of_away))
        await asyncio.gather(*(client.socket.close() for client in of_present))
        await present.disconnected(50)
        assert len(node.rows(away.api_id)) == 50
    away.ledger.opened.clear()
    await asyncio.to_thread(node.kill)
