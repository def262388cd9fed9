"""The system checks on the settings, one wrong setting at a time."""

import ipaddress
import os
import subprocess
import sys

import pytest
from django.conf import settings as project_settings

from gatewayapp.checks import check_settings

EVERYONE = (ipaddress.ip_network("0.0.0.0/0"),)


def test_the_shipped_settings_have_nothing_to_say():
    assert check_settings() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NOPAL_REGION", "EU West", "nopal.E002"),
        ("NOPAL_ACCOUNT_ID", "12", "nopal.E003"),
        ("NOPAL_LIMITS", {"idleTimeout": "long"}, "nopal.E004"),
        ("NOPAL_LIMITS", {"idelTimeout": 1}, "nopal.E004"),
        ("NOPAL_OUTBOUND_ALLOW", "10.0.0.0/99", "nopal.E005"),
        ("NOPAL_OUTBOUND_ALLOW", "0.0.0.0/0", "nopal.W005"),
        ("NOPAL_OUTBOUND_CONNECTIONS", 0, "nopal.E011"),
        ("NOPAL_OUTBOUND_ROUTE_SHARE", 0.0, "nopal.E012"),
        ("NOPAL_OUTBOUND_ROUTE_SHARE", 1.1, "nopal.E012"),
        ("NOPAL_OUTBOUND_QUEUE_LENGTH", -1, "nopal.E013"),
        ("NOPAL_OUTBOUND_QUEUE_TIMEOUT", -1.0, "nopal.E013"),
        ("NOPAL_OUTBOUND_CA_FILE", "/nowhere/ca.pem", "nopal.E006"),
        ("NOPAL_LAMBDA_ENDPOINT", "localhost:9001", "nopal.E007"),
        ("NOPAL_API_ENDPOINT", "wss://ws.example.org", "nopal.E008"),
        ("NOPAL_DOMAIN_NAME", "ws.example.org", "nopal.E008"),
        ("NOPAL_TRUSTED_PROXIES", EVERYONE, "nopal.W008"),
        ("NOPAL_ANONYMOUS_CALLBACKS", True, "nopal.W009"),
        ("NOPAL_ENCRYPTION_KEY", "a short one", "nopal.W011"),
    ],
)
def test_a_wrong_setting_is_explained(settings, name, value, expected):
    setattr(settings, name, value)

    messages = check_settings()

    assert [message.id for message in messages] == [expected]
    assert messages[0].hint


def test_a_database_that_nopal_does_not_run_on_is_refused(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.mysql")

    assert [message.id for message in check_settings()] == ["nopal.E001"]


def test_a_key_that_others_can_read_is_reported(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "keys").mkdir()
    key = tmp_path / "keys" / "django.key"
    key.write_text("secret")
    key.chmod(0o644)

    messages = check_settings()

    assert [message.id for message in messages] == ["nopal.W010"]
    assert messages[0].hint == f"chmod 600 {key}"


def deployment_check(folder, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOPAL_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=project_settings.BASE_DIR,
        env={**clean, "NOPAL_DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_deployment_behind_tls_passes_every_check(tmp_path):
    check = deployment_check(tmp_path, NOPAL_HSTS_SECONDS="31536000", NOPAL_ALLOWED_HOSTS="gateway.example.org")
    assert (check.returncode, check.stdout + check.stderr) == (
        0,
        "System check identified no issues (5 silenced).\n",
    )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "security.W004"), ({"NOPAL_DEBUG": "on"}, "security.W018"), ({"NOPAL_SECRET_KEY": "short"}, "security.W009")],
)
def test_a_deployment_that_is_not_ready_is_told_so(tmp_path, environment, expected):
    check = deployment_check(tmp_path, **environment)
    assert check.returncode == 1
    assert expected in check.stderr
