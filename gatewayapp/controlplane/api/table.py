"""Which operation a method and a path mean. A new operation is one line of `OPERATIONS`.

A label takes one percent-encoded segment of the path. `{+label}`, for what may hold a slash, takes the rest of the
path, since a proxy on the way may have decoded `%2F`. Public service model: apigatewayv2, 2018-11-29.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args, get_type_hints
from urllib.parse import unquote

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import NotFound, OperationError
from gatewayapp.core.limits import camel

_STATUS = {"POST": 201, "PUT": 201, "GET": 200, "PATCH": 200, "DELETE": 204}


class MethodNotAllowed(OperationError):
    """The path is known, but not with this method; `allowed` are those that it takes."""

    status = 405
    code = "MethodNotAllowedException"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"This path takes {', '.join(allowed)}.")
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Operation:
    """A function and how it is called on the wire.

    `name` is that of the service model; `segments` are its path's, with the labels; `members` maps the body's member
    names to keywords of the function; `query_lists` names query parameters that may be repeated.
    """

    name: str
    method: str
    segments: tuple[str, ...]
    function: Callable[..., Any]
    status: int
    members: Mapping[str, str]
    query_lists: tuple[str, ...]


class Call(NamedTuple):
    """An operation, the values of its path's labels, and the path decoded, which is what permissions speak of."""

    operation: Operation
    labels: dict[str, str]
    path: str


def match(method: str, raw_path: str) -> Call:
    """What is to be called; `raw_path` is percent-encoded and starts below `/v2`.

    Raises NotFound or MethodNotAllowed.
    """
    segments = [unquote(segment) for segment in raw_path.strip("/").split("/")]
    found = {
        operation.method: Call(operation, labels, "/" + "/".join(segments))
        for operation in OPERATIONS
        if (labels := _labels(operation.segments, segments)) is not None
    }
    if not found:
        raise NotFound("The management API has no such path.", resourceType="Path")
    if method not in found:
        raise MethodNotAllowed(sorted(found))
    return found[method]


