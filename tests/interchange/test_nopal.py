"""Nopal's own documents: what they mean, and what is refused in them."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import get_stage
from gatewayapp.core import snapshot
from gatewayapp.interchange import Rejected, export_api, read_document
from gatewayapp.models import Api
from tests.interchange.samples import DOCUMENT, LAMBDA, imported, members, problems

pytestmark = pytest.mark.django_db

HEAD = "nopal: 1\napi: {name: chat, routeSelectionExpression: $request.body.action}\n"


def test_a_document_becomes_an_api_that_its_stages_serve():
    api, result = imported(DOCUMENT)

    stage = get_stage(api_id=api.pk, stage_name="prod")
    found = snapshot.load(stage.deployment.snapshot)
    assert {key: route.two_way for key, route in found.routes.items()} == {"$default": False, "send": True}
    assert found.routes["send"].integration.http_uri.source == "http://backend.example/"
    assert stage.stage_variables == {"room": "blue"}
    assert (result.stages, result.notes) == (("prod",), ())


def test_parts_refer_to_one_another_by_name():
    text = f"""{HEAD}
authorizers:
  tokens: {{authorizerUri: "{LAMBDA.format("auth")}", identitySource: [route.request.querystring.token]}}
integrations:
  connect: {{integrationType: MOCK}}
routes:
  $connect: {{integration: connect, authorizationType: CUSTOM, authorizer: tokens}}
"""
    api, _ = imported(text)

    (route,) = api.routes.all()
    assert route.authorizer.name == "tokens"
    assert route.integration.integration_type == "MOCK"


def test_integration_responses_keep_their_order_which_decides_between_them():
    text = f"""{HEAD}
integrations:
  all:
    integrationType: HTTP
    integrationMethod: POST
    integrationUri: http://backend.example/
    integrationResponses:
      /5../: {{}}
      /4../: {{}}
      $default: {{}}
"""
    api, _ = imported(text)

    responses = api.integrations.get().integration_responses.all()
    assert [response.integration_response_key for response in responses] == ["/5../", "/4../", "$default"]


def test_a_stage_may_serve_nothing_yet():
    api, _ = imported(DOCUMENT.replace("stageVariables: {room: blue}", "deployed: false"))

    assert api.stages.get().deployment is None
    assert not api.deployments.exists()


def test_a_schema_may_be_written_out():
    text = f"{HEAD}models: {{Message: {{contentType: application/json, schema: {{type: object}}}}}}"

    assert members(read_document(text), "Model") == [
        {"contentType": "application/json", "schema": '{"type":"object"}', "name": "Message"}
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "nopal: 2\napi: {name: x, routeSelectionExpression: y}",
            "nopal: This version of Nopal reads documents of version 1.",
        ),
        (f"{HEAD}route: {{}}", "route: Unknown; did you mean routes?"),
        (f"{HEAD}things: {{}}", "things: Unknown; known are: nopal, api, authorizers, models, integrations, routes"),
        (f"{HEAD}routes: [a]", "routes: It takes a mapping of names to values."),
        (f"{HEAD}routes: {{a: b}}", "routes.a: It takes a mapping of names to values."),
        (f"{HEAD}routes: {{a: {{colour: red}}}}", "routes.a.colour: Nopal's Route has no such member."),
        (f"{HEAD}routes: {{a: {{routeResponses: {{b: c}}}}}}", "routes.a.routeResponses.b: It takes a mapping"),
        (f"{HEAD}routes: {{a: {{integration: x}}}}", "routes.a: It refers to the Integration 'x', which is not part"),
        (f"{HEAD}routes: {{a: {{authorizer: x}}}}", "routes.a: It refers to the Authorizer 'x', which is not part"),
        (f"{HEAD}stages: {{a: {{deployed: maybe}}}}", "stages.a.deployed: It takes true or false."),
        (f"{HEAD}routes: {{a b: {{}}}}", "routes.a b: Invalid routeKey 'a b'"),
        (f"{HEAD}stages: {{a: {{}}}}", "stages.a: Unable to deploy API because no routes exist in this API"),
        (
            f"{HEAD}routes: {{a: {{}}}}\nstages: {{a: {{limits: {{x: 1}}}}}}",
            "stages.a: Invalid limits: Unknown limit 'x'",
        ),
        ("nopal: 1", "api: name is required."),
        ("nopal: 1\napi: {name: x, routeSelectionExpression: $nothing}", "api: Invalid routeSelectionExpression"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, message):
    found = problems(text)

    assert any(problem.startswith(message) for problem in found), found
    assert not Api.objects.exists()


def test_a_document_takes_no_parameters():
    assert problems(DOCUMENT, Stage="prod") == [
        "Parameters and the choice of an API are for CloudFormation templates only."
    ]


TESTS = """
tests:
  sending:
    message: '{"action": "send"}'
    expectations:
      routeKey: send
      request:
      - contains: backend.example
  nothing:
    message: ''
"""


def test_test_cases_come_in_and_go_out_with_the_document():
    api, result = imported(DOCUMENT + TESTS)
    assert {str(change) for change in result.changes} >= {"create TestCase sending", "create TestCase nothing"}
    [nothing, sending] = operations.get_test_cases(api_id=api.pk).order_by("name")
    assert (nothing.message, nothing.expectations) == ("", {})
    assert sending.expectations == {"routeKey": "send", "request": [{"contains": "backend.example"}]}

    again, _ = imported(export_api(api.pk))
    assert export_api(again.pk) == export_api(api.pk)
    assert "sending" not in export_api(api.pk, "nopal", "prod")
    assert "sending" not in export_api(api.pk, "cloudformation")


def test_a_document_changes_the_test_cases_that_it_has_and_leaves_the_others():
    api, _ = imported(DOCUMENT + TESTS)
    before = {test.name: test.pk for test in operations.get_test_cases(api_id=api.pk)}
    changed = DOCUMENT + "tests:\n  sending: {message: bye}\n"
    _, result = imported(changed, api.pk)
    assert list(map(str, result.changes)) == ["update TestCase sending: expectations, message"]
    after = {test.name: (test.pk, test.message, test.expectations) for test in operations.get_test_cases(api_id=api.pk)}
    assert after == {"sending": (before["sending"], "bye", {}), "nothing": (before["nothing"], "", {})}
    assert imported(DOCUMENT, api.pk)[1].changes == ()


def test_a_test_case_that_expects_nonsense_is_told_in_its_place():
    with pytest.raises(Rejected, match=r"tests\.x: Invalid expectations: 'route' is no expectation"):
        imported(DOCUMENT + "tests:\n  x: {message: '', expectations: {route: x}}\n")
