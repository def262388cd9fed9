"""Live connections through the REST API: what is listed, what frames arrive, how clients are closed."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.support.backend import ScriptedBackend
from tests.support.gateway import (
    PATIENCE,
    AccessKey,
    Api,
    Gateway,
    HttpAnswer,
    ask,
    close_of,
    eventually,
    http_proxy,
    mock,
    one_way,
    two_way,
)
from tests.support.rest import RestClient, administrator


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway)


@pytest.fixture(scope="module")
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    uri = backend.url("/rest")
    who = {"integration.request.header.connectionId": "context.connectionId"}
    return gateway.api(
        integrations={"echo": http_proxy(uri, RequestParameters=who), "mock": mock()},
        routes={"$default": two_way("echo"), "$disconnect": one_way("echo")},
    )


@pytest_asyncio.fixture(loop_scope="session")
async def client(api: Api) -> AsyncIterator[ClientConnection]:
    async with api.connect(user_agent_header="Probe/1.0 (Ünicode)".encode("ascii", "ignore").decode()) as client:
        yield client


async def listed(rest: RestClient, api: Api, query: str = "") -> list[dict]:
    answer = await asyncio.to_thread(rest.get, f"connections?apiId={api.api_id}&{query}")
    return list(answer["items"])


async def id_of_only(rest: RestClient, api: Api) -> str:
    """The id of the only connection of the API, once those of earlier cases have ended."""

    async def only() -> str | None:
        items = await listed(rest, api)
        return items[0]["connectionId"] if len(items) == 1 else None

    return str(await eventually(only))


async def call(rest: RestClient, method: str, path: str, body: object = None) -> HttpAnswer:
    return await asyncio.to_thread(rest, method, path, body)


async def test_a_connection_is_read_with_its_counters(rest: RestClient, api: Api, client: ClientConnection) -> None:
    connection_id = await id_of_only(rest, api)
    await ask(client, "hello")

    answer = (await call(rest, "GET", f"connections/{quote(connection_id)}")).json()

    assert (answer["apiId"], answer["stage"], answer["sourceIp"]) == (api.api_id, api.stage, "127.0.0.1")
    assert answer["userAgent"].startswith("Probe/1.0")
    live = answer["live"]
    assert (live["messagesIn"], live["messagesOut"], live["bytesIn"], live["inFlight"]) == (1, 1, 5, 0)
    assert live["bytesOut"] > 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("stage=test", True),
        ("stage=other", False),
        ("sourceIp=127.0.0.1", True),
        ("sourceIp=127.0.0.0/8", True),
        ("sourceIp=10.0.0.0/8", False),
        ("sourceIp=::/0", True),
        ("userAgent=probe", True),
        ("userAgent=curl", False),
        ("maxAge=600", True),
        ("minAge=600", False),
        ("maxIdle=600", True),
        ("minIdle=600", False),
        ("hasErrors=false", True),
        ("hasErrors=true", False),
        ("slowConsumer=false", True),
        ("slowConsumer=true", False),
        ("hasErrors=false&userAgent=probe&sourceIp=127.0.0.0/8&maxAge=600", True),
        ("hasErrors=false&userAgent=curl", False),
        ("maxIdle=600&sourceIp=10.0.0.0/8", False),
        ("principalId=ann", False),
        ("principalIdPrefix=a", False),
        ("principalId=ann&maxIdle=600", False),
    ],
)
async def test_a_filter_finds_what_it_means(
    rest: RestClient, api: Api, client: ClientConnection, query: str, found: bool
) -> None:
    await id_of_only(rest, api)
    answer = (await call(rest, "GET", f"connections?apiId={api.api_id}&{query}")).json()
    assert (len(answer["items"]), answer["total"]) == (int(found), int(found))


async def test_an_id_is_found_by_its_first_characters_in_their_case(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    connection_id = await id_of_only(rest, api)
    prefix = connection_id[:6]
    assert len(await listed(rest, api, f"connectionIdPrefix={prefix}")) == 1
    assert await listed(rest, api, f"connectionIdPrefix={prefix.swapcase()}") == []


async def test_ids_are_found_exactly_one_or_several(rest: RestClient, api: Api, client: ClientConnection) -> None:
    connection_id = await id_of_only(rest, api)
    exact = quote(connection_id)
    assert len(await listed(rest, api, f"connectionId={exact}")) == 1
    assert len(await listed(rest, api, f"connectionId=AAAAAAAAAAAAAAA%3D,{exact}&maxIdle=600")) == 1
    assert await listed(rest, api, f"connectionId={quote(connection_id[:6])}") == []
    too_many = await call(rest, "GET", f"connections?connectionId={','.join('a' * 101)}")
    assert too_many.status == 400


@pytest.mark.parametrize("query", ["sourceIp=10.0.0.0/99", "sourceIp=localhost&hasErrors=true"])
async def test_what_is_no_network_is_refused_with_a_reason(rest: RestClient, query: str) -> None:
    answer = await call(rest, "GET", f"connections?{query}")
    assert answer.status == 400
    assert "Give an address, or a network" in answer.json()["message"]


async def test_a_connection_tells_its_last_route_its_errors_and_when_it_ends(
    rest: RestClient, api: Api, backend: ScriptedBackend, client: ClientConnection
) -> None:
    connection_id = await id_of_only(rest, api)
    path = f"connections/{quote(connection_id)}"
    backend.on("/rest", body=b"fine")
    await ask(client, "fine")
    live = (await call(rest, "GET", path)).json()["live"]
    assert (live["lastRouteKey"], live["lastStatus"], live["errorCount"], live["lastError"]) == (
        "$default",
        "200",
        0,
        None,
    )
    assert live["limits"]["maxFrame"] == 32768
    assert live["idleSince"] < live["idleDeadline"] < live["endsAt"]
    assert live["lastStatusAt"] is not None

    backend.on("/rest", status=503, body=b"not fine")
    await ask(client, "not fine")
    live = (await call(rest, "GET", path)).json()["live"]
    assert (live["lastStatus"], live["errorCount"]) == ("503", 1)
    assert live["lastError"] == "The integration answered 503."
    assert [item["connectionId"] for item in await listed(rest, api, "hasErrors=true")] == [connection_id]
    backend.on("/rest", body=b"fine")


async def test_a_handshake_is_shown_without_its_credentials(rest: RestClient, api: Api) -> None:
    headers = {"Authorization": "Bearer swordfish", "Cookie": "session=swordfish", "X-Api-Key": "swordfish"}
    secrets = "X-Amz-Signature=swordfish&%74oken=swordfish"
    url = f"{api.url}?room=blue&{secrets}"
    async with connect(url, additional_headers={**headers, "X-Room": "blue"}, origin=Origin(api.gateway.endpoint)):
        connection_id = await id_of_only(rest, api)
        answer = await call(rest, "GET", f"connections/{quote(connection_id)}")
        handshake = answer.json()["handshake"]
        shown = {header["name"]: header["value"] for header in handshake["headers"]}
        assert shown["X-Room"] == "blue"
        assert shown["Authorization"] == shown["Cookie"] == shown["X-Api-Key"] == "********"
        assert handshake["queryString"] == "room=blue&X-Amz-Signature=********&%74oken=********"
        assert handshake["path"] == f"/ws/{api.api_id}/{api.stage}"
        assert (handshake["origin"], handshake["secure"], handshake["truncated"]) == (
            api.gateway.endpoint,
            False,
            False,
        )
        assert b"swordfish" not in answer.body


async def test_a_long_handshake_is_kept_in_part_and_says_so(rest: RestClient, api: Api) -> None:
    headers = {f"X-Long-{number}": "x" * 3000 for number in range(6)}
    async with api.connect(additional_headers=headers):
        connection_id = await id_of_only(rest, api)
        handshake = (await call(rest, "GET", f"connections/{quote(connection_id)}")).json()["handshake"]
        assert handshake["truncated"] is True
        assert 4000 < sum(len(header["name"]) + len(header["value"]) for header in handshake["headers"]) < 8192


async def test_the_oldest_come_first_on_request(rest: RestClient, api: Api) -> None:
    clients = [await api.connect() for _ in range(3)]

    async def all_there() -> bool:
        return len(await listed(rest, api)) == 3

    await eventually(all_there)
    youngest = [item["connectionId"] for item in await listed(rest, api)]
    for condition in ("", "&hasErrors=false"):
        first = (await call(rest, "GET", f"connections?apiId={api.api_id}&sort=oldest&pageSize=2{condition}")).json()
        cursor = f"&cursor={first['nextCursor']}"
        rest_of_them = await listed(rest, api, f"sort=oldest&pageSize=2{condition}{cursor}")
        assert [item["connectionId"] for item in first["items"] + rest_of_them] == youngest[::-1]
    for client in clients:
        await client.close()


async def test_pages_follow_one_another_without_gap_or_overlap(rest: RestClient, api: Api) -> None:
    clients = [await api.connect() for _ in range(5)]

    async def all_there() -> bool:
        return len(await listed(rest, api)) == 5

    await eventually(all_there)
    seen, cursor = [], ""
    while True:
        page = (await call(rest, "GET", f"connections?apiId={api.api_id}&pageSize=2{cursor}")).json()
        assert page["total"] == 5
        seen += [(item["connectedAt"], item["connectionId"]) for item in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)
    for each in clients:
        await each.close()


async def test_a_text_frame_arrives_as_it_is(rest: RestClient, api: Api, client: ClientConnection) -> None:
    connection_id = await id_of_only(rest, api)
    text = 'grüße \x00 {"a": 1}'
    answer = await call(rest, "POST", f"connections/{quote(connection_id)}/send", {"text": text})
    assert answer.json() == {"result": "accepted"}
    async with asyncio.timeout(PATIENCE):
        assert await client.recv() == text


async def test_a_binary_frame_arrives_as_bytes(rest: RestClient, api: Api, client: ClientConnection) -> None:
    connection_id = await id_of_only(rest, api)
    content = bytes(range(256))
    body = {"binary": base64.b64encode(content).decode()}
    answer = await call(rest, "POST", f"connections/{quote(connection_id)}/send", body)
    assert answer.json() == {"result": "accepted"}
    async with asyncio.timeout(PATIENCE):
        assert await client.recv() == content


@pytest.mark.parametrize(
    "body", [{}, {"text": "a", "binary": "AAEC"}, {"binary": "not base64!"}, {"text": 5.5, "binary": None}, [], "text"]
)
async def test_what_is_no_frame_is_refused(rest: RestClient, api: Api, client: ClientConnection, body: object) -> None:
    connection_id = await id_of_only(rest, api)
    answer = await call(rest, "POST", f"connections/{quote(connection_id)}/send", body)
    assert answer.status == 400
    assert answer.json()["problems"]


async def test_a_frame_that_is_larger_than_a_message_may_be_is_not_sent(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    connection_id = await id_of_only(rest, api)
    answer = await call(rest, "POST", f"connections/{quote(connection_id)}/send", {"text": "x" * 131_073})
    assert answer.json() == {"result": "tooLarge"}


async def test_a_client_is_closed_with_the_code_and_the_reason_that_are_given(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    connection_id = await id_of_only(rest, api)
    answer = await call(rest, "DELETE", f"connections/{quote(connection_id)}?code=4001&reason=Maintenance")
    assert answer.json() == {"result": "accepted"}
    assert await close_of(client) == (4001, "Maintenance")


@pytest.mark.parametrize("query", ["code=1005", "code=1006", "code=1015", "code=999", "code=x", f"reason={'x' * 124}"])
async def test_a_close_that_no_frame_can_carry_is_refused(
    rest: RestClient, api: Api, client: ClientConnection, query: str
) -> None:
    connection_id = await id_of_only(rest, api)
    assert (await call(rest, "DELETE", f"connections/{quote(connection_id)}?{query}")).status == 400
    await ask(client, "still here")


async def test_a_broadcast_reaches_everyone_on_the_stage_and_tells_so(rest: RestClient, api: Api) -> None:
    clients = [await api.connect() for _ in range(3)]

    async def all_there() -> bool:
        return len(await listed(rest, api)) == 3

    await eventually(all_there)
    answer = await call(rest, "POST", f"apis/{api.api_id}/stages/{api.stage}/broadcast", {"text": "to all"})
    assert answer.json()["counts"] == {"accepted": 3, "gone": 0, "busy": 0, "tooLarge": 0}
    ids = {item["connectionId"] for item in await listed(rest, api)}
    assert {target["connectionId"] for target in answer.json()["targets"]} == ids
    for client in clients:
        async with asyncio.timeout(PATIENCE):
            assert await client.recv() == "to all"
        await client.close()


async def test_a_filter_reaches_those_it_means_if_they_are_as_many_as_expected(rest: RestClient, api: Api) -> None:
    named = [await api.connect(user_agent_header="Wanted/1.0") for _ in range(2)]
    other = await api.connect(user_agent_header="Other/1.0")

    async def all_there() -> bool:
        return len(await listed(rest, api)) == 3

    await eventually(all_there)
    body = {"filter": {"apiId": api.api_id, "userAgent": "wanted"}, "expectedCount": 3, "text": "x"}
    refused = await call(rest, "POST", "connections/send", body)
    assert (refused.status, refused.json()["matching"]) == (409, "2")
    sent = await call(rest, "POST", "connections/send", body | {"expectedCount": 2})
    assert sent.json()["counts"]["accepted"] == 2

    close = {"filter": body["filter"], "code": 4002, "reason": "bye"}
    assert (await call(rest, "POST", "connections/disconnect", close)).status == 400
    closed = await call(rest, "POST", "connections/disconnect", close | {"expectedCount": 2})
    assert closed.json()["counts"]["accepted"] == 2
    for client in named:
        assert await close_of(client) == (4002, "bye")
    await ask(other, "still here")
    await other.close()


async def test_each_of_these_calls_adds_one_entry_that_does_not_hold_what_was_sent(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    connection_id = await id_of_only(rest, api)
    before = (await call(rest, "GET", "audit-entries?pageSize=1")).json()["items"][0]["at"]
    path = f"connections/{quote(connection_id)}"
    where = {"filter": {"apiId": api.api_id}, "expectedCount": 1}
    await call(rest, "POST", f"{path}/send", {"text": "swordfish"})
    await call(rest, "POST", f"apis/{api.api_id}/stages/{api.stage}/broadcast", {"text": "swordfish"})
    await call(rest, "POST", "connections/send", {**where, "text": "swordfish"})
    await call(rest, "POST", "connections/disconnect", where)
    await close_of(client)
    entries = (await call(rest, "GET", f"audit-entries?since={quote(before)}&pageSize=100")).json()["items"]
    added = [entry for entry in entries if entry["at"] > before]
    assert [entry["action"] for entry in reversed(added)] == [
        "SendToConnection",
        "Broadcast",
        "Broadcast",
        "DisconnectAll",
    ]
    assert {entry["actor"]["kind"] for entry in added} == {"token"}
    assert {entry["sourceAddress"] for entry in added} == {"127.0.0.1"}
    assert "swordfish" not in json.dumps(added)


async def test_a_revoked_token_ends_at_once(rest: RestClient, gateway: Gateway) -> None:
    made = await asyncio.to_thread(rest.post, "tokens", {"name": "x", "scopes": ["server:read"]})
    other = RestClient(gateway, made["token"])
    assert (await call(other, "GET", "server")).status == 200
    await call(rest, "DELETE", f"tokens/{made['tokenId']}")
    assert (await call(other, "GET", "server")).status == 401


async def test_a_revoked_access_key_ends_within_two_seconds_wherever_it_is_used(
    rest: RestClient, gateway: Gateway, api: Api, client: ClientConnection
) -> None:
    connection_id = await id_of_only(rest, api)
    everything = [{"action": "*", "resource": "*"}]
    made = await asyncio.to_thread(rest.post, "access-keys", {"name": "x", "permissions": everything})
    key = AccessKey(made["accessKeyId"], made["secretAccessKey"])

    async def push() -> int:
        target = api.target(quote(connection_id))
        return (await asyncio.to_thread(gateway.signed, "GET", target, key=key)).status

    async def known() -> bool:
        return await push() == 200

    async def refused() -> bool:
        return await push() == 403

    await eventually(known)
    await call(rest, "DELETE", f"access-keys/{key.access_key_id}")
    answer = await asyncio.to_thread(gateway.signed, "GET", "/v2/apis", key=key, service="apigateway")
    assert answer.status == 403
    async with asyncio.timeout(2):
        await eventually(refused)
