"""Users and roles: who is made, changed and shut out, and that someone always administers."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gatewayapp.core.roles import Role
from gatewayapp.models import AuditEntry, RoleAssignment
from tests.controlplane.builders import make_api
from tests.controlplane.v1.conftest import PASSWORD

pytestmark = pytest.mark.django_db

BEA = {"username": "bea", "password": PASSWORD}


def test_a_user_is_made_with_roles_and_can_sign_in(admin):
    api = make_api()
    roles = [{"role": "viewer", "apiId": None}, {"role": "editor", "apiId": api.pk}]
    created = admin("POST", "users", {**BEA, "roles": roles})
    assert created.status_code == 201
    assert created.json()["roles"] == roles
    assert Client().post("/signin", BEA).status_code == 302
    assert admin("GET", f"users/{created.json()['userId']}").json()["lastLogin"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "bea", "password": "short"}, 400),
        ({"username": "bea", "password": "12345678901"}, 400),
        ({"username": "no blanks", "password": PASSWORD}, 400),
        ({"username": "ann", "password": PASSWORD}, 409),
        ({**BEA, "roles": [{"role": "emperor"}]}, 400),
        ({**BEA, "roles": [{"role": "viewer"}, {"role": "editor"}]}, 400),
        ({**BEA, "roles": [{"role": "viewer", "apiId": "none000000"}]}, 404),
    ],
)
def test_a_user_that_cannot_be_is_refused(admin, body, status):
    assert admin("POST", "users", body).status_code == status
    assert User.objects.count() == 1


def test_an_administrator_over_all_needs_no_row(admin):
    created = admin("POST", "users", {**BEA, "roles": [{"role": "admin"}]}).json()
    assert created["roles"] == [{"role": "admin", "apiId": None}]
    assert User.objects.get(pk=created["userId"]).is_superuser
    assert not RoleAssignment.objects.exists()


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"roles": []}), ("PATCH", {"active": False}), ("DELETE", None)])
def test_the_last_administrator_stays(admin, method, body):
    ann = User.objects.get()
    assert admin(method, f"users/{ann.pk}", body).status_code == 409
    ann.refresh_from_db()
    assert ann.is_superuser
    assert ann.is_active


def test_roles_are_replaced_and_the_rest_stays(admin, new_user):
    bea = new_user("bea", Role.EDITOR)
    changed = admin("PATCH", f"users/{bea.pk}", {"roles": [{"role": "viewer"}]}).json()
    assert changed["roles"] == [{"role": "viewer", "apiId": None}]
    assert changed["active"] is True
    assert admin("PATCH", f"users/{bea.pk}", {"active": False}).json()["roles"] == changed["roles"]


def test_each_change_of_a_user_is_taken_down_without_the_password(admin):
    AuditEntry.objects.all().delete()
    user_id = admin("POST", "users", BEA).json()["userId"]
    admin("PATCH", f"users/{user_id}", {"password": "another-cactus-here", "roles": [{"role": "viewer"}]})
    admin("DELETE", f"users/{user_id}")
    entries = list(AuditEntry.objects.order_by("pk"))
    assert [entry.action for entry in entries] == ["CreateUser", "UpdateUser", "DeleteUser"]
    assert {entry.resource for entry in entries} == {f"arn:aws:apigateway:us-east-1::/users/{user_id}"}
    assert {entry.actor_name for entry in entries} == {"ann: tests"}
    log = json.dumps([(entry.before, entry.after) for entry in entries])
    for secret in (PASSWORD, "another-cactus", "md5$", "pbkdf2"):
        assert secret not in log
