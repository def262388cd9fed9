"""Operations on route responses."""

from typing import Annotated, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import draft_change, draft_change_of
from gatewayapp.controlplane.operations.errors import Conflict
from gatewayapp.controlplane.operations.members import SELECTION, Choice, Flag, MapOf, Structure, Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.controlplane.operations.routes import get_route
from gatewayapp.models import RouteResponse


class RouteResponseMembers(TypedDict, total=False):
    route_response_key: Annotated[str, Choice("$default")]
    model_selection_expression: Annotated[str, SELECTION]
    response_models: Annotated[dict[str, str], MapOf(Text(1, 128))]
    response_parameters: Annotated[dict[str, dict[str, bool]], MapOf(Structure({"required": Flag()}))]


@draft_change
def create_route_response(*, api_id: str, route_id: str, **members: Unpack[RouteResponseMembers]) -> RouteResponse:
    route = get_route(api_id=api_id, route_id=route_id)
    values = checked(RouteResponseMembers, members, required=("route_response_key",))
    if route.route_responses.exists():
        raise Conflict(f"Route response with key {values['route_response_key']} already exists for this route")
    return RouteResponse.objects.create(route=route, **values)


def get_route_responses(*, api_id: str, route_id: str) -> QuerySet[RouteResponse]:
    return get_route(api_id=api_id, route_id=route_id).route_responses.all()


def get_route_response(*, api_id: str, route_id: str, route_response_id: str) -> RouteResponse:
    responses = get_route_responses(api_id=api_id, route_id=route_id)
    message = f"Invalid RouteResponse identifier specified {route_response_id}"
    return find(responses, message, route_response_id=route_response_id)


@draft_change_of(get_route_response)
def update_route_response(
    *, api_id: str, route_id: str, route_response_id: str, **members: Unpack[RouteResponseMembers]
) -> RouteResponse:
    response = get_route_response(api_id=api_id, route_id=route_id, route_response_id=route_response_id)
    assign(response, checked(RouteResponseMembers, members)).save()
    return response


@draft_change_of(get_route_response)
def delete_route_response(*, api_id: str, route_id: str, route_response_id: str) -> None:
    get_route_response(api_id=api_id, route_id=route_id, route_response_id=route_response_id).delete()
