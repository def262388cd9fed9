"""Operations on authorizers: Lambda functions of type REQUEST, the only one that WebSocket APIs have."""

from typing import Annotated, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import draft_change, draft_change_of
from gatewayapp.controlplane.operations.errors import Conflict
from gatewayapp.controlplane.operations.members import (
    Choice,
    Compiled,
    HttpApisOnly,
    ListOf,
    Number,
    Text,
    checked,
)
from gatewayapp.controlplane.operations.resources import assign, check_quota, find
from gatewayapp.controlplane.operations.secrets import with_stored_secrets
from gatewayapp.core.uris import compile_lambda_uri
from gatewayapp.models import Authorizer

MOST_AUTHORIZERS = 10

IDENTITY_SOURCE = Text(
    1,
    512,
    pattern=r"(route\.request\.(header|querystring)|stageVariables|context)\.[A-Za-z0-9._$-]+",
    hint="use route.request.header.NAME, route.request.querystring.NAME, stageVariables.NAME or context.NAME.",
)


class AuthorizerMembers(TypedDict, total=False):
    name: Annotated[str, Text(1, 128)]
    authorizer_type: Annotated[str, Choice("REQUEST")]
    authorizer_uri: Annotated[str, Compiled(compile_lambda_uri, clearable=False)]
    authorizer_credentials_arn: Annotated[str, Text(0, 2048)]
    authorizer_result_ttl_in_seconds: Annotated[int, Number(0, 3600)]
    identity_source: Annotated[list[str], ListOf(IDENTITY_SOURCE)]
    identity_validation_expression: Annotated[str, Text(0, 1024)]
    authorizer_payload_format_version: Annotated[object, HttpApisOnly()]
    enable_simple_responses: Annotated[object, HttpApisOnly()]
    jwt_configuration: Annotated[object, HttpApisOnly()]


@draft_change
def create_authorizer(*, api_id: str, **members: Unpack[AuthorizerMembers]) -> Authorizer:
    api = get_api(api_id=api_id)
    required = ("name", "authorizer_type", "authorizer_uri", "identity_source")
    values = checked(AuthorizerMembers, with_stored_secrets(members), required=required)
    check_quota(api.authorizers.all(), MOST_AUTHORIZERS, "authorizers of an API")
    return _written(Authorizer(api=api), values)


def get_authorizers(*, api_id: str) -> QuerySet[Authorizer]:
    return get_api(api_id=api_id).authorizers.all()


def get_authorizer(*, api_id: str, authorizer_id: str) -> Authorizer:
    message = f"Invalid Authorizer identifier specified {authorizer_id}"
    return find(get_authorizers(api_id=api_id), message, authorizer_id=authorizer_id)


@draft_change_of(get_authorizer)
def update_authorizer(*, api_id: str, authorizer_id: str, **members: Unpack[AuthorizerMembers]) -> Authorizer:
    """Identity sources are replaced."""
    authorizer = get_authorizer(api_id=api_id, authorizer_id=authorizer_id)
    return _written(authorizer, checked(AuthorizerMembers, with_stored_secrets(members, authorizer)))


@draft_change_of(get_authorizer)
def delete_authorizer(*, api_id: str, authorizer_id: str) -> None:
    authorizer = get_authorizer(api_id=api_id, authorizer_id=authorizer_id)
    route = authorizer.routes.first()
    if route is not None:
        raise Conflict(f"Cannot delete authorizer '{authorizer.name}', is referenced in route: {route.route_key}")
    authorizer.delete()


def _written(authorizer: Authorizer, values: dict[str, object]) -> Authorizer:
    values.pop("authorizer_type", None)
    assign(authorizer, values)
    if authorizer.api.authorizers.filter(name=authorizer.name).exclude(pk=authorizer.pk).exists():
        raise Conflict(
            f"Authorizer name must be unique. Authorizer {authorizer.name} already exists in this API."
        ).about("name")
    authorizer.save()
    return authorizer
