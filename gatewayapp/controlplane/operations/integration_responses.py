"""Operations on integration responses, which serve the non-proxy integration types."""

from typing import Annotated, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import draft_change, draft_change_of
from gatewayapp.controlplane.operations.errors import Conflict
from gatewayapp.controlplane.operations.integrations import CONTENT_HANDLING, TEMPLATES, get_integration
from gatewayapp.controlplane.operations.members import Compiled, MapOf, Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.controlplane.operations.secrets import with_stored_secrets
from gatewayapp.core.expressions import Selection, compile_selection
from gatewayapp.core.snapshot import compile_response_key
from gatewayapp.models import IntegrationResponse


def _compile_template_selection(text: str) -> Selection:
    return compile_selection(text, of_response=True)


class IntegrationResponseMembers(TypedDict, total=False):
    integration_response_key: Annotated[str, Compiled(compile_response_key, clearable=False)]
    content_handling_strategy: Annotated[str, CONTENT_HANDLING]
    response_parameters: Annotated[dict[str, str], MapOf(Text(1, 512))]
    response_templates: Annotated[dict[str, str], TEMPLATES]
    template_selection_expression: Annotated[str, Compiled(_compile_template_selection)]


@draft_change
def create_integration_response(
    *, api_id: str, integration_id: str, **members: Unpack[IntegrationResponseMembers]
) -> IntegrationResponse:
    integration = get_integration(api_id=api_id, integration_id=integration_id)
    values = checked(IntegrationResponseMembers, with_stored_secrets(members), required=("integration_response_key",))
    return _written(IntegrationResponse(integration=integration, **values))


def get_integration_responses(*, api_id: str, integration_id: str) -> QuerySet[IntegrationResponse]:
    return get_integration(api_id=api_id, integration_id=integration_id).integration_responses.all()


def get_integration_response(*, api_id: str, integration_id: str, integration_response_id: str) -> IntegrationResponse:
    responses = get_integration_responses(api_id=api_id, integration_id=integration_id)
    message = f"Invalid IntegrationResponse identifier specified {integration_response_id}"
    return find(responses, message, integration_response_id=integration_response_id)


@draft_change_of(get_integration_response)
def update_integration_response(
    *, api_id: str, integration_id: str, integration_response_id: str, **members: Unpack[IntegrationResponseMembers]
) -> IntegrationResponse:
    """Response parameters and templates are replaced."""
    response = get_integration_response(
        api_id=api_id, integration_id=integration_id, integration_response_id=integration_response_id
    )
    return _written(assign(response, checked(IntegrationResponseMembers, with_stored_secrets(members, response))))


@draft_change_of(get_integration_response)
def delete_integration_response(*, api_id: str, integration_id: str, integration_response_id: str) -> None:
    get_integration_response(
        api_id=api_id, integration_id=integration_id, integration_response_id=integration_response_id
    ).delete()


def _written(response: IntegrationResponse) -> IntegrationResponse:
    key = response.integration_response_key
    siblings = response.integration.integration_responses.exclude(pk=response.pk)
    if siblings.filter(integration_response_key=key).exists():
        raise Conflict(f"Integration response with key {key} already exists for this integration").about(
            "integration_response_key"
        )
    response.save()
    return response
