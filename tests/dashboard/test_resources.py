"""What all kinds of resources have in common: rights, CSRF, deletion by name, lists, and the same as JSON and CLI."""

import html
import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, AuditEntry, Route
from tests.dashboard.forms import HOST, page, send

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:who/invocations"
)
PAGES = ("routes", "integrations", "authorizers", "models", "stages", "deployments")


@pytest.fixture
def full(api: Api) -> Api:
    fill(api)
    return api


def fill(api: Api) -> dict[str, str]:
    """One of everything in the API; where the page of each is."""
    names = {"api_id": api.api_id}
    integration = operations.create_integration(
        **names,
        integration_type="HTTP",
        integration_method="POST",
        integration_uri="http://127.0.0.1:9000/send?token=very-secret",
        request_parameters={"integration.request.header.X-Api-Key": "'hidden'"},
        request_templates={"$default": '{"a": 1}'},
        tls_config={"serverNameToVerify": "backend.example"},
    )
    response = operations.create_integration_response(
        **names, integration_id=integration.pk, integration_response_key="$default"
    )
    authorizer = operations.create_authorizer(
        **names,
        name="who",
        authorizer_type="REQUEST",
        authorizer_uri=LAMBDA,
        identity_source=["route.request.querystring.token"],
    )
    model = operations.create_model(**names, name="Message", schema='{"type": "object"}')
    route = operations.create_route(
        **names,
        route_key="send",
        target=f"integrations/{integration.pk}",
        request_models={"$default": "Message"},
    )
    operations.create_route_response(**names, route_id=route.pk, route_response_key="$default")
    deployment = operations.create_deployment(**names, description="the first")
    stage = operations.create_stage(
        **names,
        stage_name="prod",
        deployment_id=deployment.pk,
        stage_variables={"backend": "127.0.0.1:9000", "api_token": "secret-value"},
        limits={"idleTimeout": 60},
        tags={"team": "chat"},
    )
    base = f"/apis/{api.api_id}"
    return {
        "integrations": f"{base}/integrations/{integration.pk}",
        "responses": f"{base}/integrations/{integration.pk}/responses/{response.pk}",
        "authorizers": f"{base}/authorizers/{authorizer.pk}",
        "models": f"{base}/models/{model.pk}",
        "routes": f"{base}/routes/{route.pk}",
        "deployments": f"{base}/deployments/{deployment.pk}",
        "stages": f"{base}/stages/{stage.stage_name}",
    }


# who may


def test_a_viewer_sees_everything_of_their_api_and_is_offered_no_change(
    person: Callable[[str], Client], api: Api
) -> None:
    places = fill(api)
    viewer = person("viewer")

    for path in (f"/apis/{api.api_id}", *(f"/apis/{api.api_id}/{name}" for name in PAGES), *places.values()):
        found = page(viewer, path)
        for word in ("/new", "/edit", "/delete", "+new", "/serve"):
            assert f'{word}"' not in found, (path, word)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_change_an_api_is_refused(person: Callable[[str], Client], api: Api, role: str) -> None:
    places = fill(api)
    somebody = person(role)
    before = AuditEntry.objects.count()

    for path in places.values():
        for what in ("edit", "delete"):
            assert somebody.get(f"{path}/{what}").status_code == 403
            assert somebody.post(f"{path}/{what}", {"confirmation": "send"}).status_code == 403
    for name in PAGES:
        new = "+new" if name == "stages" else "new"
        assert somebody.post(f"/apis/{api.api_id}/{name}/{new}", {"name": "x"}).status_code == 403
    assert somebody.post(f"/apis/{api.api_id}/delete", {"confirmation": "chat"}).status_code == 403
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("role", ["editor", "admin"])
def test_an_editor_changes_their_api(person: Callable[[str], Client], full: Api, role: str) -> None:
    response = send(person(role), f"/apis/{full.api_id}/models/new", name="Other", schema='{"type": "object"}')

    assert "Model Other created." in response.content.decode()


@pytest.mark.parametrize("role", ["viewer", "operator", "editor", "admin"])
def test_a_foreign_api_is_not_there(person: Callable[[str], Client], foreign: Api, role: str) -> None:
    places = fill(foreign)
    somebody = person(role)

    for path in (f"/apis/{foreign.api_id}", *(f"/apis/{foreign.api_id}/{name}" for name in PAGES), *places.values()):
        assert somebody.get(path).status_code == 404, path
    for path in places.values():
        assert somebody.post(f"{path}/delete", {"confirmation": "send"}).status_code == 404
    assert somebody.get("/apis/new").status_code == 403
    assert somebody.get("/domains").status_code == 403
    listed = page(somebody, "/apis")
    assert "chat" in listed
    assert "foreign" not in listed


