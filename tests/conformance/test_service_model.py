"""The public service model of `apigatewayv2`, as botocore ships it, is the referee: operations, members, answers.

Every operation on WebSocket APIs is called by boto3 on a running gateway, with every member that such APIs have; what
comes back is held against the model's shapes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import boto3
import botocore.config
import pytest
from botocore import xform_name
from botocore.model import Shape, StructureShape

from gatewayapp.controlplane.api.table import OPERATIONS
from gatewayapp.core.limits import camel
from gatewayapp.models import (
    Api,
    ApiMapping,
    ApiModel,
    Authorizer,
    Deployment,
    DomainName,
    Integration,
    IntegrationResponse,
    Route,
    RouteResponse,
    Stage,
)
from tests.support.gateway import Gateway

MODEL = (
    boto3.Session()
    .client("apigatewayv2", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    .meta.service_model
)
TABLE = {operation.name: operation for operation in OPERATIONS}

FOR_HTTP_APIS = [name for name in MODEL.operation_names if re.fullmatch("(Rei|I)mport.*|Export.*|.*(Cors|Vpc).*", name)]
OF_OTHER_PRODUCTS = [name for name in MODEL.operation_names if re.search("Portal|Product|RoutingRule", name)]
FOR_WEBSOCKET_APIS = sorted(set(MODEL.operation_names) - set(FOR_HTTP_APIS) - set(OF_OTHER_PRODUCTS))

OWN_STATUSES = {"UpdateRoute": 201}
"""As AWS was seen to answer, unlike its model."""
OWN_MEMBERS = {"limits"}
"""Nopal's, which SDKs pass by."""

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:chat/invocations"
)


def test_every_operation_on_websocket_apis_is_served() -> None:
    assert TABLE.keys() == {*FOR_WEBSOCKET_APIS, *FOR_HTTP_APIS}
    assert (len(FOR_WEBSOCKET_APIS), len(FOR_HTTP_APIS)) == (63, 9)


@pytest.mark.parametrize("name", TABLE)
def test_its_method_path_and_status_are_those_of_the_model(name: str) -> None:
    operation, http = TABLE[name], MODEL.operation_model(name).http
    path = "/v2/" + "/".join(operation.segments).replace("+", "").replace("resourceArn", "resource-arn")
    assert (operation.method, path) == (http["method"], http["requestUri"])
    if name in FOR_WEBSOCKET_APIS:
        assert operation.status == OWN_STATUSES.get(name, http["responseCode"])


@pytest.mark.parametrize("name", FOR_WEBSOCKET_APIS)
def test_it_takes_every_member_of_the_body(name: str) -> None:
    shape = MODEL.operation_model(name).input_shape
    assert {_wire_name(shape, member) for member in _body_members(shape)} <= TABLE[name].members.keys()


@pytest.mark.parametrize(
    ("resource", "operation"),
    [
        (Api, "GetApi"),
        (ApiMapping, "GetApiMapping"),
        (ApiModel, "GetModel"),
        (Authorizer, "GetAuthorizer"),
        (Deployment, "GetDeployment"),
        (DomainName, "GetDomainName"),
        (Integration, "GetIntegration"),
        (IntegrationResponse, "GetIntegrationResponse"),
        (Route, "GetRoute"),
        (RouteResponse, "GetRouteResponse"),
        (Stage, "GetStage"),
    ],
)
def test_documents_have_no_members_but_the_model_s_and_nopal_s_own(resource: Any, operation: str) -> None:
    shape = MODEL.operation_model(operation).output_shape
    names = {_wire_name(shape, member) for member in shape.members}
    assert {camel(member) for member in resource.MEMBERS} - OWN_MEMBERS <= names


OF_HTTP_APIS: Mapping[str, set[str]] = {
    "Api": {"CorsConfiguration", "CredentialsArn", "RouteKey", "Target"},
    "Authorizer": {"AuthorizerPayloadFormatVersion", "EnableSimpleResponses", "JwtConfiguration"},
    "Integration": {"IntegrationSubtype", "ResponseParameters"},
    "Route": {"AuthorizationScopes"},
}
"""Members that WebSocket APIs have not."""

OF_OTHER_DOMAINS: Mapping[str, set[str]] = {"DomainName": {"MutualTlsAuthentication"}}
"""Members that a domain name cannot have once a WebSocket API is mapped to it."""

