"""The OpenAPI document against the running gateway: its examples work, and what it allows is answered as it says."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from websockets.sync.client import connect

from tests.support.gateway import Api, Gateway, mock, one_way, wait_until
from tests.support.rawsocket import RawClient
from tests.support.rest import RestClient, administrator

pytestmark = pytest.mark.timeout(300)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
"""Requests that are made up for each operation."""

NAMES = [
    "BroadcastToStage",
    "CheckDeployment",
    "CompareMessage",
    "CreateAccessKey",
    "CreateTestCase",
    "CreateToken",
    "CreateUser",
    "DeleteTestCase",
    "DeleteUser",
    "DiffDeployments",
    "Disconnect",
    "DisconnectConnections",
    "ExportApi",
    "ExportTraces",
    "GetAccessKey",
    "GetBackendMetrics",
    "GetConnection",
    "GetDraft",
    "GetGraph",
    "GetMetrics",
    "GetServer",
    "GetStageMetrics",
    "GetTestCase",
    "GetToken",
    "GetTrace",
    "GetUser",
    "ImportApi",
    "ListAccessKeys",
    "ListApis",
    "ListAuditEntries",
    "ListConnections",
    "ListDeployments",
    "ListStageDeployments",
    "ListTestCases",
    "ListTokens",
    "ListTraces",
    "ListUsers",
    "ReplayMessage",
    "ResetLayout",
    "RevokeAccessKey",
    "RevokeToken",
    "RollbackStage",
    "RunTestCases",
    "SendTestCase",
    "SendTestMessage",
    "SendToConnection",
    "SendToConnections",
    "StreamTraces",
    "TestMessage",
    "TestRoute",
    "UpdateLayout",
    "UpdateTestCase",
    "UpdateUser",
]
WITH_EXAMPLES = {
    "BroadcastToStage",
    "CheckDeployment",
    "CompareMessage",
    "CreateAccessKey",
    "CreateTestCase",
    "CreateToken",
    "CreateUser",
    "DisconnectConnections",
    "ImportApi",
    "ReplayMessage",
    "RollbackStage",
    "RunTestCases",
    "SendTestCase",
    "SendTestMessage",
    "SendToConnection",
    "SendToConnections",
    "TestMessage",
    "TestRoute",
    "UpdateLayout",
    "UpdateTestCase",
    "UpdateUser",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One of our own: what is made up here closes connections and shuts people out."""
    with Gateway(tmp_path_factory.mktemp("gateway") / "data") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway, "schema")


@pytest.fixture(scope="module")
def document(rest: RestClient) -> dict[str, Any]:
    return dict(rest.get("openapi.json"))


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation by its id."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.fixture(scope="module")
def names(gateway: Gateway, rest: RestClient) -> Iterator[dict[str, str]]:
    """What the path parameters and examples name, all of it there: an API, an earlier deployment, a connection…"""
    api = gateway.api(integrations={"mock": mock()}, routes={"$default": one_way("mock")}, stage="prod")
    [first] = rest.get(f"apis/{api.api_id}/deployments")["items"]
    api.deploy("prod")
    with RawClient(gateway.port) as client:
        assert client.upgrade(f"/ws/{api.api_id}/prod").status == 101
        [connection] = wait_until(lambda: rest.get(f"connections?apiId={api.api_id}")["items"])
        key = rest.post("access-keys", {"name": "x", "permissions": []})
        token = rest.post("tokens", {"name": "x", "scopes": ["apis:read"]})
        user = rest.post("users", {"username": "somebody", "password": "a-cactus-in-the-sun"})
        trace = traced_message(rest, api)
        test_case = rest.post(f"apis/{api.api_id}/test-cases", {"name": "x", "message": "{}"})
        yield {
            "apiId": api.api_id,
            "stageName": "prod",
            "deploymentId": first["deploymentId"],
            "connectionId": quote(connection["connectionId"]),
            "accessKeyId": key["accessKeyId"],
            "testCaseId": test_case["testCaseId"],
            "tokenId": token["tokenId"],
            "traceId": trace["traceId"],
            "userId": str(user["userId"]),
        }


def traced_message(rest: RestClient, api: Api) -> dict[str, Any]:
    """A message that a trace was kept of, since someone had just asked for traces."""
    messages = f"traces?apiId={api.api_id}&kind=message"
    rest.get(messages)
    with connect(api.url, compression=None) as client:
        client.send("{}")
        [trace] = wait_until(lambda: rest.get(messages)["items"])
    return dict(trace)


def test_the_document_is_openapi_3_1_and_describes_these_operations(
    document: dict[str, Any], operations: dict[str, Any]
) -> None:
    assert document["openapi"] == "3.1.0"
    assert sorted(operations) == NAMES
    assert {name for name in operations if examples(operations[name][2])} == WITH_EXAMPLES


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES))
def test_an_example_works(rest: RestClient, operations: dict[str, Any], names: dict[str, str], name: str) -> None:
    method, path, operation = operations[name]
    for example in examples(operation):
        body = json.loads(filled(json.dumps(example), names))
        answer = rest(method, filled(path, names).removeprefix("/api/v1/"), body)
        assert answer.status in (200, 201, 204), answer.body
        assert str(answer.status) in operation["responses"]


def examples(operation: dict[str, Any]) -> list[Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return [example["value"] for example in content.get("examples", {}).values()]


def filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


# A stream goes on for as long as it was asked to: tests/conformance/test_rest_traces.py reads one.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "StreamTraces"])
def test_whatever_the_document_allows_is_answered_as_it_says(
    gateway: Gateway,
    rest: RestClient,
    document: dict[str, Any],
    operations: dict[str, Any],
    names: dict[str, str],
    name: str,
) -> None:
    method, path, _ = operations[name]
    operation = schemathesis.openapi.from_dict(document)[path][method]
    existing = {key: unquote(value) for key, value in names.items() if f"{{{key}}}" in path}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), of_what_is_there=booleans())
    def check(case: schemathesis.Case, of_what_is_there: bool) -> None:
        if of_what_is_there:
            case.path_parameters = {**(case.path_parameters or {}), **existing}
        headers = {"Authorization": f"Bearer {rest.token}"}
        case.call_and_validate(base_url=gateway.endpoint, headers=headers, checks=CHECKS)

    check()
