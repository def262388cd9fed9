"""Integration URIs: what stage variables and messages may fill in, and the hosts they cannot change."""

import pytest

from gatewayapp.core.errors import BadRequestParameters, ConfigurationFailure
from gatewayapp.core.messages import Origin
from gatewayapp.core.uris import LambdaFunction, compile_http_uri, compile_lambda_uri

BACKEND = Origin("http", "backend.example.org", 80)


@pytest.mark.parametrize(
    ("source", "variables", "origin", "target"),
    [
        ("http://backend.example.org", {}, BACKEND, "/"),
        ("http://backend.example.org/ws/message?x=1", {}, BACKEND, "/ws/message?x=1"),
        ("HTTPS://Backend.Example.ORG:8443/a", {}, Origin("https", "backend.example.org", 8443), "/a"),
        ("http://[::1]:8080/a", {}, Origin("http", "::1", 8080), "/a"),
        ("http://${stageVariables.x}", {"x": "backend.example.org"}, BACKEND, "/"),
        ("http://${stageVariables.x}/path", {"x": "backend.example.org"}, BACKEND, "/path"),
        (
            "http://${stageVariables.x}/path",
            {"x": "backend.example.org:8080"},
            Origin("http", "backend.example.org", 8080),
            "/path",
        ),
        ("http://${stageVariables.x}/path", {"x": "backend.example.org/base"}, BACKEND, "/base/path"),
        ("http://${stageVariables.x}.example.org/", {"x": "backend"}, BACKEND, "/"),
        ("http://${stageVariables.x}.org/", {"x": "backend.example"}, BACKEND, "/"),
        ("http://backend.${stageVariables.x}/", {"x": "example.org"}, BACKEND, "/"),
        (
            "http://backend.example.org:${stageVariables.port}/",
            {"port": "8080"},
            Origin("http", "backend.example.org", 8080),
            "/",
        ),
        ("http://${stageVariables.a}.example.${stageVariables.b}/", {"a": "backend", "b": "org"}, BACKEND, "/"),
        ("http://backend.example.org/${stageVariables.x}/bar", {"x": "foo"}, BACKEND, "/foo/bar"),
        ("http://backend.example.org/foo?q=${stageVariables.x}", {"x": "1"}, BACKEND, "/foo?q=1"),
        ("http://backend.example.org/${stageVariables.x}", {"x": "@evil.org/"}, BACKEND, "/@evil.org/"),
        ("http://backend.example.org/${stageVariables.x}", {"x": "http://evil.org"}, BACKEND, "/http://evil.org"),
        ("http://backend.example.org?${stageVariables.x}", {"x": "@evil.org"}, BACKEND, "/?@evil.org"),
        ("http://backend.example.org${stageVariables.x}", {"x": "/path"}, BACKEND, "/path"),
    ],
)
def test_stage_variables_fill_their_places(source: str, variables: dict[str, str], origin: Origin, target: str) -> None:
    assert compile_http_uri(source).resolve(variables, {}) == (origin, target)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("http://${stageVariables.x}.example.org/", "evil.org/"),
        ("http://${stageVariables.x}.example.org/", "evil.org#"),
        ("http://${stageVariables.x}.example.org/", "evil.org?"),
        ("http://${stageVariables.x}.example.org/", "evil.org:80"),
        ("http://${stageVariables.x}.example.org/", "user@evil"),
        ("http://${stageVariables.x}.example.org/", ""),
        ("http://${stageVariables.x}:8080/", "evil.org/"),
        ("http://backend.example.org${stageVariables.x}", ".evil.org"),
        ("http://backend.example.org${stageVariables.x}", "@evil.org"),
        ("http://backend.example.org${stageVariables.x}/", ":8080"),
        ("http://backend.example.org:${stageVariables.x}/", "80@evil.org"),
        ("http://backend.example.org:${stageVariables.x}/", "not-a-port"),
        ("http://backend.${stageVariables.x}/", "org/@"),
        ("http://${stageVariables.x}/", "user:password@evil.org"),
        ("http://${stageVariables.x}/", "evil org"),
        ("http://${stageVariables.x}/", ""),
        ("http://${stageVariables.x}/", "backend.example.org:22"),
    ],
)
def test_a_stage_variable_cannot_turn_the_host_into_another(source: str, value: str) -> None:
    with pytest.raises(ConfigurationFailure):
        compile_http_uri(source).resolve({"x": value}, {})


