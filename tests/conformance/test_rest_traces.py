"""Traces over the REST API: recorded while someone looks, step by step, without secrets, and done again."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.gateway import PATIENCE, Api, Gateway, answer, http_proxy, mock, one_way, two_way, wait_until
from tests.support.ports import free_port
from tests.support.rest import RestClient, administrator


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One of our own: what is recorded depends on who looks."""
    with Gateway(tmp_path_factory.mktemp("gateway") / "data", NOPAL_MASK="room") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway)


def new_api(gateway: Gateway) -> Api:
    return gateway.api(
        integrations={
            "greets": mock(IntegrationResponses=[answer(template='{"said": "hello"}')]),
            "down": http_proxy(f"http://127.0.0.1:{free_port()}/"),
        },
        routes={"hello": two_way("greets"), "fail": one_way("down"), "$connect": one_way("greets")},
    )


@pytest.fixture
def api(gateway: Gateway) -> Api:
    return new_api(gateway)


@pytest.fixture
def client(api: Api) -> Iterator[ClientConnection]:
    with connect(api.url, compression=None) as client:
        yield client


def say(client: ClientConnection, action: str, **members: str) -> None:
    client.send(json.dumps({"action": action, **members}))
    client.recv(PATIENCE)


def traces(rest: RestClient, api: Api, query: str = "") -> list[dict[str, Any]]:
    return list(rest.get(f"traces?apiId={api.api_id}{query}")["items"])


def test_nothing_is_recorded_until_someone_looks(rest: RestClient, api: Api, client: ClientConnection) -> None:
    say(client, "hello")
    assert traces(rest, api) == []
    say(client, "hello")
    [trace] = wait_until(lambda: traces(rest, api))
    assert (trace["kind"], trace["routeKey"], trace["status"]) == ("message", "hello", "200")


def test_a_stage_with_data_traces_records_all_the_time(rest: RestClient, api: Api) -> None:
    api.management.update_stage(ApiId=api.api_id, StageName=api.stage, DefaultRouteSettings={"DataTraceEnabled": True})

    def kinds() -> set[str]:
        with connect(api.url, compression=None) as client:
            say(client, "hello")
        return {trace["kind"] for trace in traces(rest, api)}

    wait_until(lambda: kinds() >= {"connect", "message", "close"})


def test_a_trace_has_its_steps_in_order(rest: RestClient, api: Api, client: ClientConnection) -> None:
    traces(rest, api)
    say(client, "hello")
    [trace] = wait_until(lambda: traces(rest, api))
    whole = rest.get(f"traces/{trace['traceId']}")

    names = [step["name"] for step in whole["steps"]]
    assert names == ["received", "selected", "mapped", "integrated", "response-mapped", "sent"]
    assert whole["steps"][1]["input"]["text"] == "$request.body.action = hello"
    assert whole["sent"]["text"] == '{"said": "hello"}'
    offsets = [step["offset"] for step in whole["steps"]]
    assert offsets == sorted(offsets)


def test_the_step_that_failed_comes_before_the_error_that_is_sent(
    rest: RestClient, api: Api, client: ClientConnection
) -> None:
    traces(rest, api)
    say(client, "fail")
    [trace] = wait_until(lambda: traces(rest, api, "&hasErrors=true"))
    steps = rest.get(f"traces/{trace['traceId']}")["steps"]
    assert [step["name"] for step in steps] == ["received", "selected", "mapped", "integrated", "sent"]
    assert steps[3]["error"]
    assert "Internal server error" in steps[4]["input"]["text"]


def test_secrets_are_masked_and_cannot_be_searched_for(rest: RestClient, api: Api, client: ClientConnection) -> None:
    traces(rest, api)
    say(client, "hello", password="opensesame", room="den", open="yes")
    [trace] = wait_until(lambda: traces(rest, api))
    text = json.dumps(rest.get(f"traces/{trace['traceId']}"))
    assert "opensesame" not in text
    assert '\\"den\\"' not in text
    assert "yes" in text
    assert traces(rest, api, "&text=opensesame") == []
    assert len(traces(rest, api, "&path=open&equals=yes")) == 1


def test_traces_come_as_a_stream_of_lines(
    gateway: Gateway, rest: RestClient, api: Api, client: ClientConnection
) -> None:
    stream = HTTPConnection("127.0.0.1", gateway.port, timeout=3 * PATIENCE)
    headers = {"Authorization": f"Bearer {rest.token}"}
    stream.request("GET", f"/api/v1/traces/stream?apiId={api.api_id}", headers=headers)
    lines = stream.getresponse()
    assert lines.status == 200
    # The answer's head may come before the recording begins, so the message is said until it is heard of.
    rest.get(f"traces?apiId={api.api_id}")
    say(client, "hello")
    while not (line := lines.readline().strip()):
        say(client, "hello")
    assert json.loads(line)["routeKey"] == "hello"
    stream.close()


def test_a_message_is_done_again_on_its_connection(rest: RestClient, api: Api, client: ClientConnection) -> None:
    traces(rest, api)
    say(client, "hello")
    [trace] = wait_until(lambda: traces(rest, api))

    done = rest.post(f"traces/{trace['traceId']}/replay", {"text": '{"action": "hello", "again": true}'})
    assert json.loads(client.recv(PATIENCE)) == {"said": "hello"}
    again = wait_until(lambda: rest("GET", f"traces/{done['traceId']}").json())
    assert again["source"] == "replay"
    entry = rest.get("audit-entries?operation=ReplayMessage")["items"][0]
    assert entry["after"]["traceId"] == trace["traceId"]


def test_what_is_not_there_or_not_one_s_own_is_not_there(
    gateway: Gateway, rest: RestClient, api: Api, client: ClientConnection
) -> None:
    traces(rest, api)
    say(client, "hello")
    [trace] = wait_until(lambda: traces(rest, api))
    other = new_api(gateway)
    bea = viewer(gateway, rest, "bea", other)

    unknown = bea("GET", "traces/invented")
    assert bea("GET", f"traces/{trace['traceId']}").status == unknown.status == 404
    assert bea.get("traces")["items"] == []
    assert bea("POST", f"traces/{trace['traceId']}/replay", {}).status == 404


def test_a_viewer_reads_a_trace_and_does_nothing_again(
    gateway: Gateway, rest: RestClient, api: Api, client: ClientConnection
) -> None:
    cem = viewer(gateway, rest, "cem", api)
    traces(cem, api)
    say(client, "hello")
    [trace] = wait_until(lambda: traces(cem, api))
    assert cem.get(f"traces/{trace['traceId']}")["traceId"] == trace["traceId"]
    assert cem("POST", f"traces/{trace['traceId']}/replay", {}).status == 403


def viewer(gateway: Gateway, rest: RestClient, name: str, api: Api) -> RestClient:
    """Someone who may look at one API."""
    roles = [{"role": "viewer", "apiId": api.api_id}]
    rest.post("users", {"username": name, "password": "a-cactus-in-the-sun", "roles": roles})
    made = json.loads(gateway._run("manage.py", "createapitoken", name, "x", "--json"))
    return RestClient(gateway, made["token"])
