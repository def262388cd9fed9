"""A pytest plugin under which moto's tests for `apigatewayv2` run against the gateway at $NOPAL_ENDPOINT.

Their `mock_aws` does nothing, their clients speak to the gateway, and each test starts from an empty one. Most of them
are about HTTP APIs: APIs become WebSocket APIs on their way in, get what such APIs cannot do without, and a few values
are spelled as WebSocket APIs spell them, and back on the way out.
"""

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.config import Config

moto = ModuleType("moto")
moto.mock_aws = lambda test: test  # type: ignore[attr-defined]
sys.modules["moto"] = moto

SPELLED = {
    "GET /": "GET/",
    "POST /": "POST/",
    "int_res_key": "/int_res_key/",
    "int_res_key2": "/int_res_key2/",
    "html-schema": "htmlschema",
}
"""Route keys, integration response keys and a model's name."""
_UNSPELLED = {ours: theirs for theirs, ours in SPELLED.items()}

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:moto/invocations"
)


def into_websocket(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.name == "CreateApi" and params["ProtocolType"] in ("HTTP", "WEBSOCKET"):
        params["ProtocolType"] = "WEBSOCKET"
        params.setdefault("RouteSelectionExpression", "$request.body.action")
    if model.name == "CreateIntegration" and params["IntegrationType"] == "HTTP":
        params.setdefault("IntegrationUri", "http://backend.example/")
        params.setdefault("IntegrationMethod", "POST")
    if model.name == "CreateAuthorizer":
        params.setdefault("AuthorizerUri", LAMBDA)
    _respell(params, SPELLED)


def out_of_websocket(parsed: dict[str, Any], **_: Any) -> None:
    for resource in parsed.get("Items", [parsed]):
        _respell(resource, _UNSPELLED)


def _respell(members: dict[str, Any], words: dict[str, str]) -> None:
    members.update({name: words[value] for name, value in members.items() if isinstance(value, str) and value in words})


def client_of_gateway(service: str, region_name: str = "us-east-1") -> Any:
    config = Config(retries={"total_max_attempts": 1})
    client = _client(service, region_name, endpoint_url=os.environ["NOPAL_ENDPOINT"], config=config)
    client.meta.events.register("provide-client-params.apigatewayv2.*", into_websocket)
    client.meta.events.register("after-call.apigatewayv2.*", out_of_websocket)
    return client


_client = boto3.client
boto3.client = client_of_gateway


@pytest.fixture(autouse=True)
def empty_gateway() -> Iterator[None]:
    yield
    client = client_of_gateway("apigatewayv2")
    for domain in client.get_domain_names()["Items"]:
        client.delete_domain_name(DomainName=domain["DomainName"])
    for api in client.get_apis()["Items"]:
        client.delete_api(ApiId=api["ApiId"])
