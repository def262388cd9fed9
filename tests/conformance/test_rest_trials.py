"""Messages and test cases that are truly sent: the backend is called, nobody else gets anything."""

import asyncio

import pytest

from tests.support.backend import Received, ScriptedBackend
from tests.support.gateway import Api, Gateway, ask, http_proxy, one_way, two_way
from tests.support.ports import free_port
from tests.support.rest import RestClient, administrator


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway, "trials")


@pytest.fixture(scope="module")
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    backend.on("/trials", answered)
    return gateway.api(
        integrations={
            "here": http_proxy(backend.url("/trials")),
            "gone": http_proxy(f"http://127.0.0.1:{free_port()}/"),
        },
        routes={"ask": two_way("here"), "tell": one_way("here"), "lose": two_way("gone")},
    )


def answered(request: Received) -> dict[str, str]:
    return {"heard": request.json().get("text", ""), "token": "a-token-of-the-backend"}


async def test_a_message_is_sent_through_the_draft_and_told_step_by_step(
    api: Api, backend: ScriptedBackend, rest: RestClient
) -> None:
    before = len([each for each in backend.requests if each.path == "/trials"])
    body = {"message": '{"action": "ask", "text": "hello"}'}
    async with api.connect() as client:
        sent = await asyncio.to_thread(rest.post, f"apis/{api.api_id}/test/send", body)
        assert len(await backend.received(before + 1, "/trials")) == before + 1
        # What the message brought back went to no client: the first frame is the answer to this one's own.
        assert '"heard": "mine"' in await ask(client, '{"action": "ask", "text": "mine"}')
    assert (sent["deployment"], sent["routeKey"], sent["nodes"][:2]) == ("draft", "ask", ["client", "selector"])
    trace = sent["trace"]
    assert (trace["source"], trace["status"], trace["routeKey"]) == ("test", "200", "ask")
    assert [step["name"] for step in trace["steps"]] == [
        "received",
        "selected",
        "mapped",
        "integrated",
        "response-mapped",
    ]
    assert '"heard":"hello"' in trace["sent"]["text"]
    assert "a-token-of-the-backend" not in trace["sent"]["text"]
    [entry] = rest.get(f"audit-entries?apiId={api.api_id}&action=SendTestMessage")["items"]
    assert entry["after"]["routeKey"] == "ask"


async def test_a_backend_that_is_gone_fails_the_step_that_calls_it(api: Api, rest: RestClient) -> None:
    body = {"message": '{"action": "lose"}', "stageName": api.stage}
    sent = await asyncio.to_thread(rest.post, f"apis/{api.api_id}/test/send", body)
    failed = [step["name"] for step in sent["trace"]["steps"] if step["error"]]
    assert failed == ["integrated"]
    assert "Internal server error" in sent["trace"]["sent"]["text"]


@pytest.mark.parametrize(
    ("message", "expectations", "failures"),
    [
        (
            '{"action": "ask", "text": "hi"}',
            {
                "routeKey": "ask",
                "status": 200,
                "request": [{"path": "text", "equals": "hi"}],
                "response": [
                    {"path": "heard", "equals": "hi"},
                    {"path": "token", "equals": "a-token-of-the-backend"},
                ],
            },
            [],
        ),
        (
            '{"action": "ask"}',
            {"status": 201, "response": [{"path": "heard", "equals": "hi"}]},
            [
                "The backend answers with status 200 instead of 201.",
                "The frame has '' at heard instead of 'hi'.",
            ],
        ),
        ('{"action": "tell"}', {"response": [{"contains": "heard"}]}, ["No frame comes back."]),
        ('{"action": "lose"}', {"routeKey": "lose", "status": 200}, ["It fails: ", "no status instead of 200"]),
    ],
)
async def test_a_test_case_is_judged_by_what_came_back(
    api: Api, rest: RestClient, message: str, expectations: dict[str, object], failures: list[str]
) -> None:
    cases = f"apis/{api.api_id}/test-cases"
    case = rest.post(cases, {"name": message, "message": message, "expectations": expectations})
    result = await asyncio.to_thread(rest.post, f"{cases}/{case['testCaseId']}/send", {})
    assert result["complete"]
    assert result["passed"] == (failures == [])
    assert len(result["failures"]) == len(failures)
    assert all(part in told for part, told in zip(failures, result["failures"], strict=True))
