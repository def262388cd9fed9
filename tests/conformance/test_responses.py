"""What the client gets back: frames of two-way routes, nothing from one-way routes, and error frames from both.

AWS: apigateway-websocket-api-integration-responses, apigateway-websocket-api-route-response.
"""

import asyncio
import json
import re
from base64 import b64encode
from typing import Any

import pytest

from tests.support.backend import Answer, Received, ScriptedBackend
from tests.support.gateway import (
    Api,
    Gateway,
    answer,
    ask,
    eventually,
    http_custom,
    http_proxy,
    lambda_custom,
    lambda_proxy,
    mock,
    next_frame,
    one_way,
    two_way,
)

ERROR = re.compile(r'\{"message": "(.*)", "connectionId":"[A-Za-z0-9_-]{15}=", "requestId":"[A-Za-z0-9_-]{15}="\}')


def message_of(frame: str) -> str:
    """The message of an error frame, which is spaced as AWS spaces it."""
    found = ERROR.fullmatch(frame)
    assert found, frame
    return found[1]


@pytest.fixture(scope="module")
def proxies(gateway: Gateway, backend: ScriptedBackend) -> Api:
    """HTTP_PROXY and AWS_PROXY, one-way and two-way; backends answer as the message's `as` says."""

    def by_http(request: Received) -> Answer:
        asked = request.json()["as"]
        body = "x" * asked["size"] if "size" in asked else asked.get("body", "")
        return Answer(
            asked.get("status", 200),
            bytes.fromhex(asked["hex"]) if "hex" in asked else body,
            tuple(asked.get("headers", {}).items()),
        )

    def by_function(event: dict[str, Any]) -> Any:
        asked = json.loads(event["body"])["as"]
        if asked == "raise":
            raise RuntimeError("as asked")
        if isinstance(asked, dict) and "size" in asked:
            return {"statusCode": 200, "body": "x" * asked["size"]}
        return asked

    backend.on("/responses/http", by_http)
    backend.on("/responses/after", body="after")
    backend.on_function("responses", by_function)
    return gateway.api(
        integrations={
            "http": http_proxy(backend.url("/responses/http")),
            "function": lambda_proxy(backend.function_uri("responses")),
            "after": http_proxy(backend.url("/responses/after")),
        },
        routes={
            "http": one_way("http"),
            "http-2": two_way("http"),
            "function": one_way("function"),
            "function-2": two_way("function"),
            "after": two_way("after"),
        },
        limits={"maxInFlight": 1},
    )


async def frames_of(api: Api, action: str, asked: Any) -> list[str]:
    """All frames that one message brings; messages are answered one after the other here."""
    async with api.connect() as client:
        await client.send(json.dumps({"action": action, "as": asked}))
        await client.send('{"action":"after"}')
        frames = []
        while (frame := await next_frame(client)) != "after":
            frames.append(frame)
        return frames


# proxy integrations


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 403, 404, 500, 501, 503])
@pytest.mark.parametrize("kind", ["http", "function"])
async def test_the_body_is_the_frame_whatever_the_status_and_a_one_way_route_sends_nothing(
    proxies: Api, kind: str, status: int
) -> None:
    asked = {"status": status, "statusCode": status, "body": f"body of {status}"}
    # 204 has no body by definition of HTTP; a function's result has one all the same.
    expected = [] if (kind, status) == ("http", 204) else [f"body of {status}"]
    assert await frames_of(proxies, f"{kind}-2", asked) == expected
    assert await frames_of(proxies, kind, asked) == []


@pytest.mark.parametrize(
    ("asked", "frames"),
    [
        ({"body": ""}, []),
        ({"body": ' {"untouched": 1.50}\n'}, [' {"untouched": 1.50}\n']),
        ({"body": "жук 😀"}, ["жук 😀"]),
        ({"hex": "61ff62"}, ["a\ufffdb"]),
        ({"hex": "00"}, ["\x00"]),
        ({"body": "hi", "headers": {"Content-Type": "image/png"}}, ["hi"]),
    ],
    ids=["empty", "JSON", "not ASCII", "not UTF-8", "a null byte", "an image"],
)
async def test_an_http_backends_body_is_the_frame_as_it_is(proxies: Api, asked: Any, frames: list[str]) -> None:
    assert await frames_of(proxies, "http-2", asked) == frames


