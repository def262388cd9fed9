"""Operations on APIs."""

from typing import Annotated, TypedDict, Unpack

from django.conf import settings
from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import change, change_of, draft_change_of
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.controlplane.operations.members import (
    DESCRIPTION,
    TAGS,
    Choice,
    Compiled,
    Flag,
    HttpApisOnly,
    Text,
    checked,
)
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.core.expressions import compile_selection
from gatewayapp.models import Api


class ApiMembers(TypedDict, total=False):
    name: Annotated[str, Text(1, 128)]
    route_selection_expression: Annotated[str, Compiled(compile_selection, clearable=False)]
    api_key_selection_expression: Annotated[
        str, Choice("$request.header.x-api-key", "$context.authorizer.usageIdentifierKey")
    ]
    description: Annotated[str, DESCRIPTION]
    version: Annotated[str, Text(0, 64)]
    disable_schema_validation: Annotated[bool, Flag()]
    disable_execute_api_endpoint: Annotated[bool, Flag()]
    ip_address_type: Annotated[str, Choice("ipv4", "dualstack")]
    cors_configuration: Annotated[object, HttpApisOnly()]
    credentials_arn: Annotated[object, HttpApisOnly()]
    route_key: Annotated[object, HttpApisOnly()]
    target: Annotated[object, HttpApisOnly()]


class NewApiMembers(ApiMembers, total=False):
    protocol_type: Annotated[str, Text()]
    tags: Annotated[dict[str, str], TAGS]


@change
def create_api(**members: Unpack[NewApiMembers]) -> Api:
    _check_protocol(members.get("protocol_type"))
    values = checked(NewApiMembers, members, required=("name", "route_selection_expression"))
    del values["protocol_type"]
    return Api.objects.create(**values)


def get_apis() -> QuerySet[Api]:
    return Api.objects.all()


def get_api(*, api_id: str) -> Api:
    message = f"Invalid API identifier specified {settings.NOPAL_ACCOUNT_ID}:{api_id}"
    return find(get_apis(), message, api_id=api_id)


@draft_change_of(get_api)
def update_api(*, api_id: str, **members: Unpack[ApiMembers]) -> Api:
    api = get_api(api_id=api_id)
    assign(api, checked(ApiMembers, members)).save()
    return api


@change_of(get_api)
def delete_api(*, api_id: str) -> None:
    """Delete the API and everything under it."""
    api = get_api(api_id=api_id)
    if api.api_mappings.exists():
        raise BadRequest(
            f"Deleting API {api_id} failed. Please remove all API mappings for the API from your custom domain names."
        )
    api.delete()


def _check_protocol(protocol_type: str | None) -> None:
    if protocol_type == "HTTP":
        raise BadRequest("Nopal serves WebSocket APIs only: protocolType must be WEBSOCKET.")
    if protocol_type != "WEBSOCKET":
        raise BadRequest("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")
