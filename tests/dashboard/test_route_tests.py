"""The designer's tests as fragments: what is told of a message, and where the draft and a stage differ."""

import re
from typing import Any

import pytest
from django.test import Client

from dashboard.views.route_tests import differences_of
from gatewayapp.controlplane import operations
from gatewayapp.core.diff import MemberChange
from gatewayapp.models import Api, AuditEntry
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db

MESSAGE = '{"action": "send", "text": "<b>hello</b>"}'


@pytest.fixture
def api() -> Api:
    """A two-way route to a backend that a stage variable names, with a secret in a header, deployed to `prod`."""
    api = make_api()
    integration = make_integration(
        api,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri="http://${stageVariables.backend}/send",
        request_parameters={
            "integration.request.header.Authorization": "'Bearer a-secret'",
            "integration.request.header.connectionId": "context.connectionId",
        },
    )
    route = make_route(api, "send", target=f"integrations/{integration.pk}")
    operations.create_route_response(api_id=api.pk, route_id=route.pk, route_response_key="$default")
    make_stage(api, deployment_id=make_deployment(api).pk, stage_variables={"backend": "backend.example"})
    return api


def told(client: Client, api: Api, message: str = MESSAGE, stage: str = "prod", served: bool = False) -> str:
    fields = {"message": message, "stage": stage, "served": str(served).lower()}
    answer = client.post(f"/apis/{api.pk}/designer/test", fields, headers={"HX-Request-Type": "partial"})
    assert answer.status_code == 200, answer.content
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_way_the_reason_and_the_request_are_told_without_secrets(signed_in: Client, api: Api) -> None:
    entries = AuditEntry.objects.count()
    html = told(signed_in, api)
    assert 'Takes route <bdi class="mono">send</bdi>' in html
    assert "The expression&#x27;s value is the key of the route send." in html
    assert "http://backend.example/send" in html
    assert "&lt;b&gt;hello&lt;/b&gt;" in html
    assert "<b>hello</b>" not in html
    assert "a-secret" not in html
    assert "context.connectionId" in html
    assert "Both do the same with this message." in html
    assert "what the backend answers goes back to the client" in html
    assert AuditEntry.objects.count() == entries


def test_where_the_draft_does_otherwise_both_stand_side_by_side(signed_in: Client, api: Api) -> None:
    operations.update_route(api_id=api.pk, route_id=api.routes.get().pk, route_key="other")
    html = told(signed_in, api)
    assert "No route takes it" in html
    assert "<del>send</del></td><td><ins>nothing</ins>" in html
    assert "Both do the same" not in html
    assert 'Takes route <bdi class="mono">send</bdi>' in told(signed_in, api, served=True)


def test_without_a_stage_its_variables_are_missing_and_the_client_would_hear_of_it(signed_in: Client, api: Api) -> None:
    html = told(signed_in, api, stage="")
    assert "What goes wrong" in html
    assert "Internal server error" in html
    assert "data-compared" not in html


def test_what_cannot_be_tried_is_refused_in_words(signed_in: Client, api: Api) -> None:
    make_stage(api, stage_name="empty", deployment_id=None)
    assert "On the draft, as stage empty would serve it." in told(signed_in, api, stage="empty")
    fields = {"message": "{}", "stage": "empty", "served": "true"}
    answer = signed_in.post(f"/apis/{api.pk}/designer/test", fields, headers={"HX-Request-Type": "partial"})
    assert (answer.status_code, "Nothing is deployed on stage empty" in answer.content.decode()) == (400, True)
    long = signed_in.post(f"/apis/{api.pk}/designer/test", {"message": "x" * 131_073})
    assert (long.status_code, "at most 131072 characters" in long.content.decode()) == (400, True)


def test_sending_without_a_gateway_says_so(signed_in: Client, api: Api) -> None:
    fields = {"message": MESSAGE, "stage": "prod", "served": "false"}
    answer = signed_in.post(f"/apis/{api.pk}/designer/test/send", fields, headers={"HX-Request-Type": "partial"})
    assert (answer.status_code, "manage.py serve" in answer.content.decode()) == (503, True)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (("request.headers.X-Room", "a", None), [("Header X-Room", "a", "nothing")]),
        (("twoWay", True, False), [("Two-way", "yes", "no")]),
        (("request.body", '{"a":1}', "a"), [("Body", '{\n  "a": 1\n}', "a")]),
        (("request.headers.Content-Length", "1", "2"), []),
    ],
)
def test_differences_have_names_and_leave_out_what_follows(change: Any, shown: Any) -> None:
    made = differences_of([MemberChange(*change)])
    assert [(each.title, each.deployed, each.draft) for each in made] == shown


def test_the_panel_of_an_integration_hides_secrets_in_what_it_maps(signed_in: Client, api: Api) -> None:
    node = f"integration/{api.integrations.get().pk}"
    html = signed_in.get(f"/apis/{api.pk}/designer/panel", {"node": node}).content.decode()
    assert "integration.request.header.Authorization" in html
    assert "a-secret" not in html
    assert re.search(r'name="sendsConnectionId" checked', html)