def test_an_undefined_stage_variable_fails_the_call() -> None:
    with pytest.raises(ConfigurationFailure, match="stage variable 'x'"):
        compile_http_uri("http://${stageVariables.x}/").resolve({"y": "1"}, {})


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("blue", "/rooms/blue/in"),
        ("a b", "/rooms/a%20b/in"),
        ("a/b", "/rooms/a%2Fb/in"),
        ("../admin", "/rooms/..%2Fadmin/in"),
        ("a?b#c", "/rooms/a%3Fb%23c/in"),
        ("%2e%2e", "/rooms/%252e%252e/in"),
        ("жук", "/rooms/%D0%B6%D1%83%D0%BA/in"),
        ("a\r\nHost: evil", "/rooms/a%0D%0AHost%3A%20evil/in"),
        ("{room}", "/rooms/%7Broom%7D/in"),
        ("${stageVariables.x}", "/rooms/%24%7BstageVariables.x%7D/in"),
    ],
)
def test_a_path_value_stays_one_segment(value: str, target: str) -> None:
    uri = compile_http_uri("http://backend.example.org/rooms/{room}/in")
    assert uri.path_parameters == {"room"}
    assert uri.resolve({}, {"room": value}) == (BACKEND, target)


@pytest.mark.parametrize("path", [{}, {"room": ""}, {"room": "."}, {"room": ".."}, {"other": "x"}])
def test_a_path_value_that_is_missing_or_climbs_is_a_bad_request(path: dict[str, str]) -> None:
    uri = compile_http_uri("http://backend.example.org/rooms/{room}/in")
    with pytest.raises(BadRequestParameters, match=r"Missing required request parameters: \[room\]"):
        uri.resolve({}, path)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "backend.example.org",
        "ftp://backend.example.org/",
        "//backend.example.org/",
        "http://",
        "http:///path",
        "http://user:password@backend.example.org/",
        "http://backend.example.org:0/",
        "http://backend.example.org:22/",
        "http://backend.example.org:99999/",
        "http://back end.example.org/",
        "http://{host}/",
        "http://{room}.example.org/",
        "http://backend.example.org:{port}/",
        "file:///etc/passwd",
    ],
)
def test_a_uri_of_another_form_is_refused_in_words(source: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+.*\."):
        compile_http_uri(source)


FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
INVOCATION = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{}/invocations"


@pytest.mark.parametrize(
    ("source", "variables", "function"),
    [
        (FUNCTION_ARN, {}, LambdaFunction("eu-central-1", "echo", None)),
        (f"{FUNCTION_ARN}:live", {}, LambdaFunction("eu-central-1", "echo", "live")),
        (f"{FUNCTION_ARN}:$LATEST", {}, LambdaFunction("eu-central-1", "echo", "$LATEST")),
        (f"{FUNCTION_ARN}:7", {}, LambdaFunction("eu-central-1", "echo", "7")),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:my_fn-1",
            {},
            LambdaFunction("cn-north-1", "my_fn-1", None),
        ),
        (INVOCATION.format(FUNCTION_ARN), {}, LambdaFunction("eu-central-1", "echo", None)),
        (INVOCATION.format(f"{FUNCTION_ARN}:live"), {}, LambdaFunction("eu-central-1", "echo", "live")),
        (
            FUNCTION_ARN.replace("echo", "${stageVariables.fn}"),
            {"fn": "echo"},
            LambdaFunction("eu-central-1", "echo", None),
        ),
        (FUNCTION_ARN + ":${stageVariables.alias}", {"alias": "live"}, LambdaFunction("eu-central-1", "echo", "live")),
        (
            INVOCATION.format(FUNCTION_ARN.replace("echo", "${stageVariables.fn}")),
            {"fn": "echo:live"},
            LambdaFunction("eu-central-1", "echo", "live"),
        ),
    ],
)
def test_a_function_is_named_by_its_arn(source: str, variables: dict[str, str], function: LambdaFunction) -> None:
    assert compile_lambda_uri(source).resolve(variables) == function


@pytest.mark.parametrize("variables", [{}, {"fn": ""}, {"fn": "../x"}, {"fn": "a/b"}, {"fn": "a b"}, {"fn": "a:b:c"}])
def test_a_stage_variable_that_names_no_function_fails_the_call(variables: dict[str, str]) -> None:
    with pytest.raises(ConfigurationFailure):
        compile_lambda_uri(FUNCTION_ARN.replace("echo", "${stageVariables.fn}")).resolve(variables)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "echo",
        "http://backend.example.org/",
        "arn:aws:sqs:eu-central-1:123456789012:queue",
        "arn:aws:apigateway:eu-central-1:sqs:path/123456789012/queue",
        "arn:aws:apigateway:eu-central-1:dynamodb:action/PutItem",
        "arn:aws:lambda:eu-central-1:123456789012:layer:echo",
        f"{FUNCTION_ARN}/invocations",
        INVOCATION.format("echo"),
    ],
)
def test_what_is_no_function_is_refused_in_words(source: str) -> None:
    with pytest.raises(ValueError, match="names no Lambda function"):
        compile_lambda_uri(source)
