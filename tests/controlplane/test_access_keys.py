"""Access keys: how they are made, kept and ended."""

import json
import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from cryptography.fernet import InvalidToken
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest, NotFound
from gatewayapp.models import AccessKey, ConfigurationVersion

PUSH = {"action": "execute-api:ManageConnections", "resource": "ab12cd34ef/prod/*"}


@pytest.mark.django_db
def test_a_key_has_an_id_and_a_secret_that_can_be_read_back_only_with_the_encryption_key(settings):
    key, secret = operations.create_access_key(name="backend", permissions=[PUSH])
    assert re.fullmatch("NPAK[A-Z2-7]{16}", key.pk)
    assert len(secret) == 40
    stored = AccessKey.objects.get(pk=key.pk)
    assert (stored.secret, stored.permissions, stored.revoked) == (secret, [PUSH], False)
    assert secret not in json.dumps(list(AccessKey.objects.values()), default=str)
    settings.NOPAL_ENCRYPTION_KEY = "another"
    with pytest.raises(InvalidToken):
        _ = AccessKey.objects.get(pk=key.pk).secret


@pytest.mark.django_db
def test_names_are_labels_that_keys_may_share():
    keys = [operations.create_access_key(name="backend")[0] for _ in range(2)]
    assert list(operations.get_access_keys()) == keys


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "permission"),
    [
        ("", PUSH),
        ("x" * 129, PUSH),
        ("backend", PUSH | {"action": "s3:GetObject"}),
        ("backend", PUSH | {"resource": ""}),
    ],
)
def test_a_key_that_means_nothing_is_refused(name, permission):
    with pytest.raises(BadRequest):
        operations.create_access_key(name=name, permissions=[permission])
    assert not AccessKey.objects.exists()


@pytest.mark.django_db
def test_a_revoked_key_stays_listed_and_the_version_tells_who_holds_a_copy():
    key, _ = operations.create_access_key(name="backend")
    before = ConfigurationVersion.current()
    operations.revoke_access_key(access_key_id=key.pk)
    assert operations.get_access_key(access_key_id=key.pk).revoked
    assert ConfigurationVersion.current() == before + 1
    with pytest.raises(NotFound, match="There is no access key nope"):
        operations.revoke_access_key(access_key_id="nope")


def created(*arguments):
    out = StringIO()
    call_command("createaccesskey", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_prints_json_for_scripts():
    answer = json.loads(created("backend", "--json"))
    assert answer.keys() == {"accessKeyId", "secretAccessKey"}
    key = AccessKey.objects.get(pk=answer["accessKeyId"])
    assert (key.name, key.secret) == ("backend", answer["secretAccessKey"])
    assert key.permissions == [{"action": "*", "resource": "*"}]


@pytest.mark.django_db
def test_the_command_prints_for_people_how_to_use_the_key():
    text = created("backend", "--allow", PUSH["action"], PUSH["resource"], "--allow", "apigateway:GET", "*")
    [key] = AccessKey.objects.all()
    assert f"AWS_ACCESS_KEY_ID={key.pk}" in text
    assert f"AWS_SECRET_ACCESS_KEY={key.secret}" in text
    assert "execute-api:ManageConnections on ab12cd34ef/prod/*" in text
    assert key.permissions == [PUSH, {"action": "apigateway:GET", "resource": "*"}]


@pytest.mark.django_db
def test_the_command_says_what_is_wrong_with_a_permission():
    with pytest.raises(CommandError, match="'everything' is no action of an access key"):
        created("backend", "--allow", "everything", "*")


def test_the_command_makes_the_tables_of_a_new_installation(tmp_path):
    environment = os.environ | {"NOPAL_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "gatewayapp.settings"}
    result = subprocess.run(
        [sys.executable, "manage.py", "createaccesskey", "first", "--json"],
        cwd=project_settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(result.stdout)["accessKeyId"].startswith("NPAK")
