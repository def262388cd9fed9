"""What the tests of import and export start from: templates as text, and importing them."""

import json
from pathlib import Path
from typing import Any

from gatewayapp.interchange import Imported, Plan, Rejected, apply, read_document
from gatewayapp.models import Api

TEMPLATES = Path(__file__).parent / "templates"
REAL = sorted(path.name for path in TEMPLATES.iterdir())

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:{}/invocations"
)

DOCUMENT = """
nopal: 1
api: {name: chat, routeSelectionExpression: $request.body.action}
integrations:
  all: {integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "http://backend.example/"}
routes:
  $default: {integration: all}
  send: {integration: all, routeResponses: {$default: {}}}
stages:
  prod: {stageVariables: {room: blue}}
"""


def real(name: str) -> str:
    """One of the templates in the folder."""
    return (TEMPLATES / name).read_text()


def template(resources: dict[str, Any] | None = None, api: dict[str, Any] | None = None, **sections: Any) -> str:
    """A template with an API named Api, to which `resources` are added; kinds stand without their prefix."""
    chat = {"Name": "chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
    everything = {"Api": {"Type": "Api", "Properties": {**chat, **(api or {})}}, **(resources or {})}
    for resource in everything.values():
        if "::" not in resource["Type"]:
            resource["Type"] = f"AWS::ApiGatewayV2::{resource['Type']}"
    return json.dumps({"Resources": everything, **sections})


def part(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of the API of `template`."""
    return {"Type": kind, "Properties": {"ApiId": {"Ref": "Api"}, **properties}}


def route(key: str = "$default", **properties: Any) -> dict[str, Any]:
    return part("Route", RouteKey=key, **properties)


def http_integration(**properties: Any) -> dict[str, Any]:
    http = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "POST", "IntegrationUri": "http://backend.example/"}
    return part("Integration", **{**http, **properties})


def imported(text: str, api_id: str | None = None, **parameters: str) -> tuple[Api, Imported]:
    """The API that the document became."""
    result = apply(read_document(text, parameters), api_id)
    return Api.objects.get(pk=result.api_id), result


def problems(text: str, **parameters: str) -> list[str]:
    """What the document is rejected for, at whichever step."""
    try:
        apply(read_document(text, parameters))
    except Rejected as rejection:
        return [str(problem) for problem in rejection.problems]
    raise AssertionError("the document was imported")


def members(plan: Plan, kind: str) -> list[dict[str, Any]]:
    """The wire members of the plan's parts of a kind, with references written out."""
    document = plan.document()["api"]
    return document[f"{kind.lower()}s"]
