"""Django's admin: for those who administer everything, to look at and not to touch, without secrets."""

import re
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboard.admin import site
from gatewayapp.controlplane import operations
from gatewayapp.models import Api
from tests.dashboard.forms import page
from tests.dashboard.test_resources import fill

LEFT_OUT = {"Session", "SetupToken"}
"""Their keys are credentials."""


def test_every_table_is_there(signed_in: Client) -> None:
    own = {model for label in ("gatewayapp", "dashboard") for model in apps.get_app_config(label).get_models()}

    assert set(site._registry) == {model for model in own if model.__name__ not in LEFT_OUT} | {User}


def test_an_administrator_finds_it_in_the_menu(signed_in: Client) -> None:
    assert 'href="/admin/"' in page(signed_in, "/apis")
    assert "Tables" in page(signed_in, "/admin/")


@pytest.mark.parametrize("role", ["viewer", "operator", "editor", "admin"])
def test_whoever_has_a_role_on_some_api_only_is_sent_away(person: Callable[[str], Client], role: str) -> None:
    somebody = person(role)

    assert "/admin/" not in page(somebody, "/apis")
    response = somebody.get("/admin/gatewayapp/api/", follow=True)
    assert "gatewayapp" not in response.content.decode()


def test_who_is_not_signed_in_goes_to_the_sign_in_of_the_dashboard(client: Client, db: None) -> None:
    response = client.get("/admin/gatewayapp/api/", follow=True)

    assert response.redirect_chain[-1][0] == "/signin?next=/admin/gatewayapp/api/"


def test_tables_and_rows_are_shown_within_the_policy(signed_in: Client, api: Api) -> None:
    fill(api)
    operations.create_access_key(name="laptop")
    operations.create_domain_name(domain_name="ws.example.com")

    for model in site._registry:
        names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths = [reverse(f"{names}_changelist")]
        paths += [reverse(f"{names}_change", args=[row.pk]) for row in model._default_manager.all()[:1]]
        for path in paths:
            found = page(signed_in, path)
            assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", found), path
            assert not re.search(r'\sstyle="|\son[a-z]+="', found), path


def test_nothing_is_added_changed_or_deleted(signed_in: Client, api: Api) -> None:
    fill(api)
    for model in site._registry:
        row = model._default_manager.first()
        names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert signed_in.post(reverse(f"{names}_add"), {}).status_code == 403
        if row is not None:
            assert signed_in.post(reverse(f"{names}_change", args=[row.pk]), {"name": "x"}).status_code == 403
            assert signed_in.post(reverse(f"{names}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    api.refresh_from_db()
    assert api.name == "chat"


def test_secrets_are_not_shown(signed_in: Client, ann: User) -> None:
    key, _ = operations.create_access_key(name="laptop")

    assert ann.password not in page(signed_in, f"/admin/auth/user/{ann.pk}/change/")
    found = page(signed_in, f"/admin/gatewayapp/accesskey/{key.pk}/change/")
    assert "laptop" in found
    assert "secret" not in found.lower()


def test_passwords_are_not_changed_here(signed_in: Client, ann: User) -> None:
    before = ann.password

    signed_in.post("/admin/password_change/", {"old_password": "x", "new_password1": "y", "new_password2": "y"})

    ann.refresh_from_db()
    assert ann.password == before


@pytest.mark.parametrize(
    "query",
    [
        "/admin/auth/user/?password__startswith=md5",
        "/admin/auth/user/?password=x",
        "/admin/auth/user/?password__regex=.",
        "/admin/auth/user/?sessions__session_key__startswith=a",
        "/admin/auth/user/?api_tokens__token_hash__startswith=a",
        "/admin/gatewayapp/accesskey/?encrypted_secret__startswith=g",
        "/admin/gatewayapp/apitoken/?token_hash__startswith=a",
        "/admin/gatewayapp/apitoken/?user__password__startswith=md5",
        "/admin/gatewayapp/apitoken/?user__sessions__session_key__gt=a",
        "/admin/gatewayapp/roleassignment/?user__password__contains=a",
        "/admin/gatewayapp/deployment/?snapshot__icontains=bearer",
        "/admin/gatewayapp/integration/?request_parameters__contains=bearer",
        "/admin/dashboard/preference/?user__password__startswith=md5",
        "/admin/dashboard/preference/?value__0__text__startswith=a",
    ],
)
def test_secrets_cannot_be_probed_by_filters(signed_in: Client, api: Api, query: str) -> None:
    assert signed_in.get(query).status_code == 400


def test_secrets_are_no_search_fields(signed_in: Client, ann: User) -> None:
    for model, table in site._registry.items():
        for name in (*table.get_search_fields(None), *table.get_list_display(None)):
            assert not re.search("password|secret|hash", name), f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    "query",
    [
        "/admin/auth/user/?is_superuser__exact=1",
        "/admin/auth/user/?username__startswith=an",
        "/admin/gatewayapp/apitoken/?user__id__exact=1",
        "/admin/gatewayapp/api/?pk__in=a,b",
    ],
)
def test_columns_can_be_filtered_by(signed_in: Client, query: str) -> None:
    assert signed_in.get(query).status_code == 200
