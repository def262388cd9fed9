"""A deployment's document compiled: what is in it, and what is refused with the resource's name."""

from typing import Any

import pytest

from gatewayapp.core.snapshot import compile_response_key, load
from tests.core.samples import integration, snapshot

INTEGRATION = {
    "integrationId": "int1",
    "integrationType": "HTTP",
    "integrationMethod": "put",
    "integrationUri": "http://backend.example.org/{room}",
    "timeoutInMillis": 50,
    "passthroughBehavior": "NEVER",
    "contentHandlingStrategy": "CONVERT_TO_BINARY",
    "tlsConfig": {"serverNameToVerify": "other.example.org"},
    "requestParameters": {"integration.request.path.room": "route.request.body.room"},
    "requestTemplates": {"$default": "{}"},
    "templateSelectionExpression": "${request.body.kind}",
    "integrationResponses": [
        {"integrationResponseId": "r1", "integrationResponseKey": "$default"},
        {
            "integrationResponseId": "r2",
            "integrationResponseKey": "/4\\d\\d/",
            "contentHandlingStrategy": "CONVERT_TO_TEXT",
            "responseTemplates": {"a": "A"},
            "templateSelectionExpression": "$integration.response.statuscode",
        },
        {"integrationResponseId": "r3", "integrationResponseKey": "/5\\d\\d/"},
    ],
}


def document(**members: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "api": {"apiId": "a1b2c3d4e5", "name": "chat", "routeSelectionExpression": "$request.body.action"},
        "routes": [
            {
                "routeId": "r1",
                "routeKey": "send",
                "target": "integrations/int1",
                "authorizationType": "NONE",
                "apiKeyRequired": False,
                "requestParameters": {"route.request.querystring.room": {"required": True}},
                "routeResponses": [{"routeResponseId": "rr1", "routeResponseKey": "$default"}],
            },
            {"routeId": "r2", "routeKey": "$connect", "routeResponses": []},
        ],
        "integrations": [INTEGRATION],
        "models": [],
        "authorizers": [],
        **members,
    }


def test_a_document_becomes_routes_with_their_integrations() -> None:
    api = load(document())
    assert api.api_id == "a1b2c3d4e5"
    assert list(api.routes) == ["send", "$connect"]
    send, connect = api.routes["send"], api.routes["$connect"]
    assert send.two_way
    assert [(each.location, each.name) for each in send.required_parameters] == [("querystring", "room")]
    assert (connect.integration, connect.two_way) == (None, False)
    compiled = send.integration
    assert compiled is not None
    assert (compiled.integration_id, compiled.type, compiled.method, compiled.timeout) == ("int1", "HTTP", "PUT", 0.05)
    assert (compiled.server_name, compiled.passthrough_behavior) == ("other.example.org", "NEVER")
    assert compiled.to_binary
    assert not compiled.is_proxy


def test_response_patterns_keep_their_order_and_default_comes_last() -> None:
    rules = integration(
        "MOCK",
        integrationResponses=[{"integrationResponseKey": key} for key in ("/b/", "$default", "/a/", "/c/")],
    ).responses
    assert [rule.pattern and rule.pattern.pattern for rule in rules] == ["b", "a", "c", None]


def test_an_integration_waits_29_seconds_unless_told_otherwise() -> None:
    assert integration().timeout == 29.0
    assert integration(timeoutInMillis=2500).timeout == 2.5


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"authorizationType": "AWS_IAM"}, "Route send: it asks for authorization"),
        ({"authorizationType": "CUSTOM", "authorizerId": "a1"}, "Route send: it asks for authorization"),
        ({"apiKeyRequired": True}, "Route send: it asks for an API key"),
        ({"modelSelectionExpression": "$default"}, "Route send: it asks for its messages to be validated"),
        ({"target": "integrations/gone"}, "Route send: its target names no integration"),
        ({"requestParameters": {"route.request.body.x": {"required": True}}}, "route.request.header"),
    ],
)
def test_a_route_that_cannot_be_carried_out_is_not_deployed(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(document(routes=[{"routeId": "r1", "routeKey": "send", **members}]))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"integrationUri": "ftp://x/"}, "Integration int1: .*http://"),
        ({"integrationUri": "http://h/{id}", "requestParameters": {}}, r"Integration int1: nothing fills \{id\}"),
        ({"requestParameters": {"integration.request.header.Host": "'x'"}}, "Integration int1: .*cannot be mapped"),
        ({"requestParameters": {"integration.request.header.X": "x"}}, "Integration int1: .*no source"),
        ({"requestTemplates": {"$default": "$input.body"}}, "Integration int1: .*Velocity"),
        ({"templateSelectionExpression": "$context.stage"}, "Integration int1: .*cannot be used here"),
        ({"integrationResponses": [{"integrationResponseKey": "/(/"}]}, "Integration int1: .*no pattern"),
        (
            {"integrationResponses": [{"integrationResponseKey": "$default", "responseTemplates": {"x": "#if(1)"}}]},
            "Integration int1: .*Velocity",
        ),
        (
            {"integrationType": "AWS", "integrationUri": "arn:aws:apigateway:eu-central-1:sqs:path/1/queue"},
            "Integration int1: .*no Lambda function",
        ),
    ],
)
def test_an_integration_that_cannot_be_carried_out_is_not_deployed(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(document(integrations=[{**INTEGRATION, **members}]))


def test_an_unreadable_route_selection_expression_is_not_deployed() -> None:
    with pytest.raises(ValueError, match="cannot be used here"):
        snapshot("$context.connectionId")


@pytest.mark.parametrize(
    ("key", "value", "matches"),
    [
        ("/200/", "200", True),
        ("/200/", "2000", False),
        ("/2\\d\\d/", "204", True),
        ("/4\\d{2}/", "404", True),
        ("/4\\d{2}/", "504", False),
        ("/.*not found.*/", "user not found!", True),
        ("/not found/", "user not found!", False),
        ("/a|b/", "b", True),
        ("/a/b/", "a/b", True),
    ],
)
def test_a_response_key_matches_the_whole_value(key: str, value: str, matches: bool) -> None:
    assert bool(compile_response_key(key).fullmatch(value)) is matches


def test_the_default_response_key_has_no_pattern() -> None:
    assert compile_response_key("$default") is None


@pytest.mark.parametrize(
    "key",
    ["", "200", "/", "//", "/200", "200/", "default", "/(/", "/a{2,1}/", "/(?=x)/", "/(a)\\1/", "/" + "a" * 512 + "/"],
)
def test_any_other_response_key_is_refused_in_words(key: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+.*\."):
        compile_response_key(key)


def test_a_pattern_that_would_explode_elsewhere_is_matched_in_linear_time() -> None:
    assert compile_response_key("/(a+)+b/").fullmatch("a" * 50_000) is None
