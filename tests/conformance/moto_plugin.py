"""A pytest plugin under which moto's tests for `apigatewayv2` run against the gateway at $NOPAL_ENDPOINT.

Their `mock_aws` does nothing, their clients speak to the gateway, and each test starts from an empty one. Most of them
are about HTTP APIs: APIs become WebSocket APIs on their way in, get what such APIs cannot do without, and what the two
kinds of API say in other words is said so, and back on the way out. `docs/compatibility.md` lists every such change.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any, ClassVar
from urllib.parse import urlsplit

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
    "$request.method $request.path": "$request.body.action",
}
"""Route keys, integration response keys, a model's name, and the one selection expression that HTTP APIs have."""

PARAMETERS = {"action": "route.request.querystring.action", "zparam": "route.request.querystring.zparam"}
"""Request parameters."""

CONNECT = {"GET /": "$connect"}
"""The key of a route that has request parameters."""

MAPPED_STAGE = {"$default": "default"}
"""A stage that is mapped to a domain name."""

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:moto/invocations"
)
ADDRESS = urlsplit(os.environ.get("NOPAL_ENDPOINT", "")).netloc
OF_WEBSOCKET_STAGES = ("DataTraceEnabled", "LoggingLevel")
"""Settings of a stage that HTTP APIs have not."""


class Translator:
    """Stands between a client of `region` and the gateway."""

    http_apis: ClassVar[set[str]] = set()
    """The ids of those APIs that were asked for as HTTP APIs."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._asked: dict[str, Any] = {}

    def into_websocket(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self._asked = dict(params)
        if model.name == "CreateApi" and params["ProtocolType"] in ("HTTP", "WEBSOCKET"):
            params["ProtocolType"] = "WEBSOCKET"
            params.setdefault("RouteSelectionExpression", "$request.body.action")
        if model.name == "CreateIntegration" and params["IntegrationType"] == "HTTP":
            params.setdefault("IntegrationUri", "http://backend.example/")
            params.setdefault("IntegrationMethod", "POST")
        if model.name == "CreateAuthorizer":
            params.setdefault("AuthorizerUri", LAMBDA)
        if model.name == "CreateRoute" and params.get("RequestParameters"):
            params["RequestParameters"] = _renamed(params["RequestParameters"], PARAMETERS)
            _respell(params, CONNECT)
        if model.name == "CreateApiMapping" and params["Stage"] in MAPPED_STAGE:
            _respell(params, MAPPED_STAGE)
            _make_stage(params["ApiId"], params["Stage"])
        _respell(params, SPELLED)

    def out_of_websocket(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if "Error" in parsed:
            error = parsed["Error"]
            error["Message"] = re.sub(r"(?<=API identifier specified )\d{12}:", "", error["Message"])
        if model.name == "CreateApi" and self._asked["ProtocolType"] == "HTTP":
            self.http_apis.add(parsed["ApiId"])
        for resource in parsed.get("Items", [parsed]):
            self._out(resource)

    def _out(self, resource: dict[str, Any]) -> None:
        _respell(resource, _inverse(SPELLED | MAPPED_STAGE))
        if "RequestParameters" in resource:
            resource["RequestParameters"] = _renamed(resource["RequestParameters"], _inverse(PARAMETERS))
        api_id = resource.get("ApiId") or self._asked.get("ApiId")
        if resource.get("ApiEndpoint") == f"ws://{ADDRESS}/ws/{api_id}":
            resource["ApiEndpoint"] = f"https://{api_id}.execute-api.{self._region}.amazonaws.com"
        if api_id in self.http_apis:
            _respell(resource, {"WEBSOCKET": "HTTP"})
            for name in OF_WEBSOCKET_STAGES:
                resource.get("DefaultRouteSettings", {}).pop(name, None)


def _respell(members: dict[str, Any], words: dict[str, str]) -> None:
    members.update({name: words[value] for name, value in members.items() if isinstance(value, str) and value in words})


def _renamed(mapping: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    return {words.get(key, key): value for key, value in mapping.items()}


def _inverse(words: dict[str, str]) -> dict[str, str]:
    return {ours: theirs for theirs, ours in words.items()}


def _make_stage(api_id: str, name: str) -> None:
    """The stage, unless it is there; an API that is not there is for the test to find out."""
    gateway = _client_of_gateway("apigatewayv2")
    with suppress(gateway.exceptions.ConflictException, gateway.exceptions.NotFoundException):
        gateway.create_stage(ApiId=api_id, StageName=name)


def client_of_moto_s(service: str, region_name: str = "us-east-1") -> Any:
    """What the tests get when they ask boto3 for a client."""
    client, translator = _client_of_gateway(service, region_name), Translator(region_name)
    client.meta.events.register("provide-client-params.apigatewayv2.*", translator.into_websocket)
    client.meta.events.register("after-call.apigatewayv2.*", translator.out_of_websocket)
    return client


def _client_of_gateway(service: str, region_name: str = "us-east-1") -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return _client(service, region_name, endpoint_url=os.environ["NOPAL_ENDPOINT"], config=config)


_client = boto3.client
boto3.client = client_of_moto_s


@pytest.fixture(autouse=True)
def empty_gateway() -> Iterator[None]:
    yield
    client = _client_of_gateway("apigatewayv2")
    for domain in client.get_domain_names()["Items"]:
        client.delete_domain_name(DomainName=domain["DomainName"])
    for api in client.get_apis()["Items"]:
        client.delete_api(ApiId=api["ApiId"])
