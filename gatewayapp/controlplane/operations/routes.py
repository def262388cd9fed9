"""Operations on routes.

`$connect`, `$disconnect` and `$default` are the only keys with a dollar sign. Who may connect is decided once, when a
connection opens, so authorization and required request parameters belong to `$connect`.
"""

from typing import Annotated, Any, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import draft_change, draft_change_of
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict, NotFound
from gatewayapp.controlplane.operations.members import (
    SELECTION,
    Choice,
    Flag,
    HttpApisOnly,
    MapOf,
    Structure,
    Text,
    checked,
    merged,
)
from gatewayapp.controlplane.operations.resources import assign, check_quota, find
from gatewayapp.core.parameters import compile_required
from gatewayapp.models import Api, Route

MOST_ROUTES = 300

ROUTE_KEY = Text(
    1,
    128,
    pattern=r"\$connect|\$disconnect|\$default|[A-Za-z0-9/_.-]+",
    hint="a route key is $connect, $disconnect, $default, or letters, digits and / - _ .",
)


class RouteMembers(TypedDict, total=False):
    route_key: Annotated[str, ROUTE_KEY]
    api_key_required: Annotated[bool, Flag()]
    authorization_type: Annotated[str, Choice("NONE", "AWS_IAM", "CUSTOM")]
    authorizer_id: Annotated[str, Text()]
    model_selection_expression: Annotated[str, SELECTION]
    operation_name: Annotated[str, Text(0, 64)]
    request_models: Annotated[dict[str, str], MapOf(Text(1, 128))]
    request_parameters: Annotated[dict[str, dict[str, bool]], MapOf(Structure({"required": Flag()}))]
    route_response_selection_expression: Annotated[str, Choice("$default", clearable=True)]
    target: Annotated[
        str, Text(0, 128, pattern="integrations/[a-z0-9]+", hint="a target is integrations/{integrationId}.")
    ]
    authorization_scopes: Annotated[object, HttpApisOnly()]


@draft_change
def create_route(*, api_id: str, **members: Unpack[RouteMembers]) -> Route:
    api = get_api(api_id=api_id)
    values = checked(RouteMembers, members, required=("route_key",))
    check_quota(api.routes.all(), MOST_ROUTES, "routes of an API")
    return _written(Route(api=api), values)


def get_routes(*, api_id: str) -> QuerySet[Route]:
    return get_api(api_id=api_id).routes.all()


def get_route(*, api_id: str, route_id: str) -> Route:
    routes = get_api(api_id=api_id).routes.all()
    return find(routes, f"Invalid Route identifier specified {route_id}", route_id=route_id)


@draft_change_of(get_route)
def update_route(*, api_id: str, route_id: str, **members: Unpack[RouteMembers]) -> Route:
    """Request parameters merge by key; everything else is replaced."""
    route = get_route(api_id=api_id, route_id=route_id)
    return _written(route, checked(RouteMembers, members))


@draft_change_of(get_route)
def delete_route(*, api_id: str, route_id: str) -> None:
    get_route(api_id=api_id, route_id=route_id).delete()


@draft_change_of(get_route)
def delete_route_request_parameter(*, api_id: str, route_id: str, request_parameter_key: str) -> None:
    route = get_route(api_id=api_id, route_id=route_id)
    if request_parameter_key not in route.request_parameters:
        raise NotFound(f"Invalid request parameter key specified {request_parameter_key}", resourceType="Route")
    del route.request_parameters[request_parameter_key]
    route.save()


def _written(route: Route, values: dict[str, Any]) -> Route:
    """`route` with `values`, checked as a whole and saved."""
    if "target" in values:
        values["integration_id"] = _integration_id(route.api, values.pop("target"))
    if "request_parameters" in values:
        values["request_parameters"] = merged(route.request_parameters, values["request_parameters"])
    if "authorizer_id" in values:
        values["authorizer_id"] = values["authorizer_id"] or None
    assign(route, values)
    if route.authorization_type != "CUSTOM" and not values.get("authorizer_id"):
        route.authorizer = None
    _check_key(route)
    _check_authorization(route)
    _check_request_parameters(route)
    route.save()
    return route


def _integration_id(api: Api, target: str) -> str | None:
    if not target:
        return None
    integration_id = target.removeprefix("integrations/")
    if not api.integrations.filter(pk=integration_id).exists():
        raise BadRequest(f"Invalid target {target!r}: the API has no integration {integration_id}.").about("target")
    return integration_id


def _check_key(route: Route) -> None:
    if route.api.routes.filter(route_key=route.route_key).exclude(pk=route.pk).exists():
        raise Conflict(f"Route with key {route.route_key} already exists for this API").about("route_key")


def _check_authorization(route: Route) -> None:
    if route.authorization_type != "NONE" and route.route_key != "$connect":
        raise BadRequest("Currently, authorization is restricted to the $connect route only").about(
            "authorization_type"
        )
    if route.authorization_type != "CUSTOM":
        if route.authorizer_id:
            raise BadRequest("An authorizerId needs the authorizationType CUSTOM.").about("authorizer_id")
    elif not route.api.authorizers.filter(pk=route.authorizer_id).exists():
        raise BadRequest("The authorizationType CUSTOM needs the authorizerId of an authorizer of this API.").about(
            "authorizer_id"
        )


def _check_request_parameters(route: Route) -> None:
    if route.request_parameters and route.route_key != "$connect":
        raise BadRequest("requestParameters are supported on the $connect route only").about("request_parameters")
    try:
        compile_required(route.request_parameters)
    except ValueError as error:
        raise BadRequest(f"Invalid requestParameters: {error}").about("request_parameters") from error
