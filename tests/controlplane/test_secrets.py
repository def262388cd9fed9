"""Secrets at rest and on their way: encrypted, hidden from readers, kept when their placeholders come back."""

import io
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from django.conf import settings as project_settings
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest
from gatewayapp.controlplane.operations.encryption import check_encryption_keys
from gatewayapp.core.masking import REDACTED
from gatewayapp.models import AccessKey, AuditEntry, Deployment, Integration, Stage
from gatewayapp.models.encryption import EncryptionKeyMissing, parse_keys
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

HEADER = "integration.request.header.Authorization"
BEARER = "'Bearer swordfish1'"
URI = "http://backend.example/?token=swordfish2"
READER = ({"action": "apigateway:GET", "resource": "*"},)


def make_secrets():
    """An API with a secret in each kind of row."""
    api = make_api()
    integration = make_integration(
        api,
        integration_type="HTTP",
        integration_method="POST",
        integration_uri=URI,
        request_parameters={HEADER: BEARER},
        request_templates={"$default": '{"password":"swordfish3"}'},
    )
    operations.create_integration_response(
        api_id=api.pk,
        integration_id=integration.pk,
        integration_response_key="$default",
        response_templates={"$default": '{"password":"swordfish4"}'},
    )
    make_route(api, target=f"integrations/{integration.pk}")
    make_stage(api, "prod", deployment_id=make_deployment(api).pk, stage_variables={"apiToken": "swordfish5"})
    operations.create_test_case(api_id=api.pk, name="login", message='{"password":"swordfish6"}')
    return integration


