"""The picture of a draft and of a deployment, its version, and the places of its nodes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gatewayapp.controlplane import operations
from gatewayapp.models import AuditEntry, ConfigurationVersion, Route
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    api = make_api()
    make_route(api, target=f"integrations/{make_integration(api).pk}")
    return api


def keys_of_routes(graph):
    return [placed.node.label for placed in graph.nodes if placed.node.kind == "route"]


def test_the_draft_is_drawn_as_it_stands_now(api):
    make_route(api, "join")
    graph = operations.get_graph(api_id=api.pk)
    assert (graph.api_id, graph.deployment_id) == (api.pk, "draft")
    assert keys_of_routes(graph) == ["$default", "join"]
    assert operations.get_draft_version(api_id=api.pk) == graph.version


def test_a_deployment_is_drawn_as_it_was(api):
    deployment = make_deployment(api)
    make_route(api, "join")
    graph = operations.get_graph(api_id=api.pk, deployment_id=deployment.pk)
    assert keys_of_routes(graph) == ["$default"]
    assert graph.version == operations.get_graph(api_id=api.pk).version
    with pytest.raises(operations.NotFound):
        operations.get_graph(api_id=api.pk, deployment_id="none00")


def test_stages_say_how_far_the_draft_is_ahead_of_them(api):
    make_stage(api, "prod", deployment_id=make_deployment(api).pk)
    make_stage(api, "empty")
    make_stage(api, "auto", auto_deploy=True)
    make_route(api, "join")
    make_route(api, "leave")
    stages = operations.get_graph(api_id=api.pk).stages
    assert {(stage.stage_name, stage.auto_deploy, stage.changes) for stage in stages} == {
        ("prod", False, 2),
        ("empty", False, None),
        ("auto", True, 0),
    }


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(api):
    def queries():
        with CaptureQueriesContext(connection) as queries:
            operations.get_graph(api_id=api.pk)
        return len(queries)

    first = queries()
    Route.objects.bulk_create(Route(api=api, route_key=f"r{number}") for number in range(300))
    make_stage(api, deployment_id=make_deployment(api).pk)
    make_stage(api, "second", deployment_id=make_deployment(api).pk)
    assert queries() == first


CHANGES = {
    "api": lambda api, ids: operations.update_api(api_id=api.pk, description="x"),
    "new route": lambda api, ids: make_route(api, "join"),
    "route": lambda api, ids: operations.update_route(**ids["route"], operation_name="x"),
    "no route": lambda api, ids: operations.delete_route(**ids["route"]),
    "answer": lambda api, ids: operations.create_route_response(**ids["route"], route_response_key="$default"),
    "integration": lambda api, ids: operations.update_integration(**ids["integration"], timeout_in_millis=50),
    "model": lambda api, ids: operations.create_model(api_id=api.pk, name="Note", schema="{}"),
}
NO_CHANGES = {
    "a look": lambda api, ids: operations.get_graph(api_id=api.pk),
    "deployment": lambda api, ids: make_deployment(api),
    "stage": lambda api, ids: make_stage(api),
    "layout": lambda api, ids: operations.update_layout(api_id=api.pk, positions={"client": {"x": 1, "y": 2}}),
    "another": lambda api, ids: make_route(make_api()),
}


@pytest.mark.parametrize("name", [*CHANGES, *NO_CHANGES])
def test_the_version_moves_with_each_change_of_the_draft_and_with_nothing_else(api, name):
    ids = {
        "route": {"api_id": api.pk, "route_id": api.routes.get().pk},
        "integration": {"api_id": api.pk, "integration_id": api.integrations.get().pk},
    }
    before = operations.get_draft_version(api_id=api.pk)
    (CHANGES | NO_CHANGES)[name](api, ids)
    assert (operations.get_draft_version(api_id=api.pk) != before) is (name in CHANGES)


def test_nodes_stay_where_they_were_put(api):
    route = f"route/{api.routes.get().pk}"
    operations.update_layout(api_id=api.pk, positions={route: {"x": 7, "y": -9}, "client": {"x": 1, "y": 1}})
    operations.update_layout(api_id=api.pk, positions={"client": {"x": 2, "y": 3}})
    stored = {each.node.key: (each.x, each.y) for each in operations.get_graph(api_id=api.pk).nodes if each.is_stored}
    assert stored == {route: (7, -9), "client": (2, 3)}

    operations.reset_layout(api_id=api.pk)
    assert not any(each.is_stored for each in operations.get_graph(api_id=api.pk).nodes)


def test_a_saved_gesture_is_one_entry_in_the_log_and_no_change_of_the_configuration(api):
    version, entries = ConfigurationVersion.current(), AuditEntry.objects.count()
    operations.update_layout(api_id=api.pk, positions={"client": {"x": 1, "y": 1}, "selector": {"x": 2, "y": 2}})
    operations.reset_layout(api_id=api.pk)
    assert ConfigurationVersion.current() == version
    reset, update = AuditEntry.objects.all()[:2]
    assert AuditEntry.objects.count() == entries + 2
    assert (update.action, update.resource.partition("::")[2]) == ("UpdateLayout", f"/apis/{api.pk}/layout")
    assert update.after == reset.before == {"client": {"x": 1, "y": 1}, "selector": {"x": 2, "y": 2}}


def test_a_move_tells_where_the_nodes_were_that_it_moves(api):
    operations.update_layout(api_id=api.pk, positions={"client": {"x": 1, "y": 1}, "selector": {"x": 2, "y": 2}})
    operations.update_layout(api_id=api.pk, positions={"client": {"x": 5, "y": 5}})
    entry = AuditEntry.objects.first()
    assert (entry.before, entry.after) == ({"client": {"x": 1, "y": 1}}, {"client": {"x": 5, "y": 5}})


@pytest.mark.parametrize(
    "positions",
    [
        {"somewhere": {"x": 1, "y": 1}},
        {"route/../etc": {"x": 1, "y": 1}},
        {"client": {"x": 1}},
        {"client": {"x": 1, "y": True}},
        {"client": {"x": 1, "y": 1.5}},
        {"client": {"x": 1, "y": 10**9}},
    ],
)
def test_a_position_that_is_none_is_refused(api, positions):
    with pytest.raises(operations.BadRequest):
        operations.update_layout(api_id=api.pk, positions=positions)
    assert operations.get_layout(api_id=api.pk) == {}


def test_positions_are_bounded(api):
    def put(first):
        keys = [f"route/{number}" for number in range(first, first + 2000)]
        operations.update_layout(api_id=api.pk, positions={key: {"x": 0, "y": 0} for key in keys})

    put(0)
    with pytest.raises(operations.TooMany):
        put(1)
    assert len(operations.get_layout(api_id=api.pk)) == 2000
