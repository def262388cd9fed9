"""An API's picture over REST."""

import pytest

from gatewayapp.controlplane import operations
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    api = make_api()
    make_route(api, target=f"integrations/{make_integration(api).pk}")
    make_stage(api, deployment_id=make_deployment(api).pk)
    make_route(api, "join")
    return api


def test_the_picture_has_nodes_edges_places_and_the_draft_s_version(admin, api):
    answer = admin("GET", f"apis/{api.pk}/graph")
    graph = answer.json()
    assert answer["ETag"] == f'"{graph["version"]}"'
    assert graph["version"] == operations.get_draft_version(api_id=api.pk)
    nodes = {node["label"]: node for node in graph["nodes"]}
    assert list(nodes) == ["Clients", "$request.body.action", "$default", "join", "POST /", "http://backend.example"]
    assert [problem["code"] for problem in nodes["join"]["problems"]] == ["no-integration"]
    assert {edge["source"] for edge in graph["edges"]} <= {node["key"] for node in graph["nodes"]}
    assert graph["stages"][0]["changes"] == 1
    assert graph["box"] == {"x": 0, "y": 0, "width": 4 * 320 + 220, "height": 84 + 64}


def test_the_picture_of_a_deployment(admin, api):
    deployment = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    graph = admin("GET", f"apis/{api.pk}/graph?deployment={deployment}").json()
    assert (graph["deployment"], "join" in str(graph["nodes"])) == (deployment, False)
    assert admin("GET", f"apis/{api.pk}/graph?deployment=none00").status_code == 404


def test_nodes_are_moved_and_moved_back(admin, api):
    path = f"apis/{api.pk}/layout"
    assert admin("PATCH", path, {"positions": {"client": {"x": 5, "y": 6}}}).status_code == 204
    client = admin("GET", f"apis/{api.pk}/graph").json()["nodes"][0]
    assert (client["x"], client["y"], client["stored"]) == (5, 6, True)
    assert admin("DELETE", path).status_code == 204
    assert admin("GET", f"apis/{api.pk}/graph").json()["nodes"][0]["stored"] is False
    assert admin("PATCH", path, {"positions": {"nobody": {"x": 5, "y": 6}}}).status_code == 400


def test_if_match_is_asked_for_here_too(admin, api):
    path, deployment = f"apis/{api.pk}/stages/prod/rollback", make_deployment(api).pk
    refused = admin("POST", path, {"deploymentId": deployment}, HTTP_IF_MATCH='"1"')
    assert (refused.status_code, refused.json()["action"]) == (409, "CreateRoute")
    version = operations.get_draft_version(api_id=api.pk)
    assert admin("POST", path, {"deploymentId": deployment}, HTTP_IF_MATCH=f'"{version}"').status_code == 200
