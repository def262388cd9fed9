"""Operations on integrations.

What can be told from an integration alone is refused here; its templates, which need Velocity, when it is deployed.
"""

from typing import Annotated, Any, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import draft_change, draft_change_of
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict
from gatewayapp.controlplane.operations.members import (
    DESCRIPTION,
    SELECTION,
    Choice,
    HttpApisOnly,
    MapOf,
    Number,
    Structure,
    Text,
    checked,
    merged,
)
from gatewayapp.controlplane.operations.resources import assign, check_quota, find
from gatewayapp.controlplane.operations.secrets import with_stored_secrets
from gatewayapp.core.snapshot import load_integration
from gatewayapp.models import Document, Integration

MOST_INTEGRATIONS = 300

CONTENT_HANDLING = Choice("CONVERT_TO_BINARY", "CONVERT_TO_TEXT", clearable=True)
TEMPLATES = MapOf(Text(0, 32_768))


class IntegrationMembers(TypedDict, total=False):
    integration_type: Annotated[str, Choice("AWS", "HTTP", "MOCK", "HTTP_PROXY", "AWS_PROXY")]
    integration_uri: Annotated[str, Text(0, 2048)]
    integration_method: Annotated[
        str,
        Choice("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", clearable=True),
    ]
    connection_type: Annotated[str, Choice("INTERNET", "VPC_LINK")]
    connection_id: Annotated[str, Text(0, 1024)]
    content_handling_strategy: Annotated[str, CONTENT_HANDLING]
    credentials_arn: Annotated[str, Text(0, 2048)]
    description: Annotated[str, DESCRIPTION]
    passthrough_behavior: Annotated[str, Choice("WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES")]
    payload_format_version: Annotated[str, Choice("1.0")]
    request_parameters: Annotated[dict[str, str], MapOf(Text(0, 512))]
    request_templates: Annotated[dict[str, str], TEMPLATES]
    template_selection_expression: Annotated[str, SELECTION]
    timeout_in_millis: Annotated[int, Number(50, 29_000)]
    tls_config: Annotated[dict[str, str], Structure({"serverNameToVerify": Text(0, 512)})]
    integration_subtype: Annotated[object, HttpApisOnly()]
    response_parameters: Annotated[object, HttpApisOnly()]


@draft_change
def create_integration(*, api_id: str, **members: Unpack[IntegrationMembers]) -> Integration:
    api = get_api(api_id=api_id)
    values = checked(IntegrationMembers, with_stored_secrets(members), required=("integration_type",))
    check_quota(api.integrations.all(), MOST_INTEGRATIONS, "integrations of an API")
    return _written(Integration(api=api), values)


def get_integrations(*, api_id: str) -> QuerySet[Integration]:
    return get_api(api_id=api_id).integrations.all()


def get_integration(*, api_id: str, integration_id: str) -> Integration:
    message = f"Invalid Integration identifier specified {integration_id}"
    return find(get_integrations(api_id=api_id), message, integration_id=integration_id)


@draft_change_of(get_integration)
def update_integration(*, api_id: str, integration_id: str, **members: Unpack[IntegrationMembers]) -> Integration:
    """Request parameters merge, an empty value removes one; request templates are replaced."""
    integration = get_integration(api_id=api_id, integration_id=integration_id)
    return _written(integration, checked(IntegrationMembers, with_stored_secrets(members, integration)))


@draft_change_of(get_integration)
def delete_integration(*, api_id: str, integration_id: str) -> None:
    integration = get_integration(api_id=api_id, integration_id=integration_id)
    users = ", ".join(integration.routes.values_list("route_id", flat=True))
    if users:
        raise Conflict(
            f"Cannot delete Integration because it is referenced by the following Routes with Ids: [{users}]"
        )
    integration.delete()


def _written(integration: Integration, values: dict[str, Any]) -> Integration:
    """`integration` with `values`, checked as a whole and saved."""
    if "request_parameters" in values:
        given = {key: _route_source(source) for key, source in values["request_parameters"].items()}
        values["request_parameters"] = merged(integration.request_parameters, given)
    assign(integration, values)
    _set_defaults_of_type(integration)
    _check(integration)
    integration.save()
    return integration


def _route_source(source: str) -> str:
    """The source under the name that API Gateway's guide uses; its SDK model still speaks of `method.request`."""
    return source.replace("method.", "route.", 1) if source.startswith("method.request.") else source


def _set_defaults_of_type(integration: Integration) -> None:
    kind = integration.integration_type
    if kind in ("AWS", "AWS_PROXY"):
        integration.integration_method = integration.integration_method or "POST"
    if not kind.endswith("_PROXY"):
        integration.passthrough_behavior = integration.passthrough_behavior or "WHEN_NO_MATCH"


def _check(integration: Integration) -> None:
    kind, method = integration.integration_type, integration.integration_method
    if kind in ("HTTP", "HTTP_PROXY") and not method:
        raise BadRequest(f"An integration of type {kind} needs an integrationMethod, such as POST.").about(
            "integration_method"
        )
    if kind in ("AWS", "AWS_PROXY") and method != "POST":
        raise BadRequest(
            f"An integration of type {kind} invokes a Lambda function: integrationMethod must be POST."
        ).about("integration_method")
    if kind != "MOCK" and not integration.integration_uri:
        raise BadRequest(f"An integration of type {kind} needs an integrationUri.").about("integration_uri")
    if integration.connection_type == "VPC_LINK" and not integration.connection_id:
        raise BadRequest("The connectionType VPC_LINK needs a connectionId.").about("connection_id")
    document = {**integration.document(), "requestTemplates": {}}
    try:
        load_integration(document)
    except ValueError as error:
        raise BadRequest(str(error)).about(_blamed(document)) from error


def _blamed(document: Document) -> str:
    """The member that keeps an integration from being compiled: its parameters, if it is well without them."""
    try:
        load_integration({**document, "requestParameters": {}})
    except ValueError:
        return "integration_uri"
    return "request_parameters"
