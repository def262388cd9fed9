"""Request parameters: every source into every target, and what is refused."""

from itertools import product

import pytest

from gatewayapp.core.messages import Event
from gatewayapp.core.parameters import compile_mapping, compile_required, compile_source
from tests.core.samples import DISCONNECT, HANDSHAKE, MESSAGE, context, message

MESSAGE_WITH_ALL = message('{"kind":"k","o":{"deep":[1,"two"]},"nil":null,"n":1.50,"empty":""}')


@pytest.mark.parametrize(
    ("source", "event", "values"),
    [
        ("route.request.querystring.room", HANDSHAKE, ["blue"]),
        ("route.request.querystring.tag", HANDSHAKE, ["y"]),
        ("route.request.multivaluequerystring.tag", HANDSHAKE, ["x", "y"]),
        ("route.request.querystring.Room", HANDSHAKE, []),
        ("route.request.querystring.missing", HANDSHAKE, []),
        ("route.request.querystring.room", MESSAGE, []),
        ("route.request.querystring.room", DISCONNECT, []),
        ("route.request.header.X-Tag", HANDSHAKE, ["last"]),
        ("route.request.header.x-tag", HANDSHAKE, ["last"]),
        ("route.request.multivalueheader.X-TAG", HANDSHAKE, ["first", "last"]),
        ("route.request.header.Cookie", HANDSHAKE, ["sid=9f1c; theme=dark"]),
        ("route.request.header.missing", HANDSHAKE, []),
        ("route.request.header.X-Tag", MESSAGE, []),
        ("route.request.header.X-Tag", DISCONNECT, []),
        ("method.request.querystring.room", HANDSHAKE, ["blue"]),
        ("method.request.header.X-Tag", HANDSHAKE, ["last"]),
        ("method.request.body.kind", MESSAGE_WITH_ALL, ["k"]),
        ("route.request.body.kind", MESSAGE_WITH_ALL, ["k"]),
        ("route.request.body.o.deep", MESSAGE_WITH_ALL, ["[1, two]"]),
        ("route.request.body.o.deep[1]", MESSAGE_WITH_ALL, ["two"]),
        ("route.request.body.o", MESSAGE_WITH_ALL, ["{deep=[1, two]}"]),
        ("route.request.body.n", MESSAGE_WITH_ALL, ["1.50"]),
        ("route.request.body.empty", MESSAGE_WITH_ALL, [""]),
        ("route.request.body.nil", MESSAGE_WITH_ALL, []),
        ("route.request.body.missing", MESSAGE_WITH_ALL, []),
        ("route.request.body", MESSAGE_WITH_ALL, [MESSAGE_WITH_ALL.text]),
        ("route.request.body.kind", HANDSHAKE, []),
        ("route.request.body", DISCONNECT, []),
        ("route.request.body.kind", message("not json"), []),
        ("stageVariables.backend", MESSAGE, ["b.example.org"]),
        ("stageVariables.backend", HANDSHAKE, ["b.example.org"]),
        ("stageVariables.backend", DISCONNECT, ["b.example.org"]),
        ("stageVariables.missing", MESSAGE, []),
        ("context.connectionId", MESSAGE, ["R2p1dcf8oAMCJhg="]),
        ("context.connectionId", HANDSHAKE, ["R2p1dcf8oAMCJhg="]),
        ("context.connectionId", DISCONNECT, ["R2p1dcf8oAMCJhg="]),
        ("context.eventType", DISCONNECT, ["DISCONNECT"]),
        ("context.disconnectStatusCode", DISCONNECT, ["1001"]),
        ("context.disconnectStatusCode", MESSAGE, []),
        ("context.messageId", MESSAGE, ["37OWx0e9eXm9MHY="]),
        ("context.messageId", HANDSHAKE, []),
        ("context.connectedAt", MESSAGE, ["1768910108001"]),
        ("context.identity.sourceIp", MESSAGE, ["198.51.100.7"]),
        ("context.identity.apiKey", MESSAGE, []),
        ("context.identity.userArn", HANDSHAKE, []),
        ("context.identity.cognitoIdentityId", DISCONNECT, []),
        ("context.authorizer.tenant", MESSAGE, ["acme"]),
        ("context.authorizer.missing", MESSAGE, []),
        ("'production'", MESSAGE, ["production"]),
        ("'it''s'", MESSAGE, ["it''s"]),
        ("''", MESSAGE, [""]),
        ("'${stageVariables.backend}'", MESSAGE, ["${stageVariables.backend}"]),
    ],
)
def test_a_source_reads_its_values_from_an_event(source: str, event: Event, values: list[str]) -> None:
    read = compile_source(source)
    given = context(event, stage_variables={"backend": "b.example.org"}, authorizer={"tenant": "acme"})
    assert read(given) == values


