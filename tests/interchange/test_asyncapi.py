"""AsyncAPI documents of an API, for the people and tools that write its clients."""

import pytest

from gatewayapp.interchange import Rejected, export_api
from gatewayapp.interchange.documents import parse
from tests.interchange.samples import LAMBDA, REAL, imported, real

pytestmark = pytest.mark.django_db

CHAT = f"""
nopal: 1
api: {{name: chat, routeSelectionExpression: $request.body.action, version: "2.1", description: A chat}}
authorizers:
  tokens: {{authorizerUri: "{LAMBDA.format("auth")}"}}
models:
  Message:
    schema:
      $schema: http://json-schema.org/draft-04/schema#
      id: http://example.com/message
      type: object
      properties:
        n: {{type: integer, minimum: 0, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false}}
        again: {{$ref: "#/definitions/other"}}
        elsewhere: {{$ref: "https://apigateway.amazonaws.com/restapis/x/models/Y"}}
      definitions: {{other: {{type: string}}}}
  Answer: {{schema: {{type: object}}}}
  Failure: {{schema: {{type: object, required: [error]}}}}
integrations:
  all: {{integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "http://secret.internal/"}}
routes:
  $connect:
    integration: all
    authorizationType: CUSTOM
    authorizer: tokens
    requestParameters:
      route.request.querystring.name: {{required: true}}
      route.request.querystring.room: {{required: false}}
      route.request.header.X-Token: {{required: true}}
  $disconnect: {{integration: all}}
  $default: {{}}
  room/join:
    integration: all
    operationName: join a room
    requestModels: {{$default: Message}}
    routeResponses: {{$default: {{responseModels: {{$default: Answer, failed: Failure}}}}}}
  room.join: {{}}
stages:
  prod: {{description: For everyone, deployed: false}}
"""


@pytest.fixture
def chat():
    api, _ = imported(CHAT)
    return parse(export_api(api.pk, "asyncapi", api_endpoint="wss://ws.example.com/ws/abc"))


def test_the_api_is_told_of_in_its_own_words(chat):
    assert (chat["asyncapi"], chat["info"]) == (
        "3.0.0",
        {
            "title": "chat",
            "version": "2.1",
            "description": "A chat",
            "x-nopal-route-selection-expression": "$request.body.action",
        },
    )


def test_each_stage_is_a_server(chat):
    assert chat["servers"] == {
        "prod": {
            "host": "ws.example.com",
            "pathname": "/ws/abc/prod",
            "protocol": "wss",
            "description": "For everyone",
        }
    }


def test_a_handshakes_parameters_are_the_channels_binding(chat):
    channel = chat["channels"]["api"]

    assert channel["bindings"]["ws"] == {
        "headers": {"type": "object", "properties": {"X-Token": {"type": "string"}}, "required": ["X-Token"]},
        "query": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "room": {"type": "string"}},
            "required": ["name"],
        },
        "bindingVersion": "0.1.0",
    }
    assert channel["x-nopal-authorization-type"] == "CUSTOM"


def test_each_route_that_messages_reach_is_an_operation_and_two_way_ones_reply(chat):
    operations = chat["operations"]

    assert set(operations) == {"default", "room.join", "room.join-2"}
    assert {operation["x-nopal-route-key"] for operation in operations.values()} == {
        "$default",
        "room/join",
        "room.join",
    }
    join = next(item for item in operations.values() if item["x-nopal-route-key"] == "room/join")
    assert join["action"] == "receive"
    assert join["title"] == "join a room"
    assert join["x-nopal-integration-type"] == "HTTP_PROXY"
    assert "reply" in join
    assert "reply" not in operations["default"]


def test_payloads_are_the_models_as_newer_json_schema(chat):
    schemas, messages = chat["components"]["schemas"], chat["components"]["messages"]
    (join,) = (name for name, message in messages.items() if message["name"] == "room/join")

    assert messages[join]["payload"] == {"$ref": "#/components/schemas/Message"}
    assert messages[f"{join}.reply"]["payload"] == {
        "anyOf": [{"$ref": "#/components/schemas/Answer"}, {"$ref": "#/components/schemas/Failure"}]
    }
    assert schemas["Message"] == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9},
            "again": {"$ref": "#/components/schemas/Message/definitions/other"},
            "elsewhere": {"description": "See https://apigateway.amazonaws.com/restapis/x/models/Y"},
        },
        "definitions": {"other": {"type": "string"}},
    }


def test_clients_are_not_told_where_backends_are(chat):
    assert "secret.internal" not in str(chat)


def test_the_official_parser_accepts_it(chat, parse_asyncapi):
    api, _ = imported(CHAT)

    operations, complaints = parse_asyncapi(export_api(api.pk, "asyncapi"))

    assert complaints == []
    assert sorted(operations) == sorted(chat["operations"])


@pytest.mark.parametrize("name", REAL)
def test_the_official_parser_accepts_real_apis(name, parse_asyncapi):
    api, _ = imported(real(name))

    operations, complaints = parse_asyncapi(export_api(api.pk, "asyncapi"))

    assert complaints == []
    assert len(operations) == api.routes.exclude(route_key__in=["$connect", "$disconnect"]).count()


def test_the_official_parser_accepts_an_api_without_anything(parse_asyncapi):
    api, _ = imported("nopal: 1\napi: {name: empty, routeSelectionExpression: $request.body.action}")

    assert parse_asyncapi(export_api(api.pk, "asyncapi")) == ([], [])


def test_another_format_is_refused():
    api, _ = imported(CHAT)

    with pytest.raises(Rejected, match="Unknown format 'openapi'; known are: nopal, cloudformation, asyncapi"):
        export_api(api.pk, "openapi")
