"""Test cases: kept beside an API, tried on its draft and its deployments, asked before it is deployed."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.test_cases import MOST_TEST_CASES
from gatewayapp.models import AuditEntry
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    """`send` is deployed to `prod`; the draft has another backend for it."""
    api = make_api()
    uri = "http://${stageVariables.host}/old"
    integration = make_integration(api, integration_type="HTTP_PROXY", integration_method="POST", integration_uri=uri)
    make_route(api, "send", target=f"integrations/{integration.pk}")
    make_stage(api, deployment_id=make_deployment(api).pk, stage_variables={"host": "b.example"})
    operations.update_integration(
        api_id=api.pk, integration_id=integration.pk, integration_uri="http://${stageVariables.host}/new"
    )
    return api


MESSAGE = '{"action": "send", "text": "hi"}'


def make_test_case(api, name="hello", message=MESSAGE, **expectations):
    return operations.create_test_case(api_id=api.pk, name=name, message=message, expectations=expectations)


def failures(api, **where):
    results = operations.run_test_cases(api_id=api.pk, **where)
    return {result.test_case.name: result.failures for result in results}


def test_a_test_case_is_kept_changed_and_deleted(api):
    made = make_test_case(api, routeKey="send")
    ids = {"api_id": api.pk, "test_case_id": made.pk}
    operations.update_test_case(**ids, expectations={"routeKey": "join"})
    document = operations.get_test_case(**ids).document()
    assert (document["name"], document["message"], document["expectations"]) == ("hello", MESSAGE, {"routeKey": "join"})
    operations.delete_test_case(**ids)
    assert not operations.get_test_cases(api_id=api.pk).exists()
    paths = {entry.resource.partition("::")[2] for entry in AuditEntry.objects.filter(action__endswith="TestCase")}
    assert paths == {f"/apis/{api.pk}/testcases/{made.pk}"}


def test_test_cases_are_no_part_of_the_draft(api):
    before = operations.get_draft_version(api_id=api.pk), operations.get_snapshot(api_id=api.pk, deployment_id="draft")
    make_test_case(api)
    assert before == (
        operations.get_draft_version(api_id=api.pk),
        operations.get_snapshot(api_id=api.pk, deployment_id="draft"),
    )


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"message": "x"}, operations.BadRequest),
        ({"name": "x"}, operations.BadRequest),
        ({"name": "hello", "message": "x"}, operations.Conflict),
        ({"name": "x", "message": "x" * 131_073}, operations.BadRequest),
        ({"name": "x", "message": "x", "expectations": {"status": 1}}, operations.BadRequest),
        (
            {"name": "x", "message": "", "expectations": {"request": [{"path": "a", "equals": "x" * 70_000}]}},
            operations.BadRequest,
        ),
    ],
)
def test_what_is_no_test_case_is_refused(api, members, refusal):
    make_test_case(api)
    with pytest.raises(refusal):
        operations.create_test_case(api_id=api.pk, **members)
    assert api.test_cases.count() == 1


def test_an_api_has_a_limited_number_of_them(api):
    for number in range(MOST_TEST_CASES):
        make_test_case(api, f"t{number}")
    with pytest.raises(operations.TooMany):
        make_test_case(api, "one more")


def test_test_cases_are_tried_on_the_draft_and_on_a_deployment_with_a_stage_s_variables(api):
    make_test_case(api, routeKey="send", request=[{"contains": "http://b.example/new"}])
    make_test_case(api, "path", request=[{"path": "text", "equals": "hi"}])
    deployed = operations.get_stage(api_id=api.pk, stage_name="prod").deployment_id
    assert failures(api, stage_name="prod") == {"hello": (), "path": ()}
    [failure] = failures(api, stage_name="prod", deployment_id=deployed)["hello"]
    assert "does not contain 'http://b.example/new'" in failure
    [failure] = failures(api)["path"]
    assert "needs the stage variable 'host'" in failure


def test_some_are_tried_by_their_ids(api):
    chosen = make_test_case(api)
    make_test_case(api, "other")
    assert list(failures(api, test_case_ids=[chosen.pk], stage_name="prod")) == ["hello"]
    with pytest.raises(operations.NotFound):
        operations.run_test_cases(api_id=api.pk, test_case_ids=["none000"])


def test_what_only_an_answer_shows_is_told_as_not_looked_at(api):
    make_test_case(api, status=200)
    make_test_case(api, "refused", "not JSON", response=[{"contains": "Forbidden"}])
    results = operations.run_test_cases(api_id=api.pk, stage_name="prod")
    assert [(result.passed, result.is_complete) for result in results] == [(True, False), (True, True)]


def test_failing_test_cases_are_told_before_a_deployment(api):
    make_test_case(api, routeKey="send")
    make_test_case(api, "gone", routeKey="leave")
    findings = operations.check_deployment(api_id=api.pk, stage_name="prod").findings
    told = [finding.problem.message for finding in findings if finding.problem.code == "failing-test-case"]
    assert told == ["Test case gone fails: It takes route send instead of route leave."]


def test_a_draft_that_cannot_be_deployed_is_told_once(api):
    make_test_case(api, routeKey="send")
    operations.update_integration(
        api_id=api.pk, integration_id=api.integrations.get().pk, request_templates={"$default": "$input.json('$')"}
    )
    codes = [finding.problem.code for finding in operations.check_deployment(api_id=api.pk).findings]
    assert "invalid-integration" in codes
    assert "failing-test-case" not in codes


def test_a_message_is_tried_on_what_a_stage_serves_and_on_the_draft(api):
    comparison = operations.compare_route_tests(api_id=api.pk, message=MESSAGE, stage_name="prod")
    assert [(each.member, each.before, each.after) for each in comparison.differences] == [
        ("request.url", "http://b.example/old", "http://b.example/new")
    ]
    assert comparison.draft.deployment_id == "draft"
    [route], [integration] = api.routes.all(), api.integrations.all()
    way = ("client", "selector", f"route/{route.pk}", f"integration/{integration.pk}")
    assert comparison.deployed.nodes[:4] == way
    keys = {placed.node.key for placed in operations.get_graph(api_id=api.pk).nodes}
    assert set(comparison.draft.nodes) <= keys
    assert len(comparison.draft.nodes) == 5


@pytest.mark.parametrize(
    ("where", "url"),
    [
        ({"stage_name": "prod"}, "/old"),
        ({"stage_name": "prod", "deployment_id": "draft"}, "/new"),
        ({}, None),
    ],
)
def test_a_message_is_tried_where_one_says(api, where, url):
    test = operations.run_route_test(api_id=api.pk, message=MESSAGE, **where)
    assert (test.run.request.target if test.run.request else None) == url


def test_a_message_that_no_route_takes_ends_at_the_selector(api):
    assert operations.run_route_test(api_id=api.pk, message="{}").nodes == ("client", "selector")