def _labels(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    """The values of the template's labels, keywords of the operation, or None where the path is another."""
    labels: dict[str, str] = {}
    for index, expected in enumerate(template):
        greedy = expected.startswith("{+")
        value = "/".join(segments[index:]) if greedy else "".join(segments[index : index + 1])
        if not value or "\0" in value:
            return None
        if expected.startswith("{"):
            labels[_keyword(expected.strip("{+}"))] = value
        elif expected != value:
            return None
        if greedy:
            return labels
    return labels if len(template) == len(segments) else None


def _operation(
    method: str,
    path: str,
    function: Callable[..., Any],
    status: int | None = None,
    query_lists: tuple[str, ...] = (),
    name: str = "",
) -> Operation:
    """The operation, called as its function is unless it has another `name`."""
    segments = tuple(path.strip("/").split("/"))
    labels = {_keyword(segment.strip("{+}")) for segment in segments if segment.startswith("{")}
    members = {camel(keyword): keyword for keyword in _keywords(function) - labels}
    name = name or function.__name__.title().replace("_", "")
    return Operation(name, method, segments, function, status or _STATUS[method], members, query_lists)


def _of_http_apis(method: str, path: str, name: str) -> Operation:
    return _operation(method, path, operations.refuse_http_api_operation, name=name)


def _keywords(function: Callable[..., Any]) -> set[str]:
    """All that the function can be given, those of its `**members` included."""
    parameters = inspect.signature(function).parameters.values()
    keywords = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    shape = get_args(get_type_hints(function).get("members"))
    return keywords | set(get_type_hints(shape[0]) if shape else ())


def _keyword(label: str) -> str:
    """`routeId` as a keyword: `route_id`."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", label)


_API = "/apis/{apiId}"
_AUTHORIZER = f"{_API}/authorizers/{{authorizerId}}"
_DEPLOYMENT = f"{_API}/deployments/{{deploymentId}}"
_INTEGRATION = f"{_API}/integrations/{{integrationId}}"
_INTEGRATION_RESPONSE = f"{_INTEGRATION}/integrationresponses/{{integrationResponseId}}"
_MODEL = f"{_API}/models/{{modelId}}"
_ROUTE = f"{_API}/routes/{{routeId}}"
_ROUTE_RESPONSE = f"{_ROUTE}/routeresponses/{{routeResponseId}}"
_STAGE = f"{_API}/stages/{{stageName}}"
_DOMAIN_NAME = "/domainnames/{domainName}"
_API_MAPPING = f"{_DOMAIN_NAME}/apimappings/{{apiMappingId}}"
_TAGS = "/tags/{+resourceArn}"
_VPC_LINK = "/vpclinks/{vpcLinkId}"

OPERATIONS = (
    _operation("POST", "/apis", operations.create_api),
    _operation("GET", "/apis", operations.get_apis),
    _operation("GET", _API, operations.get_api),
    _operation("PATCH", _API, operations.update_api),
    _operation("DELETE", _API, operations.delete_api),
    _operation("POST", f"{_API}/authorizers", operations.create_authorizer),
    _operation("GET", f"{_API}/authorizers", operations.get_authorizers),
    _operation("GET", _AUTHORIZER, operations.get_authorizer),
    _operation("PATCH", _AUTHORIZER, operations.update_authorizer),
    _operation("DELETE", _AUTHORIZER, operations.delete_authorizer),
    _operation("POST", f"{_API}/deployments", operations.create_deployment),
    _operation("GET", f"{_API}/deployments", operations.get_deployments),
    _operation("GET", _DEPLOYMENT, operations.get_deployment),
    _operation("PATCH", _DEPLOYMENT, operations.update_deployment),
    _operation("DELETE", _DEPLOYMENT, operations.delete_deployment),
    _operation("POST", f"{_API}/integrations", operations.create_integration),
    _operation("GET", f"{_API}/integrations", operations.get_integrations),
    _operation("GET", _INTEGRATION, operations.get_integration),
    _operation("PATCH", _INTEGRATION, operations.update_integration),
    _operation("DELETE", _INTEGRATION, operations.delete_integration),
    _operation("POST", f"{_INTEGRATION}/integrationresponses", operations.create_integration_response),
    _operation("GET", f"{_INTEGRATION}/integrationresponses", operations.get_integration_responses),
    _operation("GET", _INTEGRATION_RESPONSE, operations.get_integration_response),
    _operation("PATCH", _INTEGRATION_RESPONSE, operations.update_integration_response),
    _operation("DELETE", _INTEGRATION_RESPONSE, operations.delete_integration_response),
    _operation("POST", f"{_API}/models", operations.create_model),
    _operation("GET", f"{_API}/models", operations.get_models),
    _operation("GET", _MODEL, operations.get_model),
    _operation("GET", f"{_MODEL}/template", operations.get_model_template),
    _operation("PATCH", _MODEL, operations.update_model),
    _operation("DELETE", _MODEL, operations.delete_model),
    _operation("POST", f"{_API}/routes", operations.create_route),
    _operation("GET", f"{_API}/routes", operations.get_routes),
    _operation("GET", _ROUTE, operations.get_route),
    _operation("PATCH", _ROUTE, operations.update_route, status=201),  # as AWS was seen to answer, unlike its model
    _operation("DELETE", _ROUTE, operations.delete_route),
    _operation(
        "DELETE", f"{_ROUTE}/requestparameters/{{+requestParameterKey}}", operations.delete_route_request_parameter
    ),
    _operation("POST", f"{_ROUTE}/routeresponses", operations.create_route_response),
    _operation("GET", f"{_ROUTE}/routeresponses", operations.get_route_responses),
    _operation("GET", _ROUTE_RESPONSE, operations.get_route_response),
    _operation("PATCH", _ROUTE_RESPONSE, operations.update_route_response),
    _operation("DELETE", _ROUTE_RESPONSE, operations.delete_route_response),
    _operation("POST", f"{_API}/stages", operations.create_stage),
    _operation("GET", f"{_API}/stages", operations.get_stages),
    _operation("GET", _STAGE, operations.get_stage),
    _operation("PATCH", _STAGE, operations.update_stage),
    _operation("DELETE", _STAGE, operations.delete_stage),
    _operation("DELETE", f"{_STAGE}/accesslogsettings", operations.delete_access_log_settings),
    _operation("DELETE", f"{_STAGE}/cache/authorizers", operations.reset_authorizers_cache),
    _operation("DELETE", f"{_STAGE}/routesettings/{{+routeKey}}", operations.delete_route_settings),
    _operation("POST", "/domainnames", operations.create_domain_name),
    _operation("GET", "/domainnames", operations.get_domain_names),
    _operation("GET", _DOMAIN_NAME, operations.get_domain_name),
    _operation("PATCH", _DOMAIN_NAME, operations.update_domain_name),
    _operation("DELETE", _DOMAIN_NAME, operations.delete_domain_name),
    _operation("POST", f"{_DOMAIN_NAME}/apimappings", operations.create_api_mapping),
    _operation("GET", f"{_DOMAIN_NAME}/apimappings", operations.get_api_mappings),
    _operation("GET", _API_MAPPING, operations.get_api_mapping),
    _operation("PATCH", _API_MAPPING, operations.update_api_mapping),
    _operation("DELETE", _API_MAPPING, operations.delete_api_mapping),
    _operation("POST", _TAGS, operations.tag_resource),
    _operation("GET", _TAGS, operations.get_tags),
    _operation("DELETE", _TAGS, operations.untag_resource, query_lists=("tagKeys",)),
    _of_http_apis("PUT", "/apis", "ImportApi"),
    _of_http_apis("PUT", _API, "ReimportApi"),
    _of_http_apis("GET", f"{_API}/exports/{{specification}}", "ExportApi"),
    _of_http_apis("DELETE", f"{_API}/cors", "DeleteCorsConfiguration"),
    _of_http_apis("POST", "/vpclinks", "CreateVpcLink"),
    _of_http_apis("GET", "/vpclinks", "GetVpcLinks"),
    _of_http_apis("GET", _VPC_LINK, "GetVpcLink"),
    _of_http_apis("PATCH", _VPC_LINK, "UpdateVpcLink"),
    _of_http_apis("DELETE", _VPC_LINK, "DeleteVpcLink"),
)
