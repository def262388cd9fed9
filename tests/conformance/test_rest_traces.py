"""Traces through the REST API: every event on a connection, step by step, found, streamed, and done again."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from tests.support.backend import ScriptedBackend
from tests.support.gateway import (
    PATIENCE,
    Api,
    Gateway,
    HttpAnswer,
    ask,
    close_of,
    eventually,
    http_proxy,
    next_frame,
    one_way,
    two_way,
)
from tests.support.ports import free_port
from tests.support.rest import RestClient, administrator

SENT = '{"action": "echo", "room": {"name": "blue"}, "password": "swordfish1"}'
ANSWER = '{"said": "hello", "token": "swordfish1"}'


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway, "traces")


@pytest.fixture
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    backend.on("/traces", body=ANSWER.encode(), headers=(("Content-Type", "application/json"),))
    uri = f"{backend.url('/traces')}?token=swordfish1&room=blue"
    return gateway.api(
        integrations={"echo": http_proxy(uri), "nobody": http_proxy(f"http://127.0.0.1:{free_port()}/")},
        routes={
            "$connect": one_way("echo"),
            "$disconnect": one_way("echo"),
            "echo": two_way("echo"),
            "nobody": two_way("nobody"),
        },
    )


@pytest_asyncio.fixture(loop_scope="session")
async def client(rest: RestClient, api: Api) -> AsyncIterator[ClientConnection]:
    """A client whose events are watched from its handshake on."""
    await listed(rest, api)
    async with api.connect(additional_headers={"Authorization": "swordfish1"}) as client:
        yield client


async def call(rest: RestClient, method: str, path: str, body: object = None) -> HttpAnswer:
    return await asyncio.to_thread(rest, method, path, body)


async def listed(rest: RestClient, api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = await asyncio.to_thread(rest.get, f"traces?apiId={api.api_id}&{query}")
    return list(answer["items"])


async def once_listed(rest: RestClient, api: Api, count: int, query: str = "") -> list[dict[str, Any]]:
    async def told() -> list[dict[str, Any]] | None:
        items = await listed(rest, api, query)
        return items if len(items) >= count else None

    return list(await eventually(told))


async def whole(rest: RestClient, trace: dict[str, Any]) -> dict[str, Any]:
    return dict(await asyncio.to_thread(rest.get, f"traces/{quote(trace['traceId'])}"))


async def test_a_connection_s_timeline_has_every_event_in_order(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    await ask(client, SENT)
    [connection] = (await asyncio.to_thread(rest.get, f"connections?apiId={api.api_id}"))["items"]
    connection_id = connection["connectionId"]
    await asyncio.to_thread(api.connections.post_to_connection, ConnectionId=connection_id, Data=b"by a backend")
    assert await next_frame(client) == "by a backend"
    await call(rest, "POST", f"connections/{quote(connection_id)}/send", {"text": "by hand"})
    assert await next_frame(client) == "by hand"
    await call(rest, "DELETE", f"connections/{quote(connection_id)}?code=4001&reason=enough")
    assert await close_of(client) == (4001, "enough")

    timeline = (await once_listed(rest, api, 6, f"connectionId={quote(connection_id)}"))[::-1]
    assert [(each["kind"], each["direction"], each["source"]) for each in timeline] == [
        ("connect", "in", "client"),
        ("message", "in", "client"),
        ("push", "out", "backend"),
        ("push", "out", "operator"),
        ("close", "out", "gateway"),
        ("disconnect", "in", "client"),
    ]
    assert [each["sent"]["text"] for each in timeline[2:5]] == ["by a backend", "by hand", "4001 enough"]
    assert timeline[5]["received"]["text"] == "4001 enough"
    assert "swordfish1" not in json.dumps(timeline)


async def test_a_message_is_told_step_by_step_without_its_secrets(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    answer = await ask(client, SENT)
    assert answer == ANSWER
    [summary] = await once_listed(rest, api, 1, "kind=message")
    trace = await whole(rest, summary)

    assert [step["name"] for step in trace["steps"]] == [
        "received",
        "selected",
        "mapped",
        "integrated",
        "response-mapped",
        "sent",
    ]
    assert (trace["routeKey"], trace["status"], trace["error"], trace["delivery"]) == ("echo", "200", None, "accepted")
    assert trace["integrationId"] == api.integration_ids["echo"]
    _, selected, mapped, integrated, *_ = trace["steps"]
    assert selected["input"]["text"] == "$request.body.action = echo"
    assert "token=********&room=blue" in mapped["output"]["text"]
    assert integrated["output"]["text"].startswith("200\n")
    assert sum(step["duration"] for step in trace["steps"]) <= trace["duration"] + 1
    assert trace["received"]["size"] == len(SENT)
    assert "swordfish1" not in json.dumps(trace)


async def test_a_failure_names_its_step_and_leads_from_the_client_s_error_to_the_trace(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    error = json.loads(await ask(client, '{"action": "nobody"}'))
    trace = dict(await asyncio.to_thread(rest.get, f"traces/{quote(error['requestId'])}"))
    [failed] = [step for step in trace["steps"] if step["error"]]
    assert (failed["name"], trace["fault"], trace["status"]) == ("integrated", "ExecutionError", "BackendUnreachable")
    assert json.loads(trace["sent"]["text"]) == error
    assert [each["traceId"] for each in await listed(rest, api, "hasErrors=true&kind=message")] == [error["requestId"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("routeKey=echo", True),
        ("routeKey=nobody", False),
        ("status=200", True),
        ("status=500", False),
        ("text=HELLO", True),
        ("text=swordfish1", False),
        ("path=room.name&equals=blue", True),
        ("path=room.name&equals=red", False),
        ("path=password&equals=swordfish1", False),
        ("stage=other", False),
    ],
)
async def test_a_filter_finds_what_it_means(
    rest: RestClient, api: Api, client: ClientConnection, query: str, found: bool
) -> None:
    await ask(client, SENT)
    await once_listed(rest, api, 1, "kind=message")
    assert len(await listed(rest, api, f"kind=message&{query}")) == int(found)


@pytest.mark.parametrize("query", ["path=..&equals=x", "path=a", "kind=other", "cursor=x"])
async def test_what_is_no_filter_is_refused(rest: RestClient, query: str) -> None:
    for path in ("traces", "traces/export", "traces/stream")[: 1 if "cursor" in query else 3]:
        assert (await call(rest, "GET", f"{path}?{query}")).status == 400


async def test_a_message_is_done_again_as_it_was_or_changed(
    rest: RestClient, api: Api, client: ClientConnection, backend: ScriptedBackend
) -> None:
    await ask(client, SENT)
    [trace] = await once_listed(rest, api, 1, "kind=message")
    path = f"traces/{quote(trace['traceId'])}/replay"
    before = len(backend.requests)

    dry = (await call(rest, "POST", path, {"dry": True, "text": '{"action": "nobody"}'})).json()
    assert (dry["result"], dry["traceId"], dry["dryRun"]["routeKey"]) == (None, None, "nobody")
    assert len(backend.requests) == before

    done = (await call(rest, "POST", path, {})).json()
    assert done["result"] == "accepted"
    assert await next_frame(client) == ANSWER
    assert backend.requests[-1].body.decode() == SENT
    again = await whole(rest, done)
    assert (again["source"], again["routeKey"]) == ("replay", "echo")

    changed = (await call(rest, "POST", path, {"text": '{"action": "nobody"}'})).json()
    assert json.loads(await next_frame(client))["requestId"] == changed["traceId"]

    entry = (await call(rest, "GET", "audit-entries?pageSize=1")).json()["items"][0]
    assert (entry["action"], entry["after"]["traceId"]) == ("ReplayMessage", trace["traceId"])
    assert "swordfish1" not in json.dumps(entry)


async def test_another_client_of_the_api_may_be_meant_but_no_other(
    rest: RestClient, gateway: Gateway, api: Api, client: ClientConnection
) -> None:
    await ask(client, SENT)
    [trace] = await once_listed(rest, api, 1, "kind=message")
    path = f"traces/{quote(trace['traceId'])}/replay"
    async with api.connect() as other:
        ids = [item["connectionId"] for item in rest.get(f"connections?apiId={api.api_id}")["items"]]
        [other_id] = set(ids) - {trace["connectionId"]}
        assert (await call(rest, "POST", path, {"connectionId": other_id})).json()["result"] == "accepted"
        assert await next_frame(other) == ANSWER
    foreign = gateway.api(integrations={"echo": http_proxy("http://127.0.0.1:1024/")}, routes={"echo": one_way("echo")})
    async with foreign.connect():
        [stranger] = rest.get(f"connections?apiId={foreign.api_id}")["items"]
        answer = await call(rest, "POST", path, {"connectionId": stranger["connectionId"]})
        assert answer.status == 404


async def test_what_is_no_message_is_not_done_again(rest: RestClient, api: Api, client: ClientConnection) -> None:
    [trace] = await once_listed(rest, api, 1, "kind=connect")
    answer = await call(rest, "POST", f"traces/{quote(trace['traceId'])}/replay", {})
    assert (answer.status, "Only messages" in answer.json()["message"]) == (400, True)
    assert (await call(rest, "GET", "traces/none000000000000")).status == 404


async def test_a_message_that_was_cut_needs_its_text(rest: RestClient, api: Api, client: ClientConnection) -> None:
    await ask(client, json.dumps({"action": "echo", "long": "x" * 20_000}))
    [trace] = await once_listed(rest, api, 1, "kind=message")
    assert (trace["received"]["truncated"], trace["received"]["size"] > 20_000) == (True, True)
    answer = await call(rest, "POST", f"traces/{quote(trace['traceId'])}/replay", {})
    assert (answer.status, "too long" in answer.json()["message"]) == (400, True)


async def test_traces_are_exported_whole_one_on_each_line(rest: RestClient, api: Api, client: ClientConnection) -> None:
    for _ in range(3):
        await ask(client, SENT)
    await once_listed(rest, api, 3, "kind=message")
    answer = await call(rest, "GET", f"traces/export?apiId={api.api_id}&kind=message&most=2")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [len(line["steps"]) for line in lines] == [6, 6]


async def test_a_stream_tells_of_traces_as_they_come_and_ends_with_its_client(
    rest: RestClient, gateway: Gateway, api: Api
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    with closing(connection):
        stream = await asyncio.to_thread(stream_of, connection, rest, f"apiId={api.api_id}&kind=message")
        async with api.connect() as client:
            await ask(client, SENT)
            line = json.loads(await asyncio.to_thread(next_line, stream))
            assert (line["routeKey"], line["kind"]) == ("echo", "message")
            stream.close()
            connection.close()

            async def nobody_watches() -> bool:
                error = json.loads(await ask(client, '{"action": "nowhere"}'))
                return (await call(rest, "GET", f"traces/{quote(error['requestId'])}")).status == 404

            await eventually(nobody_watches)


@pytest.mark.parametrize("end", ["the token is revoked", "the role is taken away", "the owner is shut out"])
async def test_a_stream_ends_once_its_reader_may_not_see_it(
    rest: RestClient, gateway: Gateway, api: Api, client: ClientConnection, end: str
) -> None:
    name = f"reader for whom {end}".replace(" ", "-")
    roles = {"roles": [{"role": "viewer", "apiId": api.api_id}]}
    made = (await call(rest, "POST", "users", {"username": name, "password": "a-cactus-in-the-sun", **roles})).json()
    token = json.loads(await asyncio.to_thread(gateway._run, "manage.py", "createapitoken", name, "stream", "--json"))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    with closing(connection):
        reader = RestClient(gateway, token["token"])
        stream = await asyncio.to_thread(stream_of, connection, reader, f"apiId={api.api_id}&kind=message")
        await ask(client, SENT)
        assert json.loads(await asyncio.to_thread(next_line, stream))["routeKey"] == "echo"

        match end:
            case "the token is revoked":
                done = await call(rest, "DELETE", f"tokens/{token['tokenId']}")
            case "the role is taken away":
                done = await call(rest, "PATCH", f"users/{made['userId']}", {"roles": []})
            case _:
                done = await call(rest, "PATCH", f"users/{made['userId']}", {"active": False})
        assert done.status == 200

        async def has_ended() -> bool:
            await ask(client, SENT)
            return await asyncio.to_thread(stream.readline) == b""

        await eventually(has_ended)


def stream_of(connection: http.client.HTTPConnection, rest: RestClient, query: str) -> http.client.HTTPResponse:
    connection.request("GET", f"/api/v1/traces/stream?{query}", headers={"Authorization": f"Bearer {rest.token}"})
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (200, "application/x-ndjson")
    return response


def next_line(stream: http.client.HTTPResponse) -> bytes:
    """The next line that is not empty."""
    while not (line := stream.readline().strip()):
        pass
    return line


async def test_a_stage_is_traced_while_its_settings_say_so_without_deploying(rest: RestClient, api: Api) -> None:
    async with api.connect() as client:

        async def traced() -> bool:
            error = json.loads(await ask(client, '{"action": "nowhere"}'))
            return (await call(rest, "GET", f"traces/{quote(error['requestId'])}")).status == 200

        async def not_traced() -> bool:
            return not await traced()

        assert not await traced()
        settings = {"ApiId": api.api_id, "StageName": api.stage}
        api.management.update_stage(**settings, DefaultRouteSettings={"DataTraceEnabled": True})
        await eventually(traced)
        api.management.update_stage(**settings, DefaultRouteSettings={"DataTraceEnabled": False})
        await eventually(not_traced)