def rows_as_stored():
    """All that the database holds, as text."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += cursor.fetchall()
    return str(found)


def stored_secrets(integration):
    """What the secrets are when they are read with the present keys."""
    integration = Integration.objects.get(pk=integration.pk)
    return (
        integration.integration_uri,
        integration.request_parameters[HEADER],
        Deployment.objects.get().snapshot["integrations"][0]["requestParameters"][HEADER],
        Stage.objects.get().stage_variables["apiToken"],
        integration.api.test_cases.get().message,
    )


SECRETS = (URI, BEARER, BEARER, "swordfish5", '{"password":"swordfish6"}')


@pytest.mark.django_db
def test_no_row_of_any_table_holds_a_secret():
    integration = make_secrets()
    assert "swordfish" not in rows_as_stored()
    assert stored_secrets(integration) == SECRETS
    assert integration.shown_uri == f"http://backend.example/?token={REDACTED}"


@pytest.mark.django_db
def test_an_encrypted_column_cannot_be_searched():
    """Or a reader could find a secret out, letter by letter."""
    with pytest.raises(FieldError, match="integration_uri is encrypted"):
        Integration.objects.filter(integration_uri__contains="swordfish")


# readers and editors


def test_a_read_only_key_gets_placeholders_and_an_editor_what_is_stored(client_of):
    integration = make_secrets()
    names = {"ApiId": integration.api_id, "IntegrationId": integration.pk}
    shown = client_of(READER).get_integration(**names)
    assert shown["RequestParameters"] == {HEADER: REDACTED}
    assert shown["IntegrationUri"] == f"http://backend.example/?token={REDACTED}"
    [stage] = client_of(READER).get_stages(ApiId=integration.api_id)["Items"]
    assert stage["StageVariables"] == {"apiToken": REDACTED}
    assert client_of().get_integration(**names)["RequestParameters"] == {HEADER: BEARER}


def test_a_key_that_may_edit_another_api_only_is_a_reader_here(client_of):
    integration = make_secrets()
    permissions = [*READER, {"action": "apigateway:*", "resource": "arn:aws:apigateway:us-east-1::/apis/other/*"}]
    shown = client_of(permissions).get_integration(ApiId=integration.api_id, IntegrationId=integration.pk)
    assert shown["RequestParameters"] == {HEADER: REDACTED}


def test_placeholders_that_are_sent_back_keep_what_is_stored(client_of):
    """As Terraform does with a state that a read-only key has refreshed."""
    integration = make_secrets()
    names = {"ApiId": integration.api_id, "IntegrationId": integration.pk}
    shown = client_of(READER).get_integration(**names)
    client_of().update_integration(
        **names,
        IntegrationUri=shown["IntegrationUri"].replace("backend.example/", "backend.example/new"),
        RequestParameters=shown["RequestParameters"] | {"integration.request.header.X-New": "'x'"},
        RequestTemplates=shown["RequestTemplates"],
    )
    kept = Integration.objects.get(pk=integration.pk)
    assert kept.integration_uri == "http://backend.example/new?token=swordfish2"
    assert kept.request_parameters == {HEADER: BEARER, "integration.request.header.X-New": "'x'"}
    assert kept.request_templates == integration.request_templates
    of_stage = {"ApiId": integration.api_id, "StageName": "prod"}
    client_of().update_stage(**of_stage, StageVariables={"apiToken": REDACTED, "room": "blue"})
    assert Stage.objects.get().stage_variables == {"apiToken": "swordfish5", "room": "blue"}


def test_a_placeholder_for_nothing_is_refused_in_words(client_of):
    integration = make_secrets()
    with pytest.raises(ClientError, match="Send the secret itself"):
        client_of().update_integration(
            ApiId=integration.api_id,
            IntegrationId=integration.pk,
            RequestParameters={"integration.request.header.Cookie": REDACTED},
        )
    with pytest.raises(ClientError, match=r"stageVariables\.apiToken contains"):
        client_of().create_stage(ApiId=integration.api_id, StageName="new", StageVariables={"apiToken": REDACTED})


@pytest.mark.django_db
def test_the_audit_log_tells_that_a_secret_changed_and_not_to_what():
    integration = make_secrets()
    operations.update_integration(
        api_id=integration.api_id, integration_id=integration.pk, request_parameters={HEADER: "'Bearer swordfish7'"}
    )
    entry = AuditEntry.objects.first()
    assert entry.action == "UpdateIntegration"
    assert entry.after["requestParameters"] == {HEADER: REDACTED}
    assert "swordfish" not in str(list(AuditEntry.objects.values()))


@pytest.mark.django_db
def test_a_refused_deployment_does_not_quote_a_secret():
    integration = make_secrets()
    template = '{"password":"swordfish8","x":"$input.path(\'$.x\')"}'
    operations.update_integration(
        api_id=integration.api_id, integration_id=integration.pk, request_templates={"$default": template}
    )
    with pytest.raises(BadRequest, match="Velocity") as refused:
        operations.create_deployment(api_id=integration.api_id)
    assert "swordfish" not in str(refused.value)


# keys


@pytest.mark.django_db
def test_keys_are_rotated_newest_first(settings):
    integration, (access_key, secret) = make_secrets(), operations.create_access_key(name="backend")
    former = settings.NOPAL_ENCRYPTION_KEY
    settings.NOPAL_ENCRYPTION_KEY = f"a newer key\n{former}"
    assert stored_secrets(integration) == SECRETS
    out = io.StringIO()
    call_command("rotatekeys", stdout=out)
    assert "rows are encrypted with the newest key" in out.getvalue()
    assert AuditEntry.objects.first().action == "RotateEncryptionKeys"

    settings.NOPAL_ENCRYPTION_KEY = "a newer key"
    check_encryption_keys()
    assert stored_secrets(integration) == SECRETS
    assert AccessKey.objects.get(pk=access_key.pk).secret == secret
    assert AuditEntry.objects.last().after["name"] == "chat"
    settings.NOPAL_ENCRYPTION_KEY = former
    with pytest.raises(EncryptionKeyMissing):
        stored_secrets(integration)


@pytest.mark.django_db
def test_a_missing_key_is_told_before_anything_is_served(settings):
    make_secrets()
    settings.NOPAL_ENCRYPTION_KEY = "another"
    with pytest.raises(CommandError, match="encrypted with a key that is not in NOPAL_ENCRYPTION_KEY"):
        call_command("rotatekeys", stdout=io.StringIO())
    with pytest.raises(CommandError, match="Add that key after the current one"):
        call_command("serve")


@pytest.mark.parametrize(
    ("setting", "keys"),
    [
        ("one", ("one",)),
        ("new, old", ("new", "old", "new, old")),
        ("new\r\nold\n", ("new", "old", "new\r\nold")),
        ("a phrase of words", ("a phrase of words",)),
    ],
)
def test_several_keys_are_separated_by_commas_or_lines(setting, keys):
    """The whole is tried last, since one key could hold a comma before there could be several."""
    assert parse_keys(setting) == keys


# upgrade


def test_an_existing_database_is_encrypted_and_forgets_the_plain_text(tmp_path):
    """Free pages of the file and its write-ahead log included."""
    environment = os.environ | {"NOPAL_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "gatewayapp.settings"}

    def manage(*arguments):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=project_settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout

    manage("migrate", "gatewayapp", "0008", "--verbosity", "0")
    manage("migrate", "dashboard", "0003", "--verbosity", "0")
    database = sqlite3.connect(tmp_path / "nopal.sqlite3")
    for table, row in _ROWS_OF_BEFORE.items():
        columns, places = ", ".join(row), ", ".join("?" for _ in row)
        database.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values()))
    database.commit()
    database.close()
    assert b"swordfish" in _files(tmp_path)

    manage("migrate", "--verbosity", "0")
    assert b"swordfish" not in _files(tmp_path)
    exported = manage("exportapi", "ab12cd34ef")
    assert "'Bearer swordfish1'" in exported
    assert "swordfish2" in exported
    assert "apiToken: swordfish3" in exported
    assert "swordfish4" in exported
    assert "swordfish5" in manage("exportapi", "ab12cd34ef", "--stage", "prod")
    manage("migrate", "gatewayapp", "0008", "--verbosity", "0")
    assert b"swordfish1" in _files(tmp_path)


def _files(directory):
    return b"".join(path.read_bytes() for path in directory.glob("nopal.sqlite3*"))


_NOW = "2026-11-22 07:46:59"
_OF_API = {"api_id": "ab12cd34ef", "created_date": _NOW}
_SNAPSHOT = {
    "version": 1,
    "api": {"apiId": "ab12cd34ef", "name": "chat", "routeSelectionExpression": "$request.body.action"},
    "routes": [],
    "integrations": [
        {
            "integrationId": "in12345",
            "integrationType": "HTTP_PROXY",
            "integrationMethod": "POST",
            "integrationUri": "http://old.example/?token=swordfish5",
            "integrationResponses": [],
        }
    ],
    "models": [],
    "authorizers": [],
}
_ROWS_OF_BEFORE = {
    "gatewayapp_api": {
        **_OF_API,
        "name": "chat",
        "route_selection_expression": "$request.body.action",
        "api_key_selection_expression": "",
        "disable_execute_api_endpoint": 0,
        "disable_schema_validation": 0,
        "ip_address_type": "ipv4",
        "tags": "{}",
        "version": "",
        "draft_revision": 0,
        "description": "",
    },
    "gatewayapp_integration": {
        **_OF_API,
        "integration_id": "in12345",
        "integration_type": "HTTP_PROXY",
        "integration_uri": "http://a.example/?token=swordfish2",
        "integration_method": "POST",
        "connection_type": "INTERNET",
        "connection_id": "",
        "content_handling_strategy": "",
        "credentials_arn": "",
        "description": "",
        "passthrough_behavior": "",
        "payload_format_version": "1.0",
        "request_parameters": json.dumps({HEADER: BEARER}),
        "request_templates": "{}",
        "template_selection_expression": "",
        "timeout_in_millis": 29_000,
        "tls_config": "{}",
    },
    "gatewayapp_deployment": {
        **_OF_API,
        "deployment_id": "de1234",
        "description": "",
        "auto_deployed": 0,
        "created_by": "",
        "snapshot": json.dumps(_SNAPSHOT),
    },
    "gatewayapp_stage": {
        **_OF_API,
        "stage_name": "prod",
        "deployment_id": "de1234",
        "auto_deploy": 0,
        "description": "",
        "stage_variables": '{"apiToken": "swordfish3"}',
        "default_route_settings": "{}",
        "route_settings": "{}",
        "access_log_settings": "{}",
        "client_certificate_id": "",
        "limits": "{}",
        "tags": "{}",
        "last_updated_date": _NOW,
        "last_deployment_status_message": "",
        "revision": 0,
    },
    "gatewayapp_testcase": {
        **_OF_API,
        "test_case_id": "te12345",
        "name": "login",
        "message": '{"password": "swordfish4"}',
        "expectations": "{}",
    },
    "gatewayapp_auditentry": {
        "at": _NOW,
        "actor_kind": "user",
        "actor_id": "1",
        "actor_name": "ann",
        "source_address": "",
        "action": "UpdateStage",
        "resource": "arn:aws:apigateway:us-east-1::/apis/ab12cd34ef/stages/prod",
        "api_id": "ab12cd34ef",
        "after": '{"stageVariables": {"apiToken": "swordfish6"}}',
    },
    "auth_user": {
        "id": 7,
        "password": "",
        "is_superuser": 0,
        "last_login": _NOW,
        "username": "ann",
        "last_name": "",
        "email": "",
        "is_staff": 0,
        "is_active": 1,
        "date_joined": _NOW,
        "first_name": "",
    },
    "dashboard_preference": {"user_id": 7, "name": "client.messages", "value": '[{"text": "swordfish7"}]'},
}
"""What the version before has stored, as it stored it, by table."""