@pytest.mark.parametrize(
    ("asked", "frames"),
    [
        ({"statusCode": 200}, []),
        ({"statusCode": 200, "body": None}, []),
        ({"statusCode": 200, "body": ""}, []),
        ({"statusCode": 200, "body": "жук 😀"}, ["жук 😀"]),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, ["hi"]),
        ({"statusCode": 200, "body": "aGk="}, ["aGk="]),
        ({"statusCode": 200, "body": "hi", "headers": {"X": "1"}, "multiValueHeaders": {"Y": ["1"]}}, ["hi"]),
        ({"statusCode": 200, "body": "hi", "headers": None}, ["hi"]),
    ],
    ids=json.dumps,
)
async def test_a_functions_body_is_the_frame(proxies: Api, asked: Any, frames: list[str]) -> None:
    assert await frames_of(proxies, "function-2", asked) == frames


@pytest.mark.parametrize("action", ["function", "function-2"])
@pytest.mark.parametrize(
    "asked",
    [
        "raise",
        None,
        "text",
        1,
        [],
        {},
        {"body": "x"},
        {"statusCode": "200"},
        {"statusCode": 200.5},
        {"statusCode": None},
        {"ConnectionId": "a", "Data": "b"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 1},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
    ],
    ids=json.dumps,
)
async def test_a_function_that_fails_or_answers_nonsense_is_an_error_frame_on_every_route(
    proxies: Api, action: str, asked: Any
) -> None:
    assert [message_of(frame) for frame in await frames_of(proxies, action, asked)] == ["Internal server error"]


@pytest.mark.parametrize("kind", ["http", "function"])
async def test_an_answer_of_128_kb_is_one_message(proxies: Api, kind: str) -> None:
    assert await frames_of(proxies, f"{kind}-2", {"size": 131_072}) == ["x" * 131_072]


@pytest.mark.parametrize("kind", ["http", "function"])
async def test_an_answer_over_128_kb_is_an_error_frame_and_the_socket_stays_open(proxies: Api, kind: str) -> None:
    frames = await frames_of(proxies, f"{kind}-2", {"size": 131_073})
    assert [message_of(frame) for frame in frames] == ["Internal server error"]


# what cannot be called


@pytest.mark.parametrize("answers", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda backend: http_proxy("http://127.0.0.1:1024"), "Internal server error"),
        (lambda backend: http_proxy("http://no-such-host.invalid"), "Internal server error"),
        (lambda backend: http_proxy("http://169.254.169.254/latest"), "Internal server error"),
        (lambda backend: http_proxy("http://${stageVariables.none}/"), "Internal server error"),
        (lambda backend: lambda_proxy(backend.function_uri("missing")), "Internal server error"),
        (
            lambda backend: http_proxy(backend.url("/responses/never"), TimeoutInMillis=100),
            "Endpoint request timed out",
        ),
        (
            lambda backend: lambda_proxy(backend.function_uri("never"), TimeoutInMillis=100),
            "Endpoint request timed out",
        ),
        (lambda backend: mock("nonsense"), "Internal server error"),
    ],
    ids=[
        "nobody listens",
        "no address",
        "the metadata service",
        "an undefined stage variable",
        "no such function",
        "a slow backend",
        "a slow function",
        "a mock without a status",
    ],
)
async def test_what_cannot_be_called_is_an_error_frame_on_every_route_and_the_socket_stays_open(
    gateway: Gateway, backend: ScriptedBackend, make: Any, message: str, answers: bool
) -> None:
    never = asyncio.Event()

    async def wait(event: dict[str, Any]) -> None:
        await never.wait()

    backend.on("/responses/never", until=never)
    backend.on_function("never", wait)
    api = gateway.api(integrations={"x": make(backend)}, routes={"$default": (two_way if answers else one_way)("x")})
    async with api.connect() as client:
        for _ in range(2):
            assert message_of(await ask(client, "hello")) == message
    never.set()


# route responses


