"""Import and export: nothing is changed before it was looked at, problems have their place, files come back."""

import json
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, AuditEntry
from tests.dashboard.forms import HOST, page, path_of, send

DOCUMENT = """nopal: 1
api:
  name: imported
  routeSelectionExpression: $request.body.action
integrations:
  echo:
    integrationType: MOCK
routes:
  send:
    integration: echo
"""
TEMPLATE = """Parameters:
  Name:
    Type: String
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: !Ref Name
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
"""


def test_a_document_is_previewed_and_then_made(signed_in: Client, db: None) -> None:
    preview = send(signed_in, "/apis/import", document=DOCUMENT, look="on")

    found = preview.content.decode()
    assert "What this would change" in found
    assert "<strong>send</strong>" in found
    assert "routeSelectionExpression: $request.body.action" in found
    assert not Api.objects.exists()

    made = send(signed_in, "/apis/import", document=DOCUMENT, apply="on")
    [api] = Api.objects.all()
    assert path_of(made) == f"/apis/{api.api_id}"
    assert (api.name, api.routes.get().route_key) == ("imported", "send")
    assert AuditEntry.objects.get(action="ImportApi").actor_name == "ann"


def test_a_file_is_read_and_kept_in_the_text_area(signed_in: Client, db: None) -> None:
    file = SimpleUploadedFile("chat.yaml", DOCUMENT.encode())

    found = send(signed_in, "/apis/import", file=file, look="on").content.decode()

    assert "name: imported" in found
    assert "What this would change" in found


def test_an_api_gets_a_document_and_loses_what_is_not_in_it(signed_in: Client, api: Api) -> None:
    operations.create_route(api_id=api.api_id, route_key="old")
    path = f"/apis/{api.api_id}/interchange"

    preview = send(signed_in, path, document=DOCUMENT, look="on")
    changes = {(change.action, change.kind, change.name) for change in preview.context["imported"].changes}
    assert {("delete", "Route", "old"), ("create", "Route", "send")} <= changes
    assert api.routes.get().route_key == "old"

    send(signed_in, path, document=DOCUMENT, apply="on")
    assert api.routes.get().route_key == "send"


def test_a_preview_is_drawn_with_what_is_added_changed_and_removed(signed_in: Client, api: Api) -> None:
    operations.create_route(api_id=api.api_id, route_key="old")
    operations.create_route(api_id=api.api_id, route_key="send")

    found = send(signed_in, f"/apis/{api.api_id}/interchange", document=DOCUMENT, look="on").content.decode()
    assert 'class="node node-route is-removed" role="img" aria-label="Route old, message, one-way. Removed"' in found
    assert 'class="node node-route is-changed" role="img" aria-label="Route send, message, one-way, to MOCK' in found
    assert 'class="node node-integration is-added" role="img" aria-label="Integration MOCK, used by send. Add' in found
    assert "style=" not in found[found.index("<api-picture") : found.index("</api-picture>")]

    uri = {"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": "http://b.example/<b>\u202e"}
    hostile = DOCUMENT.replace("integrationType: MOCK", json.dumps(uri)[1:-1].replace(", ", "\n    "))
    found = send(signed_in, "/apis/import", document=hostile, look="on").content.decode()
    assert "Integration HTTP_PROXY POST /&lt;b&gt;⟨U+202E⟩, used by send. Added" in found
    assert "is-removed" not in found


def test_what_changes_nothing_is_not_drawn(signed_in: Client, db: None) -> None:
    send(signed_in, "/apis/import", document=DOCUMENT, apply="on")
    path = f"/apis/{Api.objects.get().api_id}/interchange"

    found = send(signed_in, path, document=DOCUMENT, look="on").content.decode()

    assert "Nothing: the API is as the document says." in found
    assert "<api-picture" not in found


def test_a_template_gets_its_parameters(signed_in: Client, db: None) -> None:
    parameters = {"parameters-key": ["Name", ""], "parameters-value": ["talk", ""]}

    send(signed_in, "/apis/import", document=TEMPLATE, apply="on", **parameters)

    assert Api.objects.get().name == "talk"


