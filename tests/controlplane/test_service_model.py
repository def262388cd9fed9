"""The public service model of `apigatewayv2`, as botocore ships it, is the referee: paths, statuses, members."""

import re

import boto3
import pytest
from botocore import xform_name

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

MODEL = (
    boto3.Session()
    .client("apigatewayv2", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    .meta.service_model
)

FOR_HTTP_APIS = re.compile("ImportApi|ReimportApi|ExportApi|DeleteCorsConfiguration|.*VpcLinks?")
OF_OTHER_PRODUCTS = re.compile(".*(Portal|Product|RoutingRule).*")
NOT_YET = {"GetModelTemplate"}

TABLE = {operation.function.__name__: operation for operation in OPERATIONS}
SERVED = {name: MODEL.operation_model(name) for name in MODEL.operation_names if xform_name(name) in TABLE}


def test_every_operation_on_websocket_apis_is_served():
    left_out = set(MODEL.operation_names) - SERVED.keys()
    assert len(SERVED) == len(TABLE)
    assert {
        name for name in left_out if not FOR_HTTP_APIS.fullmatch(name) and not OF_OTHER_PRODUCTS.fullmatch(name)
    } == NOT_YET


@pytest.mark.parametrize("name", SERVED)
def test_its_method_and_path_are_those_of_the_model(name):
    operation, http = TABLE[xform_name(name)], SERVED[name].http
    path = "/v2/" + "/".join(operation.segments).replace("+", "").replace("resourceArn", "resource-arn")
    assert (operation.method, path) == (http["method"], http["requestUri"])


@pytest.mark.parametrize("name", SERVED)
def test_its_status_is_that_of_the_model(name):
    # AWS was seen to answer UpdateRoute with 201, though its model says 200.
    expected = 201 if name == "UpdateRoute" else SERVED[name].http["responseCode"]
    assert TABLE[xform_name(name)].status == expected


@pytest.mark.parametrize("name", SERVED)
def test_it_takes_every_member_of_the_body(name):
    shape = SERVED[name].input_shape
    in_body = {
        member.serialization.get("name", key)
        for key, member in shape.members.items()
        if member.serialization.get("location") is None
    }
    assert in_body <= TABLE[xform_name(name)].members.keys()


@pytest.mark.parametrize(
    ("resource", "operation", "own"),
    [
        (Api, "GetApi", set()),
        (ApiMapping, "GetApiMapping", set()),
        (ApiModel, "GetModel", set()),
        (Authorizer, "GetAuthorizer", set()),
        (Deployment, "GetDeployment", set()),
        (DomainName, "GetDomainName", set()),
        (Integration, "GetIntegration", set()),
        (IntegrationResponse, "GetIntegrationResponse", set()),
        (Route, "GetRoute", set()),
        (RouteResponse, "GetRouteResponse", set()),
        (Stage, "GetStage", {"limits"}),
    ],
)
def test_documents_have_no_members_but_the_model_s_and_nopal_s_own(resource, operation, own):
    known = MODEL.operation_model(operation).output_shape.members
    names = {member.serialization.get("name", key) for key, member in known.items()}
    assert {camel(member) for member in resource.MEMBERS} - own <= names
