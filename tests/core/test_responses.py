"""What an integration's answer becomes: a frame, nothing, an error, or the answer to a handshake."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from gatewayapp.core.errors import BadIntegrationResult, ConfigurationFailure, FunctionFailure, GatewayError
from gatewayapp.core.messages import Acceptance, Denial, Headers, IntegrationResponse
from gatewayapp.core.responses import map_connect_response, map_response
from tests.core.samples import HANDSHAKE, context, route


def result(**members: Any) -> IntegrationResponse:
    """What a Lambda function returned."""
    return IntegrationResponse(200, orjson.dumps(members))


def frame(
    kind: str, response: IntegrationResponse, *, two_way: bool = True, text: str = "{}", **members: Any
) -> str | None:
    return map_response(route(kind, two_way=two_way, **members), response, context(text=text))


def connect(kind: str, response: IntegrationResponse, **members: Any) -> Acceptance | Denial:
    return map_connect_response(route(kind, **members), response, context(HANDSHAKE))


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 404, 500, 501])
@pytest.mark.parametrize("kind", ["HTTP_PROXY", "AWS_PROXY"])
def test_a_proxy_body_is_the_frame_of_a_two_way_route_whatever_the_status(kind: str, status: int) -> None:
    response = result(statusCode=status, body="hi") if kind == "AWS_PROXY" else IntegrationResponse(status, b"hi")
    assert frame(kind, response) == "hi"
    assert frame(kind, response, two_way=False) is None


@pytest.mark.parametrize(
    ("kind", "response", "text"),
    [
        ("HTTP_PROXY", IntegrationResponse(200), None),
        ("HTTP_PROXY", IntegrationResponse(204), None),
        ("HTTP_PROXY", IntegrationResponse(200, "жук".encode()), "жук"),
        ("HTTP_PROXY", IntegrationResponse(200, b"a\xff\xfeb"), "a\ufffd\ufffdb"),
        ("HTTP_PROXY", IntegrationResponse(200, b' {"not": "touched"}\n'), ' {"not": "touched"}\n'),
        ("AWS_PROXY", result(statusCode=200), None),
        ("AWS_PROXY", result(statusCode=200, body=None), None),
        ("AWS_PROXY", result(statusCode=200, body=""), None),
        ("AWS_PROXY", result(statusCode=200, body="жук"), "жук"),
        ("AWS_PROXY", result(statusCode=200, body="aGk=", isBase64Encoded=True), "hi"),
        ("AWS_PROXY", result(statusCode=200, body="aGk=", isBase64Encoded=False), "aGk="),
        ("AWS_PROXY", result(statusCode=200, body="aGk="), "aGk="),
        ("AWS_PROXY", result(statusCode=200, body="hi", headers={"X": "1"}, multiValueHeaders={"Y": ["2"]}), "hi"),
        ("AWS_PROXY", result(statusCode=200, body="hi", headers=None, cookies=[]), "hi"),
    ],
)
def test_a_frame_is_exactly_the_body_and_an_empty_body_is_none(
    kind: str, response: IntegrationResponse, text: str | None
) -> None:
    assert frame(kind, response) == text


BAD_RESULTS = [
    IntegrationResponse(200, b""),
    IntegrationResponse(200, b"null"),
    IntegrationResponse(200, b"not json"),
    IntegrationResponse(200, b"\xff"),
    IntegrationResponse(200, b"[" * 5000),
    IntegrationResponse(200, b'"text"'),
    IntegrationResponse(200, b"[200]"),
    IntegrationResponse(200, b"200"),
    result(),
    result(body="hi"),
    result(statusCode="200", body="hi"),
    result(statusCode=200.5),
    result(statusCode=True),
    result(statusCode=None),
    result(ConnectionId="x", Data="y"),
    result(statusCode=200, body={"a": 1}),
    result(statusCode=200, body=["a"]),
    result(statusCode=200, body=1),
    result(statusCode=200, body="not base64!", isBase64Encoded=True),
    result(statusCode=200, body="hi", headers="X: 1"),
    result(statusCode=200, body="hi", multiValueHeaders=["X"]),
]


@pytest.mark.parametrize("response", BAD_RESULTS, ids=lambda response: response.body.decode("latin-1")[:40])
@pytest.mark.parametrize("two_way", [True, False])
def test_a_lambda_result_of_another_shape_is_an_error_on_every_route(
    response: IntegrationResponse, two_way: bool
) -> None:
    with pytest.raises(BadIntegrationResult):
        frame("AWS_PROXY", response, two_way=two_way)


@pytest.mark.parametrize("response", BAD_RESULTS, ids=lambda response: response.body.decode("latin-1")[:40])
def test_a_lambda_result_of_another_shape_refuses_the_handshake_with_502(response: IntegrationResponse) -> None:
    with pytest.raises(BadIntegrationResult) as raised:
        connect("AWS_PROXY", response)
    assert raised.value.status == 502


FAILED = IntegrationResponse(200, b'{"errorMessage":"user not found","errorType":"E"}', function_error="Unhandled")


@pytest.mark.parametrize("two_way", [True, False])
def test_a_failed_function_is_an_error_on_every_route_and_refuses_the_handshake(two_way: bool) -> None:
    with pytest.raises(FunctionFailure):
        frame("AWS_PROXY", FAILED, two_way=two_way)
    with pytest.raises(FunctionFailure) as raised:
        connect("AWS_PROXY", FAILED)
    assert (raised.value.status, raised.value.message) == (502, "Internal server error")


def rule(key: str, body: str | None = None, **members: Any) -> dict[str, Any]:
    """An integration response; with `body`, under one template."""
    return {"integrationResponseKey": key, **({"responseTemplates": {"t": body}} if body else {}), **members}


@pytest.mark.parametrize(
    ("keys", "status", "chosen"),
    [
        (["/200/", "$default"], 200, "/200/"),
        (["$default", "/200/"], 200, "/200/"),
        (["/200/", "$default"], 201, "$default"),
        (["/2\\d\\d/", "/200/"], 200, "/2\\d\\d/"),
        (["/200/", "/2\\d\\d/"], 200, "/200/"),
        (["/4\\d{2}/", "/5\\d{2}/", "$default"], 503, "/5\\d{2}/"),
        (["/20/"], 200, None),
        (["/200/"], 404, None),
        ([], 200, None),
    ],
)
@pytest.mark.parametrize("kind", ["HTTP", "MOCK"])
def test_http_and_mock_answers_choose_their_integration_response_by_status(
    kind: str, keys: list[str], status: int, chosen: str | None
) -> None:
    rules = [rule(key, f"chosen {key.strip('$')}") for key in keys]
    if chosen is None:
        with pytest.raises(ConfigurationFailure):
            frame(kind, IntegrationResponse(status, b"body"), integrationResponses=rules)
    else:
        text = frame(kind, IntegrationResponse(status, b"body"), integrationResponses=rules)
        assert text == f"chosen {chosen.strip('$')}"


@pytest.mark.parametrize(
    ("keys", "response", "chosen"),
    [
        (["/.*not found.*/", "$default"], FAILED, "/.*not found.*/"),
        (["/not found/", "$default"], FAILED, "$default"),
        (["/.*/", "$default"], IntegrationResponse(200, b'{"errorMessage":"x"}'), "$default"),
        (["/.*/"], IntegrationResponse(200, b"{}"), None),
        (["/.*/"], IntegrationResponse(200, b"not json", function_error="Handled"), "/.*/"),
        (["/.+/"], IntegrationResponse(200, b'{"errorMessage":7}', function_error="Handled"), None),
    ],
)
def test_a_lambda_answer_chooses_by_the_message_of_its_failure(
    keys: list[str], response: IntegrationResponse, chosen: str | None
) -> None:
    rules = [rule(key, f"chosen {key.strip('$')}") for key in keys]
    if chosen is None:
        with pytest.raises(ConfigurationFailure):
            frame("AWS", response, integrationResponses=rules)
    else:
        assert frame("AWS", response, integrationResponses=rules) == f"chosen {chosen.strip('$')}"


@pytest.mark.parametrize("kind", ["HTTP", "MOCK", "AWS"])
def test_a_one_way_message_needs_no_integration_response(kind: str) -> None:
    assert frame(kind, IntegrationResponse(500, b"body"), two_way=False) is None


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, "body"),
        ({"responseTemplates": {}}, "body"),
        ({"responseTemplates": {"200": "only"}}, "only"),
        ({"responseTemplates": {"a": "A", "b": "B"}}, "body"),
        ({"responseTemplates": {"a": "A", "$default": "D"}}, "D"),
        ({"responseTemplates": {"a": "A"}, "templateSelectionExpression": "b"}, "body"),
        ({"responseTemplates": {"a": "A", "$default": "D"}, "templateSelectionExpression": "b"}, "D"),
        (
            {
                "responseTemplates": {"200": "A", "$default": "D"},
                "templateSelectionExpression": "${integration.response.statuscode}",
            },
            "A",
        ),
        (
            {
                "responseTemplates": {"text/plain": "T", "$default": "D"},
                "templateSelectionExpression": "$integration.response.header.content-type",
            },
            "T",
        ),
        (
            {"responseTemplates": {"j": "J", "$default": "D"}, "templateSelectionExpression": "${request.body.kind}"},
            "J",
        ),
        ({"contentHandlingStrategy": "CONVERT_TO_TEXT"}, b64encode(b"body").decode()),
        ({"contentHandlingStrategy": "CONVERT_TO_TEXT", "responseTemplates": {"200": "hi"}}, b64encode(b"hi").decode()),
    ],
)
def test_an_integration_response_shapes_the_frame(members: dict[str, Any], text: str) -> None:
    response = IntegrationResponse(200, b"body", (("Content-Type", "text/plain"),))
    rules = [rule("$default", **members)]
    assert frame("HTTP", response, text='{"kind":"j"}', integrationResponses=rules) == text


@pytest.mark.parametrize("status", [200, 201, 204, 208, 226])
@pytest.mark.parametrize("kind", ["HTTP_PROXY", "AWS_PROXY"])
def test_a_proxy_answer_of_2xx_accepts_the_handshake(kind: str, status: int) -> None:
    response = (
        result(statusCode=status, body="dropped") if kind == "AWS_PROXY" else IntegrationResponse(status, b"dropped")
    )
    assert connect(kind, response) == Acceptance(None)


@pytest.mark.parametrize("status", [300, 301, 302, 400, 401, 403, 404, 429, 500, 501, 503, 599])
@pytest.mark.parametrize("kind", ["HTTP_PROXY", "AWS_PROXY"])
def test_any_other_proxy_answer_refuses_the_handshake_with_its_status_and_body(kind: str, status: int) -> None:
    response = result(statusCode=status, body="no") if kind == "AWS_PROXY" else IntegrationResponse(status, b"no")
    headers = (("Content-Type", "application/json"), ("x-amz-apigw-id", HANDSHAKE.request_id))
    assert connect(kind, response) == Denial(status, headers, b"no")


@pytest.mark.parametrize("status", [0, 100, 101, 199, 600, 999, -1])
@pytest.mark.parametrize("kind", ["HTTP_PROXY", "AWS_PROXY"])
def test_a_status_that_answers_no_handshake_is_a_bad_result(kind: str, status: int) -> None:
    response = result(statusCode=status) if kind == "AWS_PROXY" else IntegrationResponse(status)
    with pytest.raises(BadIntegrationResult):
        connect(kind, response)


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [
        ((("content-type", "text/html"), ("X-Secret", "1"), ("Set-Cookie", "a=b")), "text/html"),
        ((("X-Secret", "1"),), "application/json"),
        ((("Content-Type", "text/html\r\nX-Evil: 1"),), "application/json"),
        ((("Content-Type", "text/жук"),), "application/json"),
    ],
)
def test_a_refused_client_gets_of_the_backends_headers_the_content_type_alone(
    headers: Headers, content_type: str
) -> None:
    denial = connect("HTTP_PROXY", IntegrationResponse(401, b"no", headers))
    assert isinstance(denial, Denial)
    assert denial.headers == (("Content-Type", content_type), ("x-amz-apigw-id", HANDSHAKE.request_id))


@pytest.mark.parametrize(
    ("members", "subprotocol"),
    [
        ({}, None),
        ({"headers": {"Sec-WebSocket-Protocol": "chat1"}}, "chat1"),
        ({"headers": {"sec-websocket-protocol": "chat1"}}, "chat1"),
        ({"headers": {"SEC-WEBSOCKET-PROTOCOL": " chat1 "}}, "chat1"),
        ({"headers": {"Sec-WebSocket-Protocol": "never-offered"}}, "never-offered"),
        ({"headers": {"Sec-WebSocket-Protocol": ""}}, None),
        ({"headers": {"Sec-WebSocket-Protocol": None}}, None),
        ({"headers": {"X-Other": "x"}}, None),
        ({"multiValueHeaders": {"Sec-WebSocket-Protocol": ["chat1", "chat2"]}}, "chat1"),
        ({"multiValueHeaders": {"Sec-WebSocket-Protocol": []}}, None),
        ({"multiValueHeaders": {"Sec-WebSocket-Protocol": [None]}}, None),
        ({"headers": {"Sec-WebSocket-Protocol": "a"}, "multiValueHeaders": {"Sec-WebSocket-Protocol": ["b"]}}, "a"),
    ],
)
def test_the_subprotocol_of_a_lambda_result_is_passed_on(members: dict[str, Any], subprotocol: str | None) -> None:
    assert connect("AWS_PROXY", result(statusCode=200, **members)) == Acceptance(subprotocol)


def test_the_subprotocol_of_an_http_backend_is_passed_on() -> None:
    response = IntegrationResponse(200, headers=(("X", "1"), ("Sec-Websocket-Protocol", "chat1")))
    assert connect("HTTP_PROXY", response) == Acceptance("chat1")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "жук"])
def test_a_subprotocol_that_is_no_header_value_is_a_bad_result(value: str) -> None:
    with pytest.raises(BadIntegrationResult, match="subprotocol"):
        connect("AWS_PROXY", result(statusCode=200, headers={"Sec-WebSocket-Protocol": value}))


@pytest.mark.parametrize(
    ("kind", "response", "members", "answer"),
    [
        ("MOCK", IntegrationResponse(200), {"integrationResponses": [rule("$default")]}, 101),
        ("MOCK", IntegrationResponse(200), {"integrationResponses": [rule("/200/")]}, 101),
        ("MOCK", IntegrationResponse(401), {"integrationResponses": [rule("$default")]}, 401),
        ("MOCK", IntegrationResponse(200), {"integrationResponses": [rule("$default", '{"statusCode": 403}')]}, 403),
        ("MOCK", IntegrationResponse(500), {"integrationResponses": [rule("$default", '{"statusCode": 200}')]}, 101),
        ("MOCK", IntegrationResponse(200), {}, ConfigurationFailure),
        ("MOCK", IntegrationResponse(200), {"integrationResponses": [rule("/404/")]}, ConfigurationFailure),
        ("HTTP", IntegrationResponse(200, b"x"), {"integrationResponses": [rule("$default")]}, 101),
        ("HTTP", IntegrationResponse(403, b"x"), {"integrationResponses": [rule("$default")]}, 403),
        ("HTTP", IntegrationResponse(200, b'{"statusCode":409}'), {"integrationResponses": [rule("$default")]}, 409),
        ("HTTP", IntegrationResponse(200), {}, ConfigurationFailure),
        ("AWS", IntegrationResponse(200, b'{"any":1}'), {"integrationResponses": [rule("$default")]}, 101),
        ("AWS", IntegrationResponse(200, b'{"statusCode":401}'), {"integrationResponses": [rule("$default")]}, 401),
        ("AWS", IntegrationResponse(200, b"null"), {}, ConfigurationFailure),
        ("AWS", FAILED, {"integrationResponses": [rule("$default")]}, FunctionFailure),
        ("AWS", FAILED, {"integrationResponses": [rule("/.*not found/", '{"statusCode": 404}')]}, 404),
    ],
)
def test_a_handshake_through_a_non_proxy_integration_takes_its_status_from_the_integration_response(
    kind: str, response: IntegrationResponse, members: dict[str, Any], answer: int | type[GatewayError]
) -> None:
    if isinstance(answer, type):
        with pytest.raises(answer):
            connect(kind, response, **members)
    elif answer == 101:
        assert connect(kind, response, **members) == Acceptance(None)
    else:
        denial = connect(kind, response, **members)
        assert isinstance(denial, Denial)
        assert denial.status == answer
