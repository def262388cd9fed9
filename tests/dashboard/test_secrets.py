"""Secrets on pages: placeholders for readers, values for editors, and placeholders that are sent back."""

from collections.abc import Callable

import pytest
from django.test import Client

from dashboard.gestures import carry_out
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest
from gatewayapp.core.masking import REDACTED
from gatewayapp.models import Api, Integration, Stage
from tests.dashboard.forms import HOST, errors, page, send

HEADER = "integration.request.header.Authorization"
URI = "http://127.0.0.1:9000/?token=swordfish2"


@pytest.fixture
def integration(api: Api) -> Integration:
    return operations.create_integration(
        api_id=api.pk,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri=URI,
        request_parameters={HEADER: "'Bearer swordfish1'"},
    )


def test_a_reader_s_page_shows_placeholders_and_an_editor_s_the_values(
    person: Callable[[str], Client], integration: Integration
) -> None:
    address = f"/apis/{integration.api_id}/integrations/{integration.pk}"
    assert "swordfish" not in page(person("viewer"), address)
    shown = page(person("editor"), address)
    assert "Bearer swordfish1" in shown
    assert "token=swordfish2" in shown


def test_a_list_can_be_searched_but_not_for_secrets(signed_in: Client, integration: Integration) -> None:
    """A reader could otherwise guess a secret letter by letter."""
    address = f"/apis/{integration.api_id}/integrations"
    assert integration.pk in page(signed_in, f"{address}?q=127.0.0.1")
    assert integration.pk not in page(signed_in, f"{address}?q=swordfish")
    assert integration.pk in page(signed_in, f"{address}?sort=-shown_uri")


def test_a_form_with_placeholders_keeps_what_is_stored(signed_in: Client, integration: Integration) -> None:
    send(
        signed_in,
        f"/apis/{integration.api_id}/integrations/{integration.pk}/edit",
        integration_type="HTTP_PROXY",
        integration_uri=f"http://127.0.0.1:9001/?token={REDACTED}",
        **{"request_parameters-key": [HEADER], "request_parameters-value": [REDACTED]},
    )
    kept = Integration.objects.get()
    assert kept.integration_uri == "http://127.0.0.1:9001/?token=swordfish2"
    assert kept.request_parameters[HEADER] == "'Bearer swordfish1'"


def test_a_form_with_a_placeholder_for_nothing_says_so_at_its_field(signed_in: Client, api: Api) -> None:
    response = signed_in.post(
        f"/apis/{api.pk}/integrations/new",
        {
            "integration_type": "HTTP_PROXY",
            "integration_method": "POST",
            "integration_uri": f"http://127.0.0.1:9000/?token={REDACTED}",
        },
        **HOST,
    )
    assert "Send the secret itself" in errors(response)["integration_uri"][0]


def test_gestures_of_the_designer_keep_what_is_stored(integration: Integration) -> None:
    def gesture(name: str, **members: object) -> None:
        carry_out(integration.api_id, {"gesture": name, "integrationId": integration.pk, **members})

    members = {"integrationUri": f"http://127.0.0.1:9002/?token={REDACTED}", "requestParameters": {HEADER: REDACTED}}
    gesture("update-integration", members=members)
    kept = Integration.objects.get()
    assert kept.integration_uri == "http://127.0.0.1:9002/?token=swordfish2"
    assert kept.request_parameters == {HEADER: "'Bearer swordfish1'"}
    done = carry_out(integration.api_id, {"gesture": "delete-integration", "integrationId": integration.pk})
    carry_out(integration.api_id, done.undo[0])
    assert Integration.objects.get().request_parameters == {HEADER: "'Bearer swordfish1'"}
    with pytest.raises(BadRequest, match="Send the secret itself"):
        carry_out(integration.api_id, {"gesture": "create-integration", "integration": {**_HTTP, **members}})


_HTTP = {"integrationType": "HTTP_PROXY", "integrationMethod": "POST"}


def test_a_stage_s_form_keeps_a_variable_that_is_a_secret(signed_in: Client, api: Api) -> None:
    operations.create_stage(api_id=api.pk, stage_name="prod", stage_variables={"apiToken": "swordfish3"})
    address = f"/apis/{api.pk}/stages/prod/edit"
    rows = {"stage_variables-key": ["apiToken", "room"], "stage_variables-value": [REDACTED, "blue"]}
    send(signed_in, address, **rows)
    assert Stage.objects.get().stage_variables == {"apiToken": "swordfish3", "room": "blue"}
