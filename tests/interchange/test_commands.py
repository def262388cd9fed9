"""`manage.py importapi` and `manage.py exportapi`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from gatewayapp.models import Api
from tests.interchange.samples import DOCUMENT, TEMPLATES

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> str:
    output = io.StringIO()
    call_command(*map(str, arguments), stdout=output)
    return output.getvalue()


def test_a_template_is_imported_and_the_result_told(tmp_path):
    told = run("importapi", TEMPLATES / "by-hand.yaml", "--parameter", "Environment=prod")

    api = Api.objects.get()
    lines = told.splitlines()
    assert lines[0] == f"Imported chat-prod as API {api.pk}."
    assert "  create Stage prod" in lines
    assert "  Resources.Rest is left out: it is an HTTP API, and Nopal serves WebSocket APIs." in lines


def test_a_dry_run_tells_the_changes_and_makes_none():
    told = run("importapi", TEMPLATES / "cdk.json", "--dry-run")

    assert told.startswith("chat-cdk can be imported. Nothing was changed; this would:\n  create Api chat-cdk\n")
    assert not Api.objects.exists()


def test_scripts_get_json():
    result = json.loads(run("importapi", TEMPLATES / "serverless.json", "--json"))

    assert result["apiId"] == Api.objects.get().pk
    assert result["stages"] == ["dev"]
    assert result["dryRun"] is False
    assert {"action": "create", "kind": "Route", "name": "send", "members": []} in result["changes"]
    assert result["notes"]


def test_scripts_get_problems_as_json_and_a_status(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("nopal: 1\napi: {}")
    output = io.StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("importapi", str(path), "--json", stdout=output)

    assert end.value.code == 1
    assert json.loads(output.getvalue()) == {"problems": [{"place": "api", "message": "name is required."}]}


def test_an_api_is_given_another_document(tmp_path):
    path = tmp_path / "chat.yaml"
    path.write_text(DOCUMENT)
    run("importapi", path)
    api = Api.objects.get()
    path.write_text(DOCUMENT.replace("name: chat", "name: talk"))

    told = run("importapi", path, "--api-id", api.pk)

    assert told == f"Imported talk as API {api.pk}.\n  update Api talk: name\n"


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(DOCUMENT))

    run("importapi", "-", "--draft")

    assert not Api.objects.get().stages.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["importapi", "nowhere.yaml"], "Cannot read nowhere.yaml: No such file or directory."),
        (["importapi", __file__, "--parameter", "x"], "--parameter takes NAME=VALUE, not 'x'."),
        (
            ["importapi", TEMPLATES / "by-hand.yaml", "--api", "Nothing"],
            "has no WebSocket API 'Nothing'; it has: ChatApi",
        ),
        (
            ["importapi", TEMPLATES / "by-hand.yaml", "--parameter", "Environment=x"],
            "Nothing was imported:\n  Parameters.",
        ),
        (["exportapi", "nothing"], "Invalid API identifier specified"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, message):
    with pytest.raises(CommandError) as refused:
        run(*arguments)

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("export_format", "head"),
    [
        ("nopal", "nopal: 1\n"),
        ("cloudformation", "AWSTemplateFormatVersion: '2010-09-09'\n"),
        ("asyncapi", "asyncapi: 3.0.0\n"),
        ("mermaid", "flowchart LR\n"),
        ("svg", "<svg "),
    ],
)
def test_an_api_is_exported_to_standard_output_or_a_file(tmp_path, export_format, head):
    run("importapi", TEMPLATES / "serverless.json")
    api, path = Api.objects.get(), tmp_path / "api.yaml"

    told = run("exportapi", api.pk, "--format", export_format)
    run("exportapi", api.pk, "--format", export_format, "--output", path)

    assert told.startswith(head)
    assert path.read_text() == told