async def test_a_route_response_makes_a_route_two_way_once_it_is_deployed(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    backend.on("/responses/echo", lambda request: request.body)
    api = gateway.api(
        integrations={"echo": http_proxy(backend.url("/responses/echo"))},
        routes={"echo": one_way("echo", RouteResponseSelectionExpression="$default"), "always": two_way("echo")},
        limits={"maxInFlight": 1},
    )
    question = '{"action":"echo"}'
    always = '{"action":"always"}'

    async def answered() -> bool:
        await client.send(question)
        frame = await ask(client, always)
        if frame == question:
            assert await next_frame(client) == always
        return frame == question

    async with api.connect() as client:
        assert not await answered()
        api.add_route_response("echo")
        assert not await answered()
        api.deploy()
        await eventually(answered)


@pytest.mark.parametrize("key", ["other", "$connect", "/200/"])
def test_a_route_response_is_called_default(proxies: Api, key: str) -> None:
    with pytest.raises(proxies.management.exceptions.BadRequestException):
        proxies.management.create_route_response(
            ApiId=proxies.api_id, RouteId=proxies.route_ids["http"], RouteResponseKey=key
        )


# integration responses


@pytest.fixture(scope="module")
def by_status(gateway: Gateway, backend: ScriptedBackend) -> Api:
    """Two-way HTTP routes whose backend answers with the status that the message asks for."""
    backend.on("/responses/status", lambda request: Answer(request.json()["status"], "body"))
    uri = backend.url("/responses/status")
    return gateway.api(
        integrations={
            "ordered": http_custom(
                uri,
                IntegrationResponses=[
                    answer("$default", "default"),
                    answer("/200/", "exactly 200"),
                    answer("/2\\d\\d/", "some 2xx"),
                    answer("/4\\d{2}/", "some 4xx"),
                    answer("/40/", "never"),
                ],
            ),
            "no default": http_custom(uri, IntegrationResponses=[answer("/200/")]),
            "none": http_custom(uri),
        },
        routes={
            "ordered": two_way("ordered"),
            "partial": two_way("no default"),
            "none": two_way("none"),
            "one-way": one_way("none"),
            "after": two_way("no default"),
        },
        limits={"maxInFlight": 1},
    )


@pytest.mark.parametrize(
    ("action", "status", "frame"),
    [
        ("ordered", 200, "exactly 200"),
        ("ordered", 201, "some 2xx"),
        ("ordered", 404, "some 4xx"),
        ("ordered", 503, "default"),
        ("partial", 200, "body"),
    ],
)
async def test_the_first_integration_response_whose_pattern_matches_the_whole_status_applies(
    by_status: Api, action: str, status: int, frame: str
) -> None:
    async with by_status.connect() as client:
        assert await ask(client, json.dumps({"action": action, "status": status})) == frame


@pytest.mark.parametrize(("action", "status"), [("partial", 404), ("none", 200)])
async def test_without_a_matching_integration_response_a_two_way_route_is_an_error(
    by_status: Api, action: str, status: int
) -> None:
    async with by_status.connect() as client:
        frame = await ask(client, json.dumps({"action": action, "status": status}))
        assert message_of(frame) == "Internal server error"


async def test_a_one_way_route_needs_no_integration_response(by_status: Api) -> None:
    async with by_status.connect() as client:
        await client.send('{"action":"one-way","status":200}')
        assert await ask(client, '{"action":"after","status":200}') == "body"


@pytest.mark.parametrize(
    ("members", "frame"),
    [
        ({}, "body"),
        ({"ResponseTemplates": {"200": "only one"}}, "only one"),
        ({"ResponseTemplates": {"a": "A", "b": "B"}}, "body"),
        ({"ResponseTemplates": {"a": "A", "$default": "D"}}, "D"),
        (
            {"ResponseTemplates": {"j": "J", "$default": "D"}, "TemplateSelectionExpression": "${request.body.kind}"},
            "J",
        ),
        (
            {
                "ResponseTemplates": {"200": "S", "$default": "D"},
                "TemplateSelectionExpression": "${integration.response.statuscode}",
            },
            "S",
        ),
        (
            {
                "ResponseTemplates": {"text/x": "T", "$default": "D"},
                "TemplateSelectionExpression": "${integration.response.header.Content-Type}",
            },
            "T",
        ),
        (
            {
                "ResponseTemplates": {"1,2": "M", "$default": "D"},
                "TemplateSelectionExpression": "${integration.response.multivalueheader.X-N}",
            },
            "M",
        ),
        ({"ResponseTemplates": {"a": "A"}, "TemplateSelectionExpression": "other"}, "body"),
        ({"ContentHandlingStrategy": "CONVERT_TO_TEXT"}, b64encode(b"body").decode()),
    ],
)
async def test_an_integration_response_chooses_its_template(
    gateway: Gateway, backend: ScriptedBackend, members: dict[str, Any], frame: str
) -> None:
    headers = (("Content-Type", "text/x"), ("X-N", "1"), ("X-N", "2"))
    backend.on("/responses/template", body="body", headers=headers)
    response = {"IntegrationResponseKey": "$default", **members}
    api = gateway.api(
        integrations={"x": http_custom(backend.url("/responses/template"), IntegrationResponses=[response])},
        routes={"$default": two_way("x")},
    )
    async with api.connect() as client:
        assert await ask(client, '{"kind":"j"}') == frame


async def test_bytes_become_base64_text_where_they_are_converted(gateway: Gateway, backend: ScriptedBackend) -> None:
    backend.on("/responses/bytes", body=b"\x00\xff\x10")
    to_text = answer(ContentHandlingStrategy="CONVERT_TO_TEXT")
    api = gateway.api(
        integrations={"x": http_custom(backend.url("/responses/bytes"), IntegrationResponses=[to_text])},
        routes={"$default": two_way("x")},
    )
    async with api.connect() as client:
        assert await ask(client, "x") == "AP8Q"


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        ('{"fail":"user not found"}', "no user"),
        ('{"fail":"something else"}', "some failure"),
        ('{"fail":""}', "default"),
        ('{"value":1}', "default"),
    ],
)
async def test_a_function_behind_aws_chooses_by_its_error_message(functions: Api, message: str, frame: str) -> None:
    async with functions.connect() as client:
        assert await ask(client, message) == frame