def test_a_resource_of_another_api_is_not_found_under_ones_own(
    person: Callable[[str], Client], api: Api, foreign: Api
) -> None:
    path = fill(foreign)["integrations"].replace(foreign.api_id, api.api_id)

    assert person("admin").get(path).status_code == 404
    assert person("editor").post(f"{path}/delete", {"confirmation": path.split("/")[-1]}).status_code == 404


def test_who_is_not_signed_in_is_sent_to_the_sign_in(client: Client, full: Api) -> None:
    assert client.get("/apis").headers["Location"] == "/signin?next=/apis"
    assert (
        client.post(f"/apis/{full.api_id}/delete", {"confirmation": "chat"}).headers["Location"].startswith("/signin")
    )
    assert Api.objects.filter(pk=full.api_id).exists()


def test_forms_need_the_csrf_token(ann: Any, full: Api) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(ann)

    assert careful.post("/apis/new", {"name": "x", "route_selection_expression": "$request.body.x"}).status_code == 403
    assert careful.post(f"/apis/{full.api_id}/delete", {"confirmation": "chat"}).status_code == 403


# deletion


@pytest.mark.parametrize("what", ["routes", "models", "authorizers", "responses"])
def test_a_resource_is_deleted_by_its_name(signed_in: Client, api: Api, what: str) -> None:
    path = fill(api)[what]
    name = signed_in.get(path).context["heading"]

    wrong = send(signed_in, f"{path}/delete", confirmation="someone")
    assert f"Type {name} to confirm" in html.unescape(wrong.content.decode())
    assert 'value="someone"' in wrong.content.decode()
    assert signed_in.get(path).status_code == 200

    right = send(signed_in, f"{path}/delete", confirmation=name)
    assert f"{name} deleted." in html.unescape(right.content.decode())
    assert signed_in.get(path).status_code == 404


def test_what_cannot_be_deleted_says_why_in_the_operations_words(signed_in: Client, api: Api) -> None:
    places = fill(api)

    used = send(signed_in, f"{places['integrations']}/delete", confirmation=places["integrations"].split("/")[-1])
    assert "Cannot delete Integration because it is referenced by the following Routes" in used.content.decode()
    served = send(signed_in, f"{places['deployments']}/delete", confirmation=places["deployments"].split("/")[-1])
    assert "Active stages pointing to this deployment must be moved or deleted" in served.content.decode()


# lists


def test_routes_are_searched_and_sorted(signed_in: Client, api: Api) -> None:
    for key in ("bravo", "alpha", "charlie"):
        operations.create_route(api_id=api.api_id, route_key=key)
    path = f"/apis/{api.api_id}/routes"

    assert _row_names(signed_in, f"{path}?sort=route_key") == ["alpha", "bravo", "charlie"]
    assert _row_names(signed_in, f"{path}?sort=-route_key") == ["charlie", "bravo", "alpha"]
    assert _row_names(signed_in, f"{path}?q=RAV") == ["bravo"]
    assert _row_names(signed_in, f"{path}?sort=api__name") == ["bravo", "alpha", "charlie"]
    assert "No route matches" in page(signed_in, f"{path}?q=nothing-like-it")


def test_a_search_by_htmx_gets_the_table_alone(signed_in: Client, full: Api) -> None:
    response = signed_in.get(f"/apis/{full.api_id}/routes?q=send", headers={"HX-Request-Type": "partial"})

    assert response.content.decode().startswith('<div id="rows">')
    assert "HX-Request-Type" in response.headers["Vary"]


def test_300_routes_are_listed_in_pages_with_the_same_queries(signed_in: Client, full: Api) -> None:
    path = f"/apis/{full.api_id}/routes"
    few = _queries(signed_in, path)
    integration = full.integrations.get()
    Route.objects.bulk_create(Route(api=full, route_key=f"r{number}", integration=integration) for number in range(299))

    assert _queries(signed_in, path) == few
    assert len(_row_names(signed_in, path)) == 100
    assert len(_row_names(signed_in, f"{path}?page=3")) == 100
    assert "Page 3 of 3" in page(signed_in, f"{path}?page=3")


@pytest.mark.parametrize("name", PAGES)
def test_the_queries_of_a_list_do_not_grow_with_it(signed_in: Client, full: Api, name: str) -> None:
    path = f"/apis/{full.api_id}/{name}"
    few = _queries(signed_in, path)
    for number in range(3):
        integration = operations.create_integration(api_id=full.api_id, integration_type="MOCK")
        operations.create_route(api_id=full.api_id, route_key=f"more{number}", target=f"integrations/{integration.pk}")
        operations.create_authorizer(
            api_id=full.api_id,
            name=f"more{number}",
            authorizer_type="REQUEST",
            authorizer_uri=LAMBDA,
            identity_source=[],
        )
        operations.create_model(api_id=full.api_id, name=f"More{number}", schema="{}")
        deployment = operations.create_deployment(api_id=full.api_id)
        operations.create_stage(api_id=full.api_id, stage_name=f"more{number}", deployment_id=deployment.pk)

    assert len(_row_names(signed_in, path)) == 4
    assert _queries(signed_in, path) == few


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_list_teaches_what_belongs_there(signed_in: Client, api: Api, name: str) -> None:
    found = page(signed_in, f"/apis/{api.api_id}/{name}")

    assert 'class="card empty-state"' in found
    assert "New " in found


