"""The draft beside what stages serve: what would change, what to know before, and what was served before."""

import itertools

import pytest
from django.db import connection

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import snapshots
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.snapshots import KEPT_HISTORY, note_deployment
from gatewayapp.models import ConfigurationVersion, Connection
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    """A sound API, deployed to `prod`."""
    api = make_api()
    make_route(api, target=f"integrations/{make_integration(api).pk}")
    make_stage(api, deployment_id=make_deployment(api).pk)
    return api


def acting_as(name):
    return acting(lambda: Actor("user", "7", name))


def connect(api, name, stage="prod"):
    Connection.objects.create(
        connection_id=name,
        api_id=api.pk,
        stage=stage,
        node_slot=0,
        node_incarnation=0,
        connected_at=0,
        domain_name="localhost",
        source_ip="192.0.2.1",
    )


def codes(check):
    return [finding.problem.code for finding in check.findings]


def test_what_would_change_is_told_for_each_stage(api):
    make_stage(api, "empty")
    route = api.routes.get()
    operations.create_route_response(api_id=api.pk, route_id=route.pk, route_response_key="$default")
    status = operations.get_draft_status(api_id=api.pk)
    changes = {each.stage.stage_name: each.changes for each in status.stages}
    assert [(told.sentence, told.node) for told in changes["prod"]] == [
        ("Makes route $default two-way.", f"route/{route.pk}")
    ]
    assert changes["empty"] is None
    assert (status.version, status.findings) == (operations.get_draft_version(api_id=api.pk), ())


def test_findings_name_their_nodes(api):
    route, unused = make_route(api, "join"), make_integration(api)
    status = operations.get_draft_status(api_id=api.pk)
    assert {(finding.problem.code, finding.node) for finding in status.findings} == {
        ("no-integration", f"route/{route.pk}"),
        ("unused-integration", f"integration/{unused.pk}"),
    }


def test_a_check_changes_nothing_and_says_what_would_change(api):
    make_route(api, "join", target=f"integrations/{api.integrations.get().pk}")
    before = ConfigurationVersion.current()
    check = operations.check_deployment(api_id=api.pk, stage_name="prod")
    assert [told.sentence for told in check.changes] == [
        "Adds route join, which leads to POST http://backend.example/."
    ]
    assert (codes(check), ConfigurationVersion.current()) == ([], before)
    assert operations.check_deployment(api_id=api.pk).changes is None
    with pytest.raises(operations.NotFound):
        operations.check_deployment(api_id=api.pk, stage_name="none")


@pytest.mark.parametrize(("connected", "found"), [(0, []), (1, ["1 client is"]), (2, ["2 clients are"])])
def test_another_selection_expression_is_a_warning_while_clients_are_connected(api, connected, found):
    for number in range(connected):
        connect(api, f"c{number}")
    connect(api, "elsewhere", "beta")
    operations.update_api(api_id=api.pk, route_selection_expression="$request.body.type")
    findings = operations.check_deployment(api_id=api.pk, stage_name="prod").findings
    assert [(finding.problem.code, finding.node) for finding in findings] == [("selection-changes", "selector")] * len(
        found
    )
    for finding, words in zip(findings, found, strict=True):
        assert words in finding.problem.message
    assert codes(operations.check_deployment(api_id=api.pk)) == []


def test_a_stage_that_deploys_by_itself_is_told(api):
    make_stage(api, "auto", auto_deploy=True)
    assert codes(operations.check_deployment(api_id=api.pk, stage_name="auto")) == ["automatic"]


def test_without_a_gateway_no_backend_is_tried(api):
    check = operations.check_deployment(api_id=api.pk, stage_name="prod", reach_backends=True)
    assert codes(check) == ["backends-not-tried"]


