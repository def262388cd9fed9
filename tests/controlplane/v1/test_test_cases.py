"""Test cases and messages to try, over REST."""

import pytest

from gatewayapp.controlplane import operations
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db

CASE = {"name": "hello", "message": '{"action": "send"}', "expectations": {"routeKey": "send"}}


@pytest.fixture
def api():
    api = make_api()
    integration = make_integration(api)
    make_route(api, "send", target=f"integrations/{integration.pk}")
    make_stage(api, deployment_id=make_deployment(api).pk)
    return api


def test_a_test_case_s_life(admin, api):
    path = f"apis/{api.pk}/test-cases"
    made = admin("POST", path, CASE)
    assert made.status_code == 201
    one = f"{path}/{made.json()['testCaseId']}"
    assert admin("GET", one).json() == made.json()
    assert admin("PATCH", one, {"expectations": {"routeKey": "join"}}).json()["expectations"] == {"routeKey": "join"}
    assert [each["name"] for each in admin("GET", path).json()["items"]] == ["hello"]
    assert admin("POST", path, CASE).status_code == 409
    refused = admin("POST", path, {**CASE, "name": "x", "expectations": {"route": "x"}})
    assert (refused.status_code, "'route' is no expectation" in refused.json()["message"]) == (400, True)
    assert admin("DELETE", one).status_code == 204
    assert admin("GET", one).status_code == 404


def test_test_cases_are_run(admin, api):
    path = f"apis/{api.pk}/test-cases"
    admin("POST", path, CASE)
    admin("POST", path, {**CASE, "name": "gone", "expectations": {"routeKey": "leave", "status": 200}})
    results = admin("POST", f"{path}/run", {}).json()
    assert (results["passed"], results["failed"]) == (1, 1)
    failed = results["items"][1]
    assert failed["failures"] == ["It takes route send instead of route leave."]
    assert (failed["complete"], failed["routeKey"], failed["request"]["url"]) == (
        False,
        "send",
        "http://backend.example/",
    )
    deployed = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    assert admin("POST", f"{path}/run", {"deployment": deployed}).json()["passed"] == 1


def test_a_message_is_tried_on_the_draft_a_stage_and_a_deployment(admin, api):
    deployed = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    operations.delete_route(api_id=api.pk, route_id=api.routes.get().pk)
    make_route(api, "$default", target=f"integrations/{api.integrations.get().pk}")
    message = CASE["message"]

    def tried(**where):
        answer = admin("POST", f"apis/{api.pk}/test", {"message": message, **where}).json()
        return answer["deployment"], answer["routeKey"]

    assert tried() == tried(deployment="draft") == tried(stageName="prod", deployment="draft") == ("draft", "$default")
    assert tried(deployment=deployed) == tried(stageName="prod") == (deployed, "send")

    compared = admin("POST", f"apis/{api.pk}/stages/prod/compare", {"message": message}).json()
    assert (compared["deployed"]["routeKey"], compared["draft"]["routeKey"]) == ("send", "$default")
    assert {"member": "routeKey", "before": "send", "after": "$default"} in compared["differences"]
    assert compared["draft"]["nodes"][:2] == ["client", "selector"]