def test_all_problems_are_told_with_their_places_and_the_document_is_kept(signed_in: Client, db: None) -> None:
    broken = DOCUMENT.replace("integrationType: MOCK", "integrationType: NONE").replace(
        "integration: echo", "integration: gone"
    )

    for button in ("look", "apply"):
        response = send(signed_in, "/apis/import", document=broken, **{button: "on"})

        assert response.context["problems"]
        assert any(problem.place for problem in response.context["problems"])
        assert "integrationType: NONE" in response.content.decode()
        assert not Api.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Paste a document, or choose a file."),
        ({"file": SimpleUploadedFile("x.bin", b"\xff\xfe")}, "x.bin is not UTF-8 text."),
        ({"document": "x" * (2 * 2**20 + 1)}, "The document is larger than 2 MiB. Split it, one API per document."),
        ({"document": "openapi: 3.0.0"}, "an OpenAPI document, which describes HTTP APIs"),
        ({"document": "a: [1"}, "line"),
    ],
)
def test_what_is_no_document_is_refused_in_words(
    signed_in: Client, db: None, fields: dict[str, str], words: str
) -> None:
    assert words in send(signed_in, "/apis/import", look="on", **fields).content.decode()


@pytest.mark.parametrize(
    ("export_format", "words"),
    [
        ("nopal", "nopal: 1"),
        ("cloudformation", "AWS::ApiGatewayV2::Api"),
        ("asyncapi", "asyncapi:"),
        ("mermaid", "flowchart"),
        ("svg", "<svg"),
    ],
)
def test_an_api_is_exported_as_a_file(signed_in: Client, api: Api, export_format: str, words: str) -> None:
    operations.create_route(api_id=api.api_id, route_key="send")
    path = f"/apis/{api.api_id}/interchange"
    assert f'href="{path}/{export_format}"' in page(signed_in, path)

    response = signed_in.get(f"{path}/{export_format}", **HOST)

    assert words in response.content.decode()
    assert 'filename="chat.' in response.headers["Content-Disposition"]


def test_what_a_stage_serves_is_exported(signed_in: Client, api: Api) -> None:
    operations.create_route(api_id=api.api_id, route_key="send")
    deployment = operations.create_deployment(api_id=api.api_id)
    operations.create_stage(api_id=api.api_id, stage_name="prod", deployment_id=deployment.pk)
    operations.create_route(api_id=api.api_id, route_key="later")
    path = f"/apis/{api.api_id}/interchange/nopal"

    assert "later" in page(signed_in, path)
    assert "later" not in page(signed_in, f"{path}?stage=prod")
    assert signed_in.get(f"{path}?stage=gone").status_code == 404
    assert signed_in.get(f"/apis/{api.api_id}/interchange/pdf").status_code == 400


def test_a_viewer_exports_and_may_not_import(person: Callable[[str], Client], api: Api, foreign: Api) -> None:
    viewer = person("viewer")
    path = f"/apis/{api.api_id}/interchange"

    assert "Give this API another document" not in page(viewer, path)
    assert viewer.get(f"{path}/nopal").status_code == 200
    assert viewer.post(path, {"document": DOCUMENT, "apply": "on"}).status_code == 403
    assert viewer.get(f"/apis/{foreign.api_id}/interchange/nopal").status_code == 404
    assert viewer.get("/apis/import").status_code == 403


def test_an_editor_of_one_api_changes_it_and_makes_none(
    person: Callable[[str], Client], api: Api, foreign: Api
) -> None:
    editor = person("editor")

    assert editor.post("/apis/import", {"document": DOCUMENT, "apply": "on"}).status_code == 403
    assert editor.post(f"/apis/{foreign.api_id}/interchange", {"document": DOCUMENT, "apply": "on"}).status_code == 404
    send(editor, f"/apis/{api.api_id}/interchange", document=DOCUMENT, apply="on")
    api.refresh_from_db()
    assert api.name == "imported"
