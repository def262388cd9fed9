"""Gestures of the designer: each is one operation, and what it tells to take it back does, and does it again."""

import pytest
from django.test import Client

from dashboard.gestures import carry_out
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.core.diff import diff
from gatewayapp.models import Api, AuditEntry
from tests.controlplane.builders import make_api, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    """Two routes, one of them two-way, and two integrations, one of them unused."""
    api = make_api()
    used = make_integration(api, integration_type="MOCK", request_templates={"$default": '{"statusCode": 200}'})
    make_integration(
        api,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri="http://backend.example/in",
        description="unused",
    )
    route = make_route(api, "send", target=f"integrations/{used.pk}", operation_name="Send")
    operations.create_route_response(api_id=api.pk, route_id=route.pk, route_response_key="$default")
    make_route(api, "lost")
    return api


def draft(api):
    return operations.get_snapshot(api_id=api.pk, deployment_id=DRAFT)


def gestures(api):
    """One of each kind that can be taken back, by its name."""
    send, lost = api.routes.get(route_key="send"), api.routes.get(route_key="lost")
    used, unused = send.integration, api.integrations.get(description="unused")
    http = {"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": "http://new.example/"}
    return {
        "create-route": {"route": {"routeKey": "fresh", "target": f"integrations/{unused.pk}"}},
        "duplicate-route": {"routeId": send.pk, "routeKey": "again"},
        "delete-route": {"routeId": send.pk},
        "update-route": {
            "routeId": send.pk,
            "members": {"routeKey": "sent", "target": f"integrations/{unused.pk}", "operationName": ""},
        },
        "answer-route": {"routeId": lost.pk},
        "silence-route": {"routeId": send.pk},
        "create-integration": {"integration": http},
        "duplicate-integration": {"integrationId": used.pk},
        "delete-integration": {"integrationId": unused.pk},
        "update-integration": {
            "integrationId": used.pk,
            "members": {
                "description": "a mock",
                "timeoutInMillis": 500,
                "requestTemplates": {"$default": "{}"},
                "requestParameters": {
                    "integration.request.header.connectionId": "context.connectionId",
                    "integration.request.header.other": "",
                },
            },
        },
        "create-route-with-integration": {"route": {"routeKey": "both"}, "integration": http, "twoWay": True},
        "update-api": {"routeSelectionExpression": "$request.body.kind"},
    }


