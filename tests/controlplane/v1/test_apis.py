"""Deployments compared and gone back to, messages tried out, documents in and out, the log read."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.roles import Role
from gatewayapp.models import Api, AuditEntry, Connection, RoleAssignment
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage
from tests.controlplane.v1.conftest import caller_of

pytestmark = pytest.mark.django_db

SECRET = "swordfish"


@pytest.fixture
def api() -> Api:
    """An API with one route, deployed to `prod`, and a draft with two."""
    api = make_api()
    integration = make_integration(
        api,
        integration_type="HTTP",
        integration_method="POST",
        integration_uri="http://backend.example/in?token=" + SECRET,
        request_parameters={"integration.request.header.Authorization": f"'Bearer {SECRET}'"},
        request_templates={"$default": '{"fixed": true}'},
        template_selection_expression="\\$default",
    )
    make_route(api, "send", target=f"integrations/{integration.pk}")
    make_stage(api, deployment_id=make_deployment(api).pk)
    make_route(api, "leave")
    return api


def stage_of(api: Api):
    return operations.get_stage(api_id=api.pk, stage_name="prod")


def test_the_difference_of_a_deployment_and_the_draft(admin, api):
    deployed = stage_of(api).deployment_id
    [change] = admin("GET", f"apis/{api.pk}/deployments/diff?before={deployed}").json()["changes"]
    assert (change["action"], change["kind"], change["key"]) == ("added", "Route", "leave")
    assert {"member": "routeKey", "before": None, "after": "leave"} in change["members"]


def test_the_difference_of_two_deployments(admin, api):
    first = stage_of(api).deployment_id
    second = make_deployment(api).pk
    path = f"apis/{api.pk}/deployments/diff"
    assert admin("GET", f"{path}?before={first}&after={first}").json() == {"changes": []}
    [back] = admin("GET", f"{path}?before={second}&after={first}").json()["changes"]
    assert back["action"] == "removed"
    assert admin("GET", f"{path}?before=nope00").status_code == 404
    assert admin("GET", path).status_code == 400


def test_a_secret_that_changed_is_not_told(admin, api):
    deployed = stage_of(api).deployment_id
    [integration] = api.integrations.all()
    header = "integration.request.header.Authorization"
    operations.update_integration(
        api_id=api.pk, integration_id=integration.pk, request_parameters={header: f"'{SECRET}-2'"}
    )
    answer = admin("GET", f"apis/{api.pk}/deployments/diff?before={deployed}")
    assert ("changed", "Integration") in [(each["action"], each["kind"]) for each in answer.json()["changes"]]
    assert SECRET not in answer.content.decode()


def test_a_stage_goes_back_to_an_earlier_deployment_and_forth_again(admin, api):
    first = stage_of(api).deployment_id
    second = operations.create_deployment(api_id=api.pk, stage_name="prod").pk
    AuditEntry.objects.all().delete()
    path = f"apis/{api.pk}/stages/prod/rollback"
    answer = admin("POST", path, {"deploymentId": first})
    assert answer.json() == {"stageName": "prod", "deploymentId": first, "autoDeploy": False, "connections": 0}
    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.before["deploymentId"], entry.after["deploymentId"]) == ("RollbackStage", second, first)
    assert admin("POST", path, {"deploymentId": second}).status_code == 200
    assert stage_of(api).deployment_id == second


def test_what_cannot_be_gone_back_to_is_refused(admin, api):
    path = f"apis/{api.pk}/stages/prod/rollback"
    foreign = make_deployment(make_api()).pk
    assert admin("POST", path, {"deploymentId": foreign}).status_code == 404
    assert admin("POST", path, {"deploymentId": stage_of(api).deployment_id}).status_code == 409
    operations.update_stage(api_id=api.pk, stage_name="prod", auto_deploy=True)
    refused = admin("POST", path, {"deploymentId": stage_of(api).deployment_id})
    assert (refused.status_code, "switch autoDeploy off" in refused.json()["message"]) == (400, True)


def test_a_message_is_tried_out_without_calling_anyone(admin, api):
    path = f"apis/{api.pk}/stages/prod/route-test"
    answer = admin("POST", path, {"message": '{"action": "send"}'}).json()
    assert (answer["value"], answer["routeKey"], answer["twoWay"]) == ("send", "send", False)
    request = answer["request"]
    assert (request["type"], request["method"], request["body"]) == ("http", "POST", '{"fixed": true}')
    assert request["url"] == "http://backend.example/in?token=********"
    headers = {header["name"]: header["value"] for header in request["headers"]}
    assert (headers["Host"], headers["Authorization"]) == ("backend.example", "********")
    assert SECRET not in str(answer)


def test_a_message_is_tried_out_on_the_draft_or_on_what_is_deployed(admin, api):
    path = f"apis/{api.pk}/stages/prod/route-test"
    message = {"message": '{"action": "leave"}'}
    deployed, draft = (admin("POST", path, {**message, "draft": draft}).json() for draft in (False, True))
    assert (deployed["routeKey"], draft["routeKey"]) == (None, "leave")
    assert deployed["error"]
    assert '"message": "Forbidden"' in deployed["errorFrame"]


def test_there_must_be_something_to_try_a_message_on(admin, api):
    make_stage(api, "empty")
    answer = admin("POST", f"apis/{api.pk}/stages/empty/route-test", {"message": "{}"})
    assert (answer.status_code, "deploy first, or test the draft" in answer.json()["message"]) == (400, True)


DOCUMENT = (
    "nopal: 1\napi:\n  name: imported\n  routeSelectionExpression: $request.body.action\nroutes:\n  $default: {}\n"
)


def test_an_import_is_one_change(admin):
    AuditEntry.objects.all().delete()
    answer = admin("POST", "import", {"document": DOCUMENT}).json()
    api = Api.objects.get(pk=answer["apiId"])
    assert (api.name, api.routes.count()) == ("imported", 1)
    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.api_id, entry.actor_kind) == ("ImportApi", api.pk, "token")


def test_a_dry_run_of_an_import_tells_and_changes_nothing(admin):
    AuditEntry.objects.all().delete()
    answer = admin("POST", "import", {"document": DOCUMENT, "dryRun": True}).json()
    assert answer["apiId"] == ""
    assert {change["kind"] for change in answer["changes"]} >= {"Api", "Route"}
    assert answer["sentences"] == ["Adds route $default, which leads nowhere."]
    assert [node["kind"] for node in answer["graph"]["nodes"]] == ["client", "selector", "route"]
    assert not Api.objects.exists()
    assert not AuditEntry.objects.exists()


def test_what_is_exported_can_be_imported(admin):
    made = admin("POST", "import", {"document": DOCUMENT}).json()
    exported = admin("GET", f"apis/{made['apiId']}/export").json()["document"]
    again = admin("POST", "import", {"document": exported, "apiId": made["apiId"]}).json()
    assert (again["changes"], again["sentences"], again["graph"]) == ([], [], None)


def test_an_import_into_a_draft_that_has_changed_meanwhile_is_refused(admin):
    made = admin("POST", "import", {"document": DOCUMENT}).json()["apiId"]
    version = operations.get_draft_version(api_id=made)
    operations.update_api(api_id=made, description="mine")
    body = {"document": DOCUMENT, "apiId": made}
    refused = admin("POST", "import", body, HTTP_IF_MATCH=f'"{version}"')
    assert (refused.status_code, operations.get_api(api_id=made).description) == (409, "mine")
    version = operations.get_draft_version(api_id=made)
    assert admin("POST", "import", body, HTTP_IF_MATCH=f'"{version}"').status_code == 200


@pytest.mark.parametrize(("export_format", "head"), [("mermaid", "flowchart LR"), ("svg", "<svg ")])
def test_an_api_is_exported_as_a_picture(admin, api, export_format, head):
    answer = admin("GET", f"apis/{api.pk}/export?exportFormat={export_format}")
    assert answer.json()["document"].startswith(head)
    assert SECRET not in answer.content.decode()


def test_who_edits_one_api_imports_into_that_one_only(new_user, admin):
    made = admin("POST", "import", {"document": DOCUMENT}).json()["apiId"]
    bea = caller_of(new_user("bea", **{made: Role.EDITOR}))
    assert bea("POST", "import", {"document": DOCUMENT, "apiId": made}).status_code == 200
    assert bea("POST", "import", {"document": DOCUMENT}).status_code == 403
    assert bea("POST", "import", {"document": DOCUMENT, "apiId": make_api().pk}).status_code == 404


def test_the_log_is_filtered_and_paged(admin):
    AuditEntry.objects.all().delete()
    apis = [make_api() for _ in range(5)]
    operations.update_api(api_id=apis[0].pk, name="x")
    actions = [entry["action"] for entry in admin("GET", f"audit-entries?apiId={apis[0].pk}").json()["items"]]
    assert actions == ["UpdateApi", "CreateApi"]
    assert len(admin("GET", "audit-entries?action=CreateApi").json()["items"]) == 5
    assert admin("GET", "audit-entries?actorKind=user").json()["items"] == []
    assert len(admin("GET", "audit-entries?since=2020-01-01T00:00:00Z").json()["items"]) == 6
    assert admin("GET", "audit-entries?until=2020-01-01T00:00:00Z").json()["items"] == []
    seen, cursor = [], ""
    while cursor is not None:
        page = admin("GET", "audit-entries?pageSize=4" + (f"&cursor={cursor}" if cursor else "")).json()
        seen += [entry["resource"] for entry in page["items"]]
        cursor = page["nextCursor"]
    assert len(seen) == 6


@pytest.mark.parametrize("body", ["{", "[" * 100_000, '{"name": NaN}', "\xff", '{"name": "\\ud800"}', "[]", "null", ""])
def test_a_body_that_is_no_json_object_is_refused(admin, body):
    path = "access-keys"
    answer = Client().post(
        f"/api/v1/{path}", body, content_type="application/json", headers={"Authorization": f"Bearer {admin.token}"}
    )
    assert (answer.status_code, bool(answer.json()["message"])) == (400, True)


def test_a_body_that_is_too_large_is_refused(admin, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert admin("POST", "access-keys", {"name": "x" * 1000, "permissions": []}).status_code == 413


def test_an_unexpected_failure_tells_the_client_nothing(admin, monkeypatch, caplog):
    def fail(**_):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("gatewayapp.controlplane.api.v1.apis.diff_deployments", fail)
    answer = admin("GET", f"apis/{make_api().pk}/deployments/diff?before=draft")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})
    assert "swordfish" in caplog.text


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzEsMl0=", "WyIyMDIwLTAxLTAxIiwxXQ==", "WyJ4IiwieCJd"])
@pytest.mark.parametrize("path", ["audit-entries", "users", "tokens", "connections"])
def test_a_cursor_that_was_made_up_is_refused(admin, path, cursor):
    answer = admin("GET", f"{path}?cursor={cursor}")
    assert (answer.status_code, "take nextCursor" in answer.json()["message"]) == (400, True)


def test_every_list_is_read_in_as_many_queries_whatever_its_length(admin):
    lists = ("connections", "apis", "access-keys", "tokens", "users", "audit-entries")
    grow(1)
    before = {path: count_queries(admin, path) for path in lists}
    grow(10)
    assert {path: count_queries(admin, path) for path in lists} == before
    assert max(before.values()) <= 5


def grow(count: int) -> None:
    for number in range(count):
        api = make_api()
        make_stage(api)
        operations.create_access_key(name="x")
        user = User.objects.create_user(f"user-{User.objects.count()}")
        RoleAssignment.objects.create(user=user, role="viewer", api=api)
        create_api_token(user_id=user.pk, name="x", scopes=["apis:read"])
        Connection.objects.create(
            connection_id=f"{api.pk}{number:05}=",
            api_id=api.pk,
            stage="prod",
            node_slot=0,
            node_incarnation=0,
            connected_at=number,
            domain_name="localhost",
            source_ip="192.0.2.1",
        )


def count_queries(admin, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert admin("GET", path).status_code == 200
    return len([query for query in queries if query["sql"].startswith("SELECT")])