@pytest.fixture(scope="module")
def functions(gateway: Gateway, backend: ScriptedBackend) -> Api:
    def function(event: dict[str, Any]) -> Any:
        if "fail" in event:
            raise RuntimeError(event["fail"])
        return {"errorMessage": "user not found, says the result"}

    backend.on_function("responses-custom", function)
    responses = [answer("/.*not found.*/", "no user"), answer("/.+/", "some failure"), answer("$default", "default")]
    return gateway.api(
        integrations={"x": lambda_custom(backend.function_uri("responses-custom"), IntegrationResponses=responses)},
        routes={"$default": two_way("x")},
    )


async def test_a_functions_result_passes_through_aws_unchanged_without_a_template(
    gateway: Gateway, backend: ScriptedBackend
) -> None:
    backend.on_function("responses-plain", lambda event: {"got": event})
    api = gateway.api(
        integrations={"x": lambda_custom(backend.function_uri("responses-plain"), IntegrationResponses=[answer()])},
        routes={"$default": two_way("x")},
    )
    async with api.connect() as client:
        assert json.loads(await ask(client, '{"n":1}')) == {"got": {"n": 1}}


@pytest.mark.parametrize(
    ("request_template", "responses", "frame"),
    [
        ('{"statusCode": 200}', [answer("$default", '{"pong":true}')], '{"pong":true}'),
        ('{"statusCode": 404}', [answer("/404/", "missing"), answer("$default", "default")], "missing"),
        ('{"statusCode": 201}', [answer("/200/", "ok"), answer("$default", "default")], "default"),
    ],
)
async def test_a_mock_answers_by_itself(
    gateway: Gateway, request_template: str, responses: list[dict[str, Any]], frame: str
) -> None:
    api = gateway.api(
        integrations={"x": mock(request_template, IntegrationResponses=responses)}, routes={"$default": two_way("x")}
    )
    async with api.connect() as client:
        assert await ask(client, "ping") == frame


@pytest.mark.parametrize("key", ["200", "/(/", "/(?=x)/", "//", "default"])
def test_an_integration_response_key_is_default_or_a_pattern(by_status: Api, key: str) -> None:
    with pytest.raises(by_status.management.exceptions.BadRequestException):
        by_status.management.create_integration_response(
            ApiId=by_status.api_id, IntegrationId=by_status.integration_ids["none"], IntegrationResponseKey=key
        )