# the same, said otherwise


def test_a_resource_is_shown_as_the_management_api_answers_it(signed_in: Client, api: Api) -> None:
    path = fill(api)["integrations"]

    shown = json.loads(signed_in.get(path, **HOST).context["json"])

    assert shown == api.integrations.get().document()


def test_the_api_as_json_has_its_endpoint(signed_in: Client, api: Api) -> None:
    shown = json.loads(signed_in.get(f"/apis/{api.api_id}", **HOST).context["json"])

    assert shown == {**api.document(), "apiEndpoint": f"ws://127.0.0.1:8000/ws/{api.api_id}"}


def test_commands_are_what_the_aws_cli_takes(signed_in: Client, api: Api) -> None:
    places = fill(api)

    for path in (f"/apis/{api.api_id}", *places.values()):
        text = signed_in.get(path, **HOST).context["command"]
        for command in _commands(text):
            _check_command(command)


def test_commands_leave_secrets_out_and_say_so(signed_in: Client, api: Api) -> None:
    places = fill(api)

    integration = signed_in.get(places["integrations"], **HOST).context["command"]
    stage = signed_in.get(places["stages"], **HOST).context["command"]

    assert "hidden" not in integration
    assert "very-secret" not in integration
    assert "secret-value" not in stage
    assert "# stageVariables.api_token is left out: it looks like a secret." in stage
    assert "127.0.0.1:9000" in stage
    assert "# limits is Nopal's own: the AWS CLI does not know it." in stage


def test_a_command_is_quoted_for_the_shell(signed_in: Client, api: Api) -> None:
    nasty = """it's $(rm -rf /) `x` "y" \\ $HOME"""
    operations.update_api(api_id=api.api_id, description=nasty, version="-x")

    command = signed_in.get(f"/apis/{api.api_id}", **HOST).context["command"]

    words = shlex.split(command.replace("\\\n", ""))
    assert words[words.index("--description") + 1] == nasty
    assert "--version=-x" in words


def test_a_form_shows_the_command_for_what_is_typed_and_saves_nothing(signed_in: Client, api: Api) -> None:
    response = signed_in.post(
        f"/apis/{api.api_id}/edit",
        {"name": "talk", "route_selection_expression": "$request.body.action", "preview": "on"},
        headers={"HX-Request-Type": "partial"},
        **HOST,
    )

    command = response.context["command"]
    assert "update-api --endpoint-url http://127.0.0.1:8000" in command
    assert "--name talk" in command
    assert "--route-selection-expression" not in command
    api.refresh_from_db()
    assert api.name == "chat"


def test_another_row_keeps_what_was_typed_and_saves_nothing(signed_in: Client, db: None) -> None:
    response = signed_in.post(
        "/apis/new", {"name": "half", "tags-key": ["team"], "tags-value": ["a"], "more-rows": "tags"}
    )

    found = response.content.decode()
    assert 'value="half"' in found
    assert found.count('name="tags-key"') == 3
    assert "field-errors" not in found
    assert not Api.objects.exists()


def _row_names(client: Client, path: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a></th>', page(client, path))


def _queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        page(client, path)
    return len(queries)


def _commands(text: str) -> list[list[str]]:
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("aws ")]


def _check_command(words: list[str]) -> None:
    """The options are those of the service model, and what they hold has its shapes."""
    service = botocore.session.get_session().get_service_model("apigatewayv2")
    names = {xform_name(name, "-"): name for name in service.operation_names}
    assert words[:2] == ["aws", "apigatewayv2"]
    shape = service.operation_model(names[words[2]]).input_shape
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
    parameters: dict[str, Any] = {}
    rest = iter(words[3:])
    for word in rest:
        option = word.removeprefix("--")
        if option in ("endpoint-url", "region"):
            next(rest)
        elif option.startswith("no-"):
            parameters[members[option[3:]][0]] = False
        else:
            name, member = members[option]
            parameters[name] = _parsed(member.type_name, rest)
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()


def _parsed(type_name: str, rest: Any) -> Any:
    if type_name == "boolean":
        return True
    text = next(rest)
    return text if type_name == "string" else json.loads(text)
