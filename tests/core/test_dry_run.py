"""A dry run: which route a message takes and why, what would be sent, and that nothing else happens."""

import pytest

from gatewayapp.core.diff import MemberChange
from gatewayapp.core.dry_run import differences, dry_run, outcome_of
from gatewayapp.core.expectations import Outcome
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.messages import HttpRequest, Origin
from gatewayapp.core.snapshot import StageSnapshot, load

NOW = 1768910161220


def stage(*keys: str, **integration) -> StageSnapshot:
    members = {
        "integrationId": "i1",
        "integrationType": "HTTP",
        "integrationMethod": "POST",
        "integrationUri": "http://backend.example.org/${stageVariables.path}",
        "requestTemplates": {"$default": '{"said": 1}'},
        **integration,
    }
    document = {
        "version": 1,
        "api": {"apiId": "a1b2c3d4e5", "routeSelectionExpression": "$request.body.action"},
        "routes": [{"routeKey": key, "target": "integrations/i1", "routeResponses": []} for key in keys],
        "integrations": [members],
        "models": [],
        "authorizers": [],
    }
    return StageSnapshot(load(document), "prod", {"path": "in"}, StageLimits())


@pytest.mark.parametrize(
    ("keys", "text", "value", "route_key", "reason"),
    [
        (["send"], '{"action":"send"}', "send", "send", "The expression's value is the key of the route send."),
        (["$default"], '{"action":"send"}', "send", "$default", "There is no route send, so it goes to $default."),
        (["$default"], "hello", None, "$default", "The message is not JSON, so it goes to $default."),
        (["$default"], "{}", "", "$default", "The expression finds nothing in the message, so it goes to $default."),
        (
            ["$connect", "$default"],
            '{"action":"$connect"}',
            "$connect",
            "$default",
            "A message cannot choose $connect, so it goes to $default.",
        ),
        (
            ["send"],
            '{"action":"leave"}',
            "leave",
            None,
            "There is no route leave, and there is no route $default to take it.",
        ),
    ],
)
def test_the_route_is_told_with_the_reason_for_it(keys, text, value, route_key, reason):
    run = dry_run(stage(*keys), text, "gateway.example", NOW)
    assert (run.expression, run.value, run.reason) == ("$request.body.action", value, reason)
    assert (run.route.route_key if run.route else None) == route_key


def test_the_request_is_rendered_as_it_would_be_sent():
    run = dry_run(stage("send"), '{"action":"send"}', "gateway.example", NOW)
    assert isinstance(run.request, HttpRequest)
    assert (run.request.origin, run.request.target) == (Origin("http", "backend.example.org", 80), "/in")
    assert (run.request.method, run.request.body) == ("POST", b'{"said": 1}')
    assert run.error is None


def test_what_cannot_be_rendered_is_told_with_the_frame_that_the_client_would_get():
    run = dry_run(stage("send", requestTemplates={}, passthroughBehavior="NEVER"), '{"action":"send"}', "x", NOW)
    assert run.request is None
    assert run.error is not None
    assert run.error.status == 415
    assert '"message": "Unsupported Media Type"' in (run.error_frame or "")


def test_two_runs_under_one_request_id_differ_only_where_the_stages_do():
    one, same = (dry_run(stage("send"), '{"action":"send"}', "gateway.example", NOW, "id") for _ in range(2))
    assert differences(one, same) == ()
    other = dry_run(
        stage("send", integrationUri="http://c.example/"), '{"action":"send"}', "gateway.example", NOW, "id"
    )
    assert differences(one, other) == (
        MemberChange("request.url", "http://backend.example.org/in", "http://c.example/"),
        MemberChange("request.headers.Host", "backend.example.org", "c.example"),
    )
    elsewhere = dry_run(stage("$default"), '{"action":"send"}', "gateway.example", NOW, "id")
    assert {change.member for change in differences(one, elsewhere)} == {"routeKey", "reason"}
    nowhere = dry_run(stage("join"), '{"action":"send"}', "gateway.example", NOW, "id")
    assert {"routeKey", "error", "request.url"} <= {change.member for change in differences(one, nowhere)}


@pytest.mark.parametrize(
    ("text", "integration", "outcome"),
    [
        (
            '{"action":"send"}',
            {},
            Outcome("send", 'POST http://backend.example.org/in\n{"said": 1}', '{"said": 1}'),
        ),
        (
            '{"action":"send"}',
            {"integrationType": "MOCK", "requestTemplates": {"$default": '{"statusCode": 202}'}},
            Outcome("send", "202\n", ""),
        ),
    ],
)
def test_an_outcome_has_the_request_as_text(text, integration, outcome):
    template = {"templateSelectionExpression": "\\$default"}
    assert outcome_of(dry_run(stage("send", **template, **integration), text, "gateway.example", NOW)) == outcome


def test_an_outcome_without_a_route_has_the_error_and_its_frame():
    outcome = outcome_of(dry_run(stage("send"), "{}", "gateway.example", NOW))
    assert (outcome.route_key, outcome.request, outcome.sent) == (None, None, False)
    assert outcome.error == "No route '' and no $default route."
    assert '"message": "Forbidden"' in outcome.frame