def test_a_stage_variable_that_is_not_set_is_found_where_the_stage_is_known(api):
    integration = make_integration(
        api,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri="http://${stageVariables.backend}/",
    )
    operations.update_route(api_id=api.pk, route_id=api.routes.get().pk, target=f"integrations/{integration.pk}")
    operations.delete_integration(api_id=api.pk, integration_id=api.integrations.first().pk)
    options = {"api_id": api.pk, "reach_backends": True}
    assert "no-backend" in codes(operations.check_deployment(**options, stage_name="prod"))
    assert "no-backend" not in codes(operations.check_deployment(**options))
    operations.update_stage(api_id=api.pk, stage_name="prod", stage_variables={"backend": "b.example"})
    assert "no-backend" not in codes(operations.check_deployment(**options, stage_name="prod"))


def history(api, stage="prod"):
    entries = operations.get_stage_history(api_id=api.pk, stage_name=stage)
    return [(entry.deployment_id, entry.actor_name, entry.automatic, entry.returned) for entry in entries]


def test_a_stage_remembers_what_it_served_and_who_deployed_it(api):
    first = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    operations.get_stage_history(api_id=api.pk, stage_name="prod").delete()
    with acting_as("ann"):
        second = operations.create_deployment(api_id=api.pk, stage_name="prod").pk
    with acting_as("bea"):
        operations.update_stage(api_id=api.pk, stage_name="prod", deployment_id=first)
        operations.update_stage(api_id=api.pk, stage_name="prod", description="no deployment")
        operations.rollback_stage(api_id=api.pk, stage_name="prod", deployment_id=second)
    assert history(api) == [
        (second, "bea", False, True),
        (first, "bea", False, False),
        (second, "ann", False, False),
    ]


def test_a_new_stage_s_history_begins_with_its_deployment(api):
    assert len(history(api)) == 1
    make_stage(api, "empty")
    assert history(api, "empty") == []


def test_automatic_deployments_are_in_the_history_too(api):
    make_stage(api, "auto", auto_deploy=True)
    with acting_as("ann"):
        make_route(api, "join")
    deployment = operations.get_stage(api_id=api.pk, stage_name="auto").deployment
    assert history(api, "auto")[0] == (deployment.pk, "ann", True, False)
    assert deployment.created_by == "ann"


def test_a_history_is_bounded(api):
    stage = operations.get_stage(api_id=api.pk, stage_name="prod")
    for number in range(KEPT_HISTORY + 5):
        note_deployment(stage.pk, f"d{number}")
    assert len(history(api)) == KEPT_HISTORY
    assert history(api)[0][0] == f"d{KEPT_HISTORY + 4}"


def test_a_deployment_says_who_made_it(api):
    with acting_as("ann"):
        assert make_deployment(api).created_by == "ann"


def test_a_draft_that_is_changed_while_it_is_read_is_no_mixture_of_two(api):
    """A change between any two of the queries: a route moves to another integration, and the first one is deleted."""
    for queries in itertools.count():
        [route], [integration] = api.routes.all(), api.integrations.all()
        before = operations.deployments.get_snapshot(api_id=api.pk, deployment_id="draft")
        move = Move(queries, api, route, integration)
        with connection.execute_wrapper(move):
            read = operations.deployments.get_snapshot(api_id=api.pk, deployment_id="draft")
        after = operations.deployments.get_snapshot(api_id=api.pk, deployment_id="draft")
        assert read in (before, after), queries
        if not move.made:
            break
    assert queries > 5


class Move:
    """Makes the change before the query that so many others went before."""

    def __init__(self, queries, api, route, integration):
        self.queries, self.api, self.route, self.integration = queries, api, route, integration
        self.made = False

    def __call__(self, execute, *query):
        if not self.made and self.queries == 0:
            self.made = True
            other = make_integration(self.api)
            operations.update_route(api_id=self.api.pk, route_id=self.route.pk, target=f"integrations/{other.pk}")
            operations.delete_integration(api_id=self.api.pk, integration_id=self.integration.pk)
        self.queries -= 1
        return execute(*query)


def test_a_draft_that_never_stands_still_is_not_read(api, monkeypatch):
    def changing(changed):
        operations.update_api(api_id=api.pk, description=f"after {changed.draft_revision}")
        return {}

    monkeypatch.setattr(snapshots, "_read_draft", changing)
    with pytest.raises(operations.Conflict, match="changed repeatedly while it was read"):
        snapshots.draft(api)