KINDS = (
    "create-route",
    "duplicate-route",
    "delete-route",
    "update-route",
    "answer-route",
    "silence-route",
    "create-integration",
    "duplicate-integration",
    "delete-integration",
    "update-integration",
    "create-route-with-integration",
    "update-api",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gesture_is_one_change_and_can_be_taken_back_and_done_again(api, kind):
    before, version = draft(api), operations.get_draft_version(api_id=api.pk)
    AuditEntry.objects.all().delete()

    done = carry_out(api.pk, {"gesture": kind, **gestures(api)[kind]})
    after = draft(api)
    assert diff(before, after) != ()
    assert AuditEntry.objects.count() == 1
    assert operations.get_draft_version(api_id=api.pk) != version
    assert done.sentence

    redo = take_back(api, done.undo)
    assert diff(before, draft(api)) == ()

    again = take_back(api, redo)
    assert diff(after, draft(api)) == ()

    take_back(api, again)
    assert diff(before, draft(api)) == ()


def take_back(api, undo):
    """What the page does: one after the other, and what takes that back the other way round."""
    inverse = []
    for gesture in undo:
        inverse[:0] = carry_out(api.pk, gesture).undo
    return inverse


def test_what_is_as_it_was_is_no_change(api):
    route = api.routes.get(route_key="send")
    AuditEntry.objects.all().delete()

    done = carry_out(
        api.pk, {"gesture": "update-route", "routeId": route.pk, "members": {"routeKey": "send", "authorizerId": ""}}
    )
    assert (done.sentence, done.undo) == ("Nothing was changed.", ())
    assert not AuditEntry.objects.exists()


def test_a_deployment_goes_to_a_new_stage(api):
    done = carry_out(api.pk, {"gesture": "create-deployment", "description": "first"})
    assert done.sentence == f"Made deployment {done.made}."
    carry_out(api.pk, {"gesture": "create-stage", "stageName": "dev", "deploymentId": done.made})
    assert operations.get_stage(api_id=api.pk, stage_name="dev").deployment.description == "first"

    done = carry_out(api.pk, {"gesture": "create-deployment", "stageName": "dev"})
    assert operations.get_stage(api_id=api.pk, stage_name="dev").deployment_id == done.made
    assert done.sentence == f"Stage dev serves deployment {done.made} now."
    assert done.undo == ()


@pytest.mark.parametrize(
    ("gesture", "words"),
    [
        ({}, "This gesture needs gesture, a string."),
        ({"gesture": "dance"}, "There is no gesture 'dance'"),
        ({"gesture": "delete-route"}, "This gesture needs routeId, a string."),
        ({"gesture": "create-route", "route": "send"}, "This gesture needs route, an object."),
        ({"gesture": "update-integration", "integrationId": "x", "members": {"tlsConfig": {}}}, "Invalid Integration"),
    ],
)
def test_what_is_no_gesture_is_refused_with_words(api, gesture, words):
    with pytest.raises(operations.OperationError, match=words):
        carry_out(api.pk, gesture)


def test_members_that_no_form_of_the_designer_has_are_refused(api):
    route = api.routes.get(route_key="send")
    with pytest.raises(operations.BadRequest, match="apiKeyRequired is not changed here"):
        carry_out(
            api.pk, {"gesture": "update-route", "routeId": route.pk, "members": {"apiKeyRequired": True, "target": ""}}
        )


def test_the_answer_holds_the_picture_and_a_refusal_is_an_answer(api, signed_in: Client):
    url = f"/apis/{api.pk}/designer/gesture"
    made = post(signed_in, url, {"gesture": "create-route", "route": {"routeKey": "fresh"}})
    assert made["node"] in [node["key"] for node in made["graph"]["nodes"]]
    assert made["graph"]["version"] == operations.get_draft_version(api_id=api.pk)

    refused = post(signed_in, url, {"gesture": "create-route", "route": {"routeKey": "fresh"}})
    assert refused == {
        "status": 409,
        "refused": {"message": "Route with key fresh already exists for this API"},
    }


def test_a_gesture_on_a_draft_that_somebody_changed_is_refused_with_who_and_what(api, signed_in: Client):
    seen = operations.get_draft_version(api_id=api.pk)
    route = api.routes.get(route_key="send")
    operations.update_route(api_id=api.pk, route_id=route.pk, operation_name="Sent")

    url, gesture = f"/apis/{api.pk}/designer/gesture", {"gesture": "delete-route", "routeId": route.pk}
    refused = post(signed_in, url, gesture, HTTP_IF_MATCH=f'"{seen}"')
    assert refused["status"] == 409
    assert refused["refused"]["action"] == "UpdateRoute"
    assert refused["refused"]["path"] == f"/apis/{api.pk}/routes/{route.pk}"
    assert api.routes.filter(pk=route.pk).exists()


def post(client, url, body, **headers):
    answer = client.post(url, body, content_type="application/json", **headers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_panels_show_every_node_of_the_picture(api, signed_in: Client):
    make_stage(api, "dev")
    function = "arn:aws:lambda:us-east-1:000000000000:function:guard"
    invoke = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    operations.create_authorizer(
        api_id=api.pk, name="guard", authorizer_type="REQUEST", authorizer_uri=invoke, identity_source=[]
    )
    nodes = operations.get_graph(api_id=api.pk).graph.nodes
    assert {node.kind for node in nodes} == {"client", "selector", "authorizer", "route", "integration", "backend"}
    for key in [*(node.key for node in nodes), "new_integration/"]:
        answer = signed_in.get(f"/apis/{api.pk}/designer/panel", {"node": key})
        assert answer.status_code == 200, key


@pytest.mark.parametrize("node", ["", "route/nothere", "backend/nothere", "../secret"])
def test_there_is_no_panel_of_what_is_not_there(api, signed_in: Client, node):
    assert signed_in.get(f"/apis/{api.pk}/designer/panel", {"node": node}).status_code == 404
