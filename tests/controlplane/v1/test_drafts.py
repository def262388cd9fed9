"""Drafts, checks and histories over REST."""

import pytest

from gatewayapp.controlplane import operations
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db

SECRET = "swordfish"


@pytest.fixture
def api():
    api = make_api()
    make_route(api, target=f"integrations/{make_integration(api).pk}")
    make_stage(api, deployment_id=make_deployment(api).pk)
    return api


def test_the_draft_is_told_in_words_and_without_secrets(admin, api):
    integration = api.integrations.get()
    operations.update_integration(
        api_id=api.pk,
        integration_id=integration.pk,
        request_parameters={"integration.request.header.Authorization": f"'{SECRET}'"},
    )
    answer = admin("GET", f"apis/{api.pk}/draft")
    [stage] = answer.json()["stages"]
    [change] = stage["changes"]
    assert change["sentence"].startswith("Changes integration POST http://backend.example/: requestParameters of ")
    assert (change["kind"], change["node"]) == ("Integration", f"integration/{integration.pk}")
    assert (stage["stageName"], stage["autoDeploy"]) == ("prod", False)
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("broken", [False, True])
def test_a_check_says_whether_the_draft_can_be_deployed(admin, api, broken):
    if broken:
        make_route(api, "join")
    checked = admin("POST", f"apis/{api.pk}/deployment-check", {"stageName": "prod"}).json()
    assert checked["deployable"] is not broken
    assert [finding["code"] for finding in checked["findings"]] == ["no-integration"] * broken
    assert len(checked["changes"]) == broken
    assert checked["version"] == operations.get_draft_version(api_id=api.pk)


def test_the_history_tells_what_is_served_now_and_what_one_can_go_back_to(admin, api):
    first = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    second = operations.create_deployment(api_id=api.pk, stage_name="prod", description="with care").pk
    path = f"apis/{api.pk}/stages/prod"
    assert admin("POST", f"{path}/rollback", {"deploymentId": first}).status_code == 200
    operations.delete_deployment(api_id=api.pk, deployment_id=second)

    entries = admin("GET", f"{path}/history").json()["items"]
    told = [(each["deploymentId"], each["current"], each["available"], each["returned"]) for each in entries]
    assert told == [(first, True, True, True), (second, False, False, False), (first, False, True, False)]
    assert entries[0]["actor"]["name"] == "ann: tests"

    operations.update_stage(api_id=api.pk, stage_name="prod", deployment_id="")
    assert [each["current"] for each in admin("GET", f"{path}/history").json()["items"]] == [False] * 3


def test_deployments_say_who_made_them_and_their_difference_is_told_in_words(admin, api):
    before = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    [listed] = admin("GET", f"apis/{api.pk}/deployments").json()["items"]
    assert listed["createdBy"]
    make_route(api, "join")
    [change] = admin("GET", f"apis/{api.pk}/deployments/diff?before={before}").json()["changes"]
    assert change["sentence"] == "Adds route join, which leads nowhere."