@pytest.mark.parametrize(
    "source",
    [
        "",
        "'",
        "production",
        "'production",
        "$context.connectionId",
        "context.",
        "context.unknown",
        "context.identity",
        "stageVariables.",
        "stageVariables.a-b",
        "route.request.path.id",
        "route.request.header.",
        "route.request.header.a b",
        "route.request.querystring.a&b",
        "route.request.body.",
        "route.request.body.a..b",
        "route.request.body.a[?(@.b)]",
        "integration.response.header.X",
        "request.body.kind",
    ],
)
def test_any_other_source_is_refused_in_words(source: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        compile_source(source)


NAMES = ["connectionId", "X-Tenant", "x.y", "_z", "$a"]


@pytest.mark.parametrize(("location", "name"), list(product(["header", "querystring", "path"], NAMES)))
def test_a_target_names_its_location_and_field(location: str, name: str) -> None:
    mapping = compile_mapping(f"integration.request.{location}.{name}", "context.connectionId")
    assert (mapping.location, mapping.name) == (location, name)
    assert mapping.source(context()) == ["R2p1dcf8oAMCJhg="]


@pytest.mark.parametrize(
    "target",
    [
        "",
        "header.X",
        "route.request.header.X",
        "integration.request.body.X",
        "integration.request.header.",
        "integration.request.header.a b",
        "integration.request.header.a:b",
        "integration.request.header.X\r\nY",
        "integration.request.header.X\n",
        "integration.request.querystring.a&b",
        "integration.request.path.a/b",
        "integration.request.header.ж",
    ],
)
def test_any_other_target_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="is called integration"):
        compile_mapping(target, "'x'")


@pytest.mark.parametrize(
    "name",
    [
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "X-Amzn-Trace-Id",
        "X-Amzn-Apigateway-Api-Id",
        "Connection",
        "Expect",
        "Proxy-Authenticate",
        "TE",
        "Host",
        "Upgrade",
        "X-Forwarded-For",
    ],
)
def test_the_gateways_own_headers_cannot_be_mapped(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be mapped"):
        compile_mapping(f"integration.request.header.{name}", "'x'")
    assert compile_mapping(f"integration.request.querystring.{name}", "'x'").name == name


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ({}, []),
        ({"route.request.querystring.room": {"required": True}}, []),
        ({"route.request.querystring.authToken": {"required": True}}, ["authToken"]),
        ({"route.request.querystring.authToken": {"required": False}}, []),
        ({"route.request.querystring.authToken": {}}, []),
        ({"method.request.querystring.authToken": {"required": True}}, ["authToken"]),
        ({"route.request.header.x-TAG": {"required": True}}, []),
        ({"route.request.header.X-Api": {"required": True}}, ["X-Api"]),
    ],
)
def test_a_required_parameter_must_be_in_the_handshake(
    declared: dict[str, dict[str, bool]], missing: list[str]
) -> None:
    assert [each.name for each in compile_required(declared) if not each.present(HANDSHAKE)] == missing


@pytest.mark.parametrize(
    "key", ["", "querystring.a", "route.request.body.a", "route.request.path.a", "route.request.header."]
)
def test_only_headers_and_query_fields_can_be_required(key: str) -> None:
    with pytest.raises(ValueError, match="request parameter is called"):
        compile_required({key: {"required": True}})