NOT_READ_BACK: Mapping[str, set[str]] = {"Deployment": {"StageName"}}

Members = dict[str, Any]


class Walk:
    """Calls operations, and keeps what was called and what is wrong with the answers."""

    def __init__(self, gateway: Gateway) -> None:
        key = gateway.key
        self.client = boto3.client(
            "apigatewayv2",
            endpoint_url=gateway.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        self.client.meta.events.register("after-call.apigatewayv2.*", self._record)
        self.called: set[str] = set()
        self.problems: list[str] = []

    def __call__(self, name: str, **members: Any) -> Members:
        answer: Members = getattr(self.client, xform_name(name))(**members)
        answer.pop("ResponseMetadata")
        return answer

    def _record(self, http_response: Any, model: Any, **_: Any) -> None:
        self.called.add(model.name)
        status = OWN_STATUSES.get(model.name, model.http["responseCode"])
        if http_response.status_code != status:
            self.problems.append(f"{model.name} answered {http_response.status_code}, not {status}")
        if model.output_shape is None:
            self.problems += [f"{model.name} answered a body"] * bool(http_response.content)
        else:
            self.problems += misfits(model.output_shape, json.loads(http_response.content), model.name)

    def round_trip(self, kind: str, names: Members, first: Members, second: Members) -> Members:
        """Create, read, list, update and read the resource with each of its members; the names to call it by."""
        created = self(f"Create{kind}", **names, **first)
        named = names | {key: created[key] for key in (f"{kind}Id", "StageName") if key in created}
        named |= {"DomainName": created["DomainName"]} if kind == "DomainName" else {}
        assert self(f"Get{kind}", **named) == created
        assert created in self(f"Get{kind}s", **names)["Items"]
        assert_kept(kind, f"Create{kind}", names, first, created)

        updated = self(f"Update{kind}", **named, **second)
        assert self(f"Get{kind}", **named) | {"LastUpdatedDate": 0} == updated | {"LastUpdatedDate": 0}
        assert_kept(kind, f"Update{kind}", named, second, updated)
        return named


def assert_kept(kind: str, operation: str, names: Members, given: Members, answer: Members) -> None:
    """Every member that the operation declares was given, and reads back as given."""
    shape = MODEL.operation_model(operation).input_shape
    left_out = {*names, *OF_HTTP_APIS.get(kind, ()), *OF_OTHER_DOMAINS.get(kind, ())}
    assert set(_body_members(shape)) - left_out == given.keys() - left_out, operation
    for member in given.keys() - NOT_READ_BACK.get(kind, set()):
        assert contains(answer[member], given[member]), f"{operation}: {member} is {answer[member]!r}"


def contains(answer: Any, given: Any) -> bool:
    """Whether the answer has what was given, and where these are objects perhaps more."""
    if isinstance(given, Mapping):
        return all(key in answer and contains(answer[key], value) for key, value in given.items())
    if isinstance(given, list):
        return len(answer) == len(given) and all(map(contains, answer, given))
    return bool(answer == given)


def misfits(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """What of a JSON value is not as the shape says, with a path to it."""
    if isinstance(shape, StructureShape):
        members = {_wire_name(shape, member): each for member, each in shape.members.items()}
        for name in value.keys() - OWN_MEMBERS:
            if name in members:
                yield from misfits(members[name], value[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is not in the model"
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from misfits(shape.value, item, f"{where}.{key}")  # type: ignore[attr-defined]
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from misfits(shape.member, item, f"{where}[{index}]")  # type: ignore[attr-defined]
    elif not _SCALARS[shape.type_name](value):
        yield f"{where} is {value!r}, no {shape.type_name}"
    elif getattr(shape, "enum", None) and value not in shape.enum:  # type: ignore[attr-defined]
        yield f"{where} is {value!r}, not one of {shape.enum}"  # type: ignore[attr-defined]


_SCALARS = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "double": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "timestamp": lambda value: isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None,
}


def test_every_operation_round_trips_every_member_in_shapes_of_the_model(gateway: Gateway) -> None:
    walk = Walk(gateway)

    api = walk.round_trip("Api", {}, API | {"ProtocolType": "WEBSOCKET", "Tags": {"a": "1"}}, API_AFTER)
    model = walk.round_trip("Model", api, MODEL_BEFORE, MODEL_AFTER)
    assert json.loads(walk("GetModelTemplate", **model)["Value"]) == {"text": "string"}
    authorizer = walk.round_trip("Authorizer", api, AUTHORIZER, AUTHORIZER_AFTER)
    integration = walk.round_trip("Integration", api, INTEGRATION, INTEGRATION_AFTER)
    rule = walk.round_trip("IntegrationResponse", integration, RULE, RULE_AFTER)
    target = {"Target": f"integrations/{integration['IntegrationId']}"}
    custom = {"AuthorizerId": authorizer["AuthorizerId"], **target}
    route = walk.round_trip("Route", api, ROUTE | custom, ROUTE_AFTER | custom)
    response = walk.round_trip("RouteResponse", route, RESPONSE, RESPONSE_AFTER)
    walk(
        "UpdateRoute", **api, RouteId=route["RouteId"], ApiKeyRequired=False, AuthorizationType="NONE", AuthorizerId=""
    )

    walk("CreateRoute", **api, RouteKey="join", **target)
    walk("UpdateIntegration", **integration, TemplateSelectionExpression="", RequestTemplates={})
    walk("UpdateIntegrationResponse", **rule, ResponseTemplates={}, TemplateSelectionExpression="")
    walk("UpdateRoute", **route, ModelSelectionExpression="", RequestModels={})
    walk("UpdateRouteResponse", **response, ModelSelectionExpression="", ResponseModels={})
    first = walk("CreateDeployment", **api)["DeploymentId"]
    second = walk("CreateDeployment", **api)["DeploymentId"]
    tagged = {"Tags": {"a": "1"}}
    stage = walk.round_trip(
        "Stage",
        api,
        STAGE | tagged | {"DeploymentId": first},
        STAGE_AFTER | {"DeploymentId": second, "AutoDeploy": False},
    )
    assert walk("UpdateStage", **stage, AutoDeploy=True)["AutoDeploy"] is True
    walk("UpdateStage", **stage, AutoDeploy=False)
    deployment = walk.round_trip(
        "Deployment", api, {"Description": "a", "StageName": stage["StageName"]}, {"Description": "b"}
    )
    domain = walk.round_trip("DomainName", {}, DOMAIN | tagged, DOMAIN_AFTER)
    at = {"ApiId": api["ApiId"], "Stage": stage["StageName"]}
    mapping = walk.round_trip("ApiMapping", domain, at | {"ApiMappingKey": "chat"}, at | {"ApiMappingKey": "chat/v2"})

    arn = f"arn:aws:apigateway:us-east-1::/apis/{api['ApiId']}"
    walk("TagResource", ResourceArn=arn, Tags={"b": "2"})
    walk("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert walk("GetTags", ResourceArn=arn)["Tags"] == {"b": "2"}
    walk("ResetAuthorizersCache", **stage)
    walk("DeleteAccessLogSettings", **stage)
    walk("DeleteRouteSettings", **stage, RouteKey="join")
    walk("DeleteRouteRequestParameter", **route, RequestParameterKey=PARAMETER)
    walk("DeleteApiMapping", **mapping)
    walk("DeleteDomainName", **domain)
    walk("DeleteStage", **stage)
    walk("DeleteDeployment", **deployment)
    walk("DeleteRouteResponse", **response)
    for each in walk("GetRoutes", **api)["Items"]:
        walk("DeleteRoute", **api, RouteId=each["RouteId"])
    walk("DeleteIntegrationResponse", **rule)
    walk("DeleteIntegration", **integration)
    walk("DeleteAuthorizer", **authorizer)
    walk("DeleteModel", **model)
    walk("DeleteApi", **api)

    assert walk.problems == []
    assert walk.called == set(FOR_WEBSOCKET_APIS)


LABELS = {
    "ResourceArn": "arn:aws:apigateway:us-east-1::/apis/nope",
    "DomainName": "nope.example",
    "TagKeys": ["a"],
    "Tags": {"a": "1"},
}
ON_A_RESOURCE = [name for name in FOR_WEBSOCKET_APIS if "{" in MODEL.operation_model(name).http["requestUri"]]


@pytest.mark.parametrize("name", ON_A_RESOURCE)
def test_a_resource_that_is_not_there_is_an_error_that_the_operation_declares(gateway: Gateway, name: str) -> None:
    model = MODEL.operation_model(name)
    members = {member: LABELS.get(member, "nope") for member in model.input_shape.required_members}
    members |= {"IdentitySource": []} if "IdentitySource" in members else {}
    client = gateway.management

    with pytest.raises(client.exceptions.NotFoundException) as raised:
        getattr(client, xform_name(name))(**members)

    assert {"Message", "ResourceType"} <= {*raised.value.response, *raised.value.response["Error"]}
    assert "NotFoundException" in {shape.name for shape in model.error_shapes}


@pytest.mark.parametrize("name", FOR_HTTP_APIS)
def test_an_operation_of_http_apis_says_that_nopal_serves_websocket_apis(gateway: Gateway, name: str) -> None:
    shape = MODEL.operation_model(name).input_shape
    members = {member: ["x"] if shape.members[member].type_name == "list" else "x" for member in shape.required_members}
    client = gateway.management

    with pytest.raises(client.exceptions.BadRequestException, match="Nopal serves WebSocket APIs"):
        getattr(client, xform_name(name))(**members)


def test_an_http_api_is_refused_with_the_same_sentence(gateway: Gateway) -> None:
    with pytest.raises(gateway.management.exceptions.BadRequestException, match="Nopal serves WebSocket APIs"):
        gateway.management.create_api(Name="x", ProtocolType="HTTP")


API = {
    "Name": "chat",
    "RouteSelectionExpression": "$request.body.action",
    "ApiKeySelectionExpression": "$context.authorizer.usageIdentifierKey",
    "Description": "rooms",
    "DisableExecuteApiEndpoint": True,
    "DisableSchemaValidation": True,
    "IpAddressType": "dualstack",
    "Version": "1",
}
API_AFTER = {
    "Name": "talk",
    "RouteSelectionExpression": "${request.body.a}/${request.body.b}",
    "ApiKeySelectionExpression": "$request.header.x-api-key",
    "Description": "more rooms",
    "DisableExecuteApiEndpoint": False,
    "DisableSchemaValidation": False,
    "IpAddressType": "ipv4",
    "Version": "2",
}
MODEL_BEFORE = {"Name": "Join", "ContentType": "text/plain", "Description": "a", "Schema": "no JSON"}
MODEL_AFTER = {
    "Name": "Enter",
    "ContentType": "application/json",
    "Description": "b",
    "Schema": '{"type": "object", "properties": {"text": {"type": "string"}}}',
}
AUTHORIZER = {
    "Name": "tokens",
    "AuthorizerType": "REQUEST",
    "AuthorizerUri": LAMBDA,
    "AuthorizerCredentialsArn": "arn:aws:iam::000000000000:role/a",
    "AuthorizerResultTtlInSeconds": 0,
    "IdentitySource": ["route.request.querystring.token", "route.request.header.Authorization"],
    "IdentityValidationExpression": "[a-z]+",
}
AUTHORIZER_AFTER = AUTHORIZER | {
    "Name": "cookies",
    "AuthorizerUri": LAMBDA.replace("chat", "talk"),
    "AuthorizerCredentialsArn": "arn:aws:iam::000000000000:role/b",
    "AuthorizerResultTtlInSeconds": 3600,
    "IdentitySource": ["context.identity.sourceIp"],
    "IdentityValidationExpression": ".*",
}
INTEGRATION = {
    "IntegrationType": "HTTP",
    "IntegrationUri": "http://${stageVariables.backend}/rooms",
    "IntegrationMethod": "PUT",
    "ConnectionType": "VPC_LINK",
    "ConnectionId": "link",
    "ContentHandlingStrategy": "CONVERT_TO_TEXT",
    "CredentialsArn": "arn:aws:iam::000000000000:role/a",
    "Description": "a",
    "PassthroughBehavior": "NEVER",
    "PayloadFormatVersion": "1.0",
    "RequestParameters": {"integration.request.header.X-Id": "context.connectionId"},
    "RequestTemplates": {"$default": '{"a": 1}', "snake_key": "{}", "Key-With": "{}"},
    "TemplateSelectionExpression": "$request.body.kind",
    "TimeoutInMillis": 50,
    "TlsConfig": {"ServerNameToVerify": "backend.example"},
}
INTEGRATION_AFTER = INTEGRATION | {
    "IntegrationUri": "http://backend.example/",
    "IntegrationMethod": "POST",
    "ConnectionType": "INTERNET",
    "ConnectionId": "other",
    "ContentHandlingStrategy": "CONVERT_TO_BINARY",
    "CredentialsArn": "arn:aws:iam::000000000000:role/b",
    "Description": "b",
    "PassthroughBehavior": "WHEN_NO_TEMPLATES",
    "RequestParameters": {"integration.request.querystring.a": "'b'"},
    "RequestTemplates": {"other": "{}"},
    "TemplateSelectionExpression": "\\$default",
    "TimeoutInMillis": 29_000,
    "TlsConfig": {"ServerNameToVerify": "other.example"},
}
RULE = {
    "IntegrationResponseKey": "/4\\d\\d/",
    "ContentHandlingStrategy": "CONVERT_TO_TEXT",
    "ResponseParameters": {"method.response.header.a": "integration.response.header.a"},
    "ResponseTemplates": {"$default": "done"},
    "TemplateSelectionExpression": "${integration.response.statuscode}",
}
RULE_AFTER = {
    "IntegrationResponseKey": "$default",
    "ContentHandlingStrategy": "CONVERT_TO_BINARY",
    "ResponseParameters": {"method.response.header.b": "'b'"},
    "ResponseTemplates": {"200": "well", "404": "gone"},
    "TemplateSelectionExpression": "\\$default",
}
PARAMETER = "route.request.querystring.token"
ROUTE = {
    "RouteKey": "$connect",
    "ApiKeyRequired": True,
    "AuthorizationType": "CUSTOM",
    "ModelSelectionExpression": "$request.body.kind",
    "OperationName": "Connect",
    "RequestModels": {"$default": "Enter", "Other-Key": "Enter"},
    "RequestParameters": {PARAMETER: {"Required": True}},
    "RouteResponseSelectionExpression": "$default",
}
ROUTE_AFTER = ROUTE | {
    "ApiKeyRequired": False,
    "ModelSelectionExpression": "$request.body.type",
    "OperationName": "Enter",
    "RequestModels": {"x": "Enter"},
    "RequestParameters": {"route.request.header.A": {"Required": False}},
}
RESPONSE = {
    "RouteResponseKey": "$default",
    "ModelSelectionExpression": "$request.body.kind",
    "ResponseModels": {"$default": "Enter"},
    "ResponseParameters": {"route.response.header.a": {"Required": True}},
}
RESPONSE_AFTER = RESPONSE | {
    "ModelSelectionExpression": "$request.body.type",
    "ResponseModels": {"x": "Enter"},
    "ResponseParameters": {"route.response.header.b": {"Required": False}},
}
SETTINGS = {
    "DataTraceEnabled": True,
    "DetailedMetricsEnabled": True,
    "LoggingLevel": "INFO",
    "ThrottlingBurstLimit": 5,
    "ThrottlingRateLimit": 2.5,
}
STAGE = {
    "StageName": "prod",
    "AccessLogSettings": {
        "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:a",
        "Format": "$context.requestId",
    },
    "AutoDeploy": False,
    "ClientCertificateId": "a",
    "DefaultRouteSettings": SETTINGS,
    "Description": "a",
    "RouteSettings": {"join": SETTINGS},
    "StageVariables": {"backend": "backend.example"},
}
STAGE_AFTER = {
    "AccessLogSettings": {"DestinationArn": "b", "Format": "$context.requestId $context.status"},
    "ClientCertificateId": "b",
    "DefaultRouteSettings": SETTINGS | {"LoggingLevel": "ERROR", "ThrottlingRateLimit": 7.0},
    "Description": "b",
    "RouteSettings": {"join": SETTINGS | {"LoggingLevel": "OFF"}},
    "StageVariables": {"backend": "other.example", "more": "1"},
}
CONFIGURATION = {
    "CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/a",
    "CertificateName": "a",
    "EndpointType": "REGIONAL",
    "IpAddressType": "dualstack",
    "OwnershipVerificationCertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/b",
    "SecurityPolicy": "TLS_1_2",
}
DOMAIN = {
    "DomainName": "chat.example.com",
    "DomainNameConfigurations": [CONFIGURATION],
    "RoutingMode": "API_MAPPING_ONLY",
}
DOMAIN_AFTER = {
    "DomainNameConfigurations": [CONFIGURATION | {"CertificateName": "b", "IpAddressType": "ipv4"}],
    "RoutingMode": "API_MAPPING_ONLY",
}


def _body_members(shape: StructureShape) -> list[str]:
    return [name for name, member in shape.members.items() if member.serialization.get("location") is None]


def _wire_name(shape: StructureShape, member: str) -> str:
    return str(shape.members[member].serialization.get("name", member))
