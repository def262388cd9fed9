"""Several operations as one change: duplicates, and deletions taken back."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.models import AuditEntry
from tests.controlplane.builders import make_api, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    """An API with a two-way route to an integration with two responses."""
    api = make_api()
    integration = make_integration(
        api,
        integration_type="HTTP",
        integration_method="POST",
        integration_uri="http://backend.example/",
        request_templates={"$default": "{}"},
    )
    for key in ("/5../", "$default"):
        operations.create_integration_response(
            api_id=api.pk,
            integration_id=integration.pk,
            integration_response_key=key,
            response_templates={"a": f"for {len(key)}"},
        )
    route = make_route(api, "send", target=f"integrations/{integration.pk}", operation_name="Send")
    operations.create_route_response(
        api_id=api.pk, route_id=route.pk, route_response_key="$default", response_models={"$default": "Note"}
    )
    return api


def draft(api):
    return operations.get_snapshot(api_id=api.pk, deployment_id=DRAFT)


def without_ids(document):
    """A document with its responses, without the ids that differ between copies."""
    if isinstance(document, list):
        return [without_ids(item) for item in document]
    if not isinstance(document, dict):
        return document
    ids = ("routeId", "integrationId", "routeResponseId", "integrationResponseId")
    return {name: without_ids(value) for name, value in document.items() if name not in ids}


def test_a_deleted_route_comes_back_as_it_was(api):
    before = draft(api)
    [route] = api.routes.all()
    document = operations.get_route_document(api_id=api.pk, route_id=route.pk)
    operations.delete_route(api_id=api.pk, route_id=route.pk)
    AuditEntry.objects.all().delete()

    restored = operations.restore_route(api_id=api.pk, document=document)
    assert restored.pk == route.pk
    assert without_ids(draft(api)["routes"]) == without_ids(before["routes"])
    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.resource.partition("::")[2]) == ("RestoreRoute", f"/apis/{api.pk}/routes/{route.pk}")


def test_a_deleted_integration_comes_back_under_its_id_so_that_routes_can_lead_to_it_again(api):
    before = draft(api)
    [route], [integration] = api.routes.all(), api.integrations.all()
    ids = {"api_id": api.pk, "integration_id": integration.pk}
    document, route_document = (
        operations.get_integration_document(**ids),
        operations.get_route_document(api_id=api.pk, route_id=route.pk),
    )
    operations.delete_route(api_id=api.pk, route_id=route.pk)
    operations.delete_integration(**ids)

    operations.restore_integration(api_id=api.pk, document=document)
    operations.restore_route(api_id=api.pk, document=route_document)
    after = draft(api)
    assert without_ids(after["integrations"]) == without_ids(before["integrations"])
    assert after["routes"][0]["target"] == before["routes"][0]["target"]


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        ({"routeKey": "other"}, operations.BadRequest),
        ({"routeKey": "other", "routeId": "../../x"}, operations.BadRequest),
        ({"routeKey": "other", "routeId": "free000", "routeResponses": "x"}, operations.BadRequest),
        ({"routeKey": "other", "routeId": "free000", "target": "integrations/gone000"}, operations.BadRequest),
        ({"routeKey": "send", "routeId": "free000"}, operations.Conflict),
    ],
)
def test_what_cannot_be_restored_is_refused_and_leaves_nothing(api, document, refusal):
    before = draft(api)
    with pytest.raises(refusal):
        operations.restore_route(api_id=api.pk, document=document)
    assert draft(api) == before


def test_a_resource_that_is_still_there_is_not_restored(api):
    [integration] = api.integrations.all()
    document = operations.get_integration_document(api_id=api.pk, integration_id=integration.pk)
    with pytest.raises(operations.Conflict, match="there already"):
        operations.restore_integration(api_id=api.pk, document=document)


def test_duplicates_have_the_same_members_and_responses(api):
    [route], [integration] = api.routes.all(), api.integrations.all()
    copy = operations.duplicate_route(api_id=api.pk, route_id=route.pk, route_key="send-2")
    operations.duplicate_integration(api_id=api.pk, integration_id=integration.pk)
    found = draft(api)
    first, second = without_ids(found["routes"])
    assert second == {**first, "routeKey": "send-2"}
    assert copy.pk != route.pk
    first, second = without_ids(found["integrations"])
    assert second == first


def test_a_route_and_its_integration_are_made_in_one_change(api):
    stage = make_stage(api, auto_deploy=True)
    deployments, entries = api.deployments.count(), AuditEntry.objects.count()
    route, integration = operations.create_route_with_integration(
        api_id=api.pk, route={"routeKey": "join"}, integration={"integrationType": "MOCK"}, two_way=True
    )
    assert (route.target, route.route_responses.count()) == (f"integrations/{integration.pk}", 1)
    assert AuditEntry.objects.count() == entries + 1
    stage.refresh_from_db()
    assert "join" in str(stage.deployment.snapshot["routes"])
    assert api.deployments.count() == deployments + 1


def test_a_route_that_cannot_be_made_leaves_no_integration(api):
    with pytest.raises(operations.Conflict):
        operations.create_route_with_integration(
            api_id=api.pk, route={"routeKey": "send"}, integration={"integrationType": "MOCK"}
        )
    assert api.integrations.count() == 1
