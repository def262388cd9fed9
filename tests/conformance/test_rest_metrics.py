"""Figures through the REST API: what happened is counted where it belongs, within seconds."""

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.backend import ScriptedBackend
from tests.support.gateway import Api, Gateway, ask, eventually, http_proxy, one_way, two_way
from tests.support.ports import free_port
from tests.support.rest import RestClient, administrator


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway, "metrics")


@pytest.fixture
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    backend.on("/metrics", body=b"fine")
    backend.on("/metrics/failing", status=500, body=b"not fine")
    return gateway.api(
        integrations={
            "fine": http_proxy(backend.url("/metrics")),
            "failing": http_proxy(backend.url("/metrics/failing")),
            "nobody": http_proxy(f"http://127.0.0.1:{free_port()}/"),
        },
        routes={
            "$connect": one_way("fine"),
            "fine": two_way("fine"),
            "failing": two_way("failing"),
            "nobody": two_way("nobody"),
        },
    )


async def counted(rest: RestClient, api: Api, **sums: float) -> Any:
    """The stage's metrics, once its sums are these."""

    async def told() -> Any:
        metrics = await asyncio.to_thread(rest.get, f"metrics?apiId={api.api_id}&stage={api.stage}")
        return metrics if {name: metrics["sums"][name] for name in sums} == sums else None

    return await eventually(told)


async def test_what_happens_is_counted_by_stage_and_over_all(rest: RestClient, api: Api) -> None:
    async with api.connect() as client:
        for action in ("fine", "fine", "failing", "nobody", "unknown"):
            await ask(client, json.dumps({"action": action}))
        connection_id = (await asyncio.to_thread(rest.get, f"connections?apiId={api.api_id}"))["items"][0][
            "connectionId"
        ]
        await asyncio.to_thread(api.connections.post_to_connection, ConnectionId=connection_id, Data=b"pushed")
        await client.recv()
    sums = {
        "connectCount": 1,
        "refusedCount": 0,
        "disconnectCount": 1,
        "messagesIn": 5,
        "messagesOut": 6,
        "pushes": 1,
        "clientError": 1,
        "integrationError": 1,
        "executionError": 1,
    }
    metrics = await counted(rest, api, **sums)

    [stage] = metrics["stages"]
    assert {name: sum(stage["series"][name]) for name in sums} == sums
    assert len(metrics["series"]["messagesIn"]) == 300
    assert stage["sums"]["bytesIn"] > 80
    assert stage["sums"]["integrationLatencyP50"] <= stage["sums"]["integrationLatencyP99"]
    assert any(value is not None for value in stage["series"]["integrationLatencyP95"])
    other = await asyncio.to_thread(rest.get, f"metrics?apiId={api.api_id}&stage=other")
    assert (other["stages"], other["sums"]["messagesIn"]) == ([], 0)
    longer = await asyncio.to_thread(rest.get, f"metrics?range=24h&apiId={api.api_id}")
    assert (longer["stepSeconds"], len(longer["series"]["pushes"])) == (60, 1440)


async def test_each_route_tells_its_rate_and_its_last_error(rest: RestClient, api: Api) -> None:
    async with api.connect() as client:
        for action in ("fine", "fine", "failing", "nobody"):
            answer = await ask(client, json.dumps({"action": action}))
        await counted(rest, api, messagesIn=4, messagesOut=4)
        path = f"apis/{api.api_id}/stages/{api.stage}/metrics"
        metrics = await asyncio.to_thread(rest.get, path)

    routes = {route["routeKey"]: route for route in metrics["routes"]}
    assert routes["fine"]["sums"] | {"count": 2, "integrationError": 0} == routes["fine"]["sums"]
    assert routes["fine"]["lastError"] is None
    assert routes["failing"]["sums"]["integrationError"] == 1
    assert routes["nobody"]["lastError"]["traceId"] == json.loads(answer)["requestId"]
    now = {route["routeKey"]: route for route in metrics["now"]["routes"]}
    assert set(now) == {"$connect", "fine", "failing", "nobody"}
    assert now["failing"]["lastError"]["text"] == "The integration answered 500."
    integrations = {each["integrationId"]: each for each in metrics["now"]["integrations"]}
    both = now["fine"]["rate"] + now["$connect"]["rate"]
    assert integrations[api.integration_ids["fine"]]["rate"] == pytest.approx(both)


async def test_a_refused_handshake_is_counted(rest: RestClient, gateway: Gateway, backend: ScriptedBackend) -> None:
    backend.on("/metrics/refusing", status=403)
    uri = backend.url("/metrics/refusing")
    api = gateway.api(integrations={"no": http_proxy(uri)}, routes={"$connect": one_way("no")})
    with pytest.raises(InvalidStatus):
        await api.connect()
    await counted(rest, api, refusedCount=1, connectCount=0, integrationError=1, messagesIn=0)


async def test_a_new_deployment_leaves_a_mark(rest: RestClient, api: Api) -> None:
    async with api.connect():
        api.deploy()

        async def marked() -> Any:
            metrics = await asyncio.to_thread(rest.get, f"metrics?apiId={api.api_id}")
            return metrics["stages"][0]["deployments"]

        [mark] = await eventually(marked)
    deployments = await asyncio.to_thread(rest.get, f"apis/{api.api_id}/deployments")
    assert mark["deploymentId"] == deployments["items"][0]["deploymentId"]


async def test_calls_under_way_are_shown_by_backend_and_route(
    rest: RestClient, gateway: Gateway, backend: ScriptedBackend
) -> None:
    release = asyncio.Event()
    backend.on("/metrics/hanging", body=b"at last", until=release)
    api = gateway.api(
        integrations={"hangs": http_proxy(backend.url("/metrics/hanging"))}, routes={"a": two_way("hangs")}
    )
    async with api.connect() as client:
        for _ in range(3):
            await client.send(json.dumps({"action": "a"}))
        await backend.received(3, "/metrics/hanging")
        path = f"metrics/backends?apiId={api.api_id}"
        [use] = (await asyncio.to_thread(rest.get, path))["backends"]
        release.set()
        for _ in range(3):
            assert await client.recv() == "at last"
        [idle] = (await asyncio.to_thread(rest.get, path))["backends"]
    route = {"stage": api.stage, "routeKey": "a", "active": 3, "limit": 160, "waiting": 0, "refused": 0}
    assert use == {
        "apiId": api.api_id,
        "url": backend.endpoint,
        "open": 3,
        "active": 3,
        "limit": 200,
        "waiting": 0,
        "refused": 0,
        "routes": [route],
    }
    assert (idle["open"], idle["active"]) == (3, 0)


async def test_an_unknown_range_is_refused(rest: RestClient) -> None:
    answer = await asyncio.to_thread(rest, "GET", "metrics?range=2d")
    assert answer.status == 400
