"""Bearer tokens: shown once, kept as a hash, bounded by scopes and time, ended at once."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.roles import Role
from gatewayapp.models import ApiToken
from tests.controlplane.v1.conftest import Caller, caller_of

pytestmark = pytest.mark.django_db


def in_an_hour() -> str:
    return (timezone.now() + timedelta(hours=1)).isoformat()


def dump() -> str:
    """Everything that the database holds, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return repr(rows)


def test_a_token_is_shown_once_and_the_database_holds_its_hash_alone(admin):
    created = admin("POST", "tokens", {"name": "script", "scopes": ["apis:read"]}).json()
    token = created["token"]
    assert len(token) == 4 + 43
    assert created["prefix"] == token[:12]
    assert token not in dump()
    assert hashlib.sha256(token.encode()).hexdigest() in dump()
    read = admin("GET", f"tokens/{created['tokenId']}").json()
    assert read == {name: value for name, value in created.items() if name != "token"}
    assert token not in json.dumps(admin("GET", "audit-entries").json())


def test_a_token_ends_when_it_expires(admin):
    created = admin("POST", "tokens", {"name": "x", "scopes": ["server:read"], "expiresAt": in_an_hour()}).json()
    caller = Caller(created["token"])
    assert caller("GET", "server").status_code == 200
    ApiToken.objects.filter(pk=created["tokenId"]).update(expires_at=timezone.now())
    assert caller("GET", "server").status_code == 401


def test_a_token_ends_when_it_is_revoked_and_stays_listed(admin):
    created = admin("POST", "tokens", {"name": "x", "scopes": ["server:read"]}).json()
    assert admin("DELETE", f"tokens/{created['tokenId']}").json()["revoked"] is True
    assert Caller(created["token"])("GET", "server").status_code == 401
    assert created["tokenId"] in [token["tokenId"] for token in admin("GET", "tokens").json()["items"]]


def test_a_token_ends_when_its_owner_is_shut_out(admin, new_user):
    bea = new_user("bea", Role.VIEWER)
    caller = caller_of(bea)
    assert caller("GET", "server").status_code == 200
    assert admin("PATCH", f"users/{bea.pk}", {"active": False}).status_code == 200
    assert caller("GET", "server").status_code == 401


def test_a_token_loses_what_its_owner_loses(admin, new_user):
    bea = new_user("bea", Role.VIEWER)
    caller = caller_of(bea)
    admin("PATCH", f"users/{bea.pk}", {"roles": []})
    assert caller("GET", "server").status_code == 403


@pytest.mark.parametrize(
    ("scopes", "expires", "status"),
    [
        (["apis:read"], True, 201),
        (["apis:read", "apis:write"], True, 403),
        (["apis:read"], False, 403),
    ],
)
def test_a_token_makes_none_that_does_more_or_lives_longer(new_user, scopes, expires, status):
    ann = new_user("ann", Role.ADMIN)
    expiry = timezone.now() + timedelta(hours=2)
    _, token = create_api_token(user_id=ann.pk, name="x", scopes=["apis:read", "tokens:manage"], expires_at=expiry)
    body = {"name": "y", "scopes": scopes, "expiresAt": in_an_hour() if expires else None}
    assert Caller(token)("POST", "tokens", body).status_code == status


def test_everyone_sees_their_own_tokens_only(new_user):
    bea, cem = caller_of(new_user("bea")), caller_of(new_user("cem"))
    [own] = bea("GET", "tokens").json()["items"]
    assert cem("GET", f"tokens/{own['tokenId']}").status_code == 404
    assert cem("DELETE", f"tokens/{own['tokenId']}").status_code == 404
    assert bea("DELETE", f"tokens/{own['tokenId']}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "", "scopes": ["apis:read"]},
        {"name": "x", "scopes": ["apis:read"], "expiresAt": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_token_that_means_nothing_is_refused(admin, body):
    assert admin("POST", "tokens", body).status_code == 400


def test_using_a_token_is_noted_once_a_minute(admin):
    admin("GET", "server")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    admin("GET", "server")
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    admin("GET", "server")
    assert ApiToken.objects.get().last_used_at > first


def test_the_command_makes_a_token_for_someone(new_user, capsys):
    new_user("bea", Role.VIEWER)
    call_command("createapitoken", "bea", "script", "--scope", "server:read", "--days", "1", "--json")
    made = json.loads(capsys.readouterr().out)
    assert Caller(made["token"])("GET", "server").status_code == 200
    row = ApiToken.objects.get(pk=made["tokenId"])
    assert row.scopes == ["server:read"]
    assert timezone.now() < row.expires_at < timezone.now() + timedelta(days=1)


def test_the_command_knows_no_strangers():
    assert not User.objects.exists()
    with pytest.raises(CommandError, match="There is no user 'bea'"):
        call_command("createapitoken", "bea", "script")
