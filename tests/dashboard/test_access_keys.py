"""The pages of access keys: what a key may do, its secret this once, and its end."""

import configparser
import re

import pytest
from django.test import Client

from gatewayapp.models import AccessKey, Api
from tests.dashboard.forms import HOST


def form(kind: str, *permissions: tuple[str, str], **members: str) -> dict[str, str]:
    """What the form sends."""
    counts = {"permissions-TOTAL_FORMS": str(len(permissions)), "permissions-INITIAL_FORMS": "0"}
    said = {
        f"permissions-{number}-{name}": value
        for number, permission in enumerate(permissions)
        for name, value in zip(("action", "resource"), permission, strict=True)
    }
    return {"name": "backend", "kind": kind, "api": "", "stage": "", **counts, **said, **members}


@pytest.mark.parametrize(
    ("kind", "members", "permissions"),
    [
        ("everything", {}, [("*", "*")]),
        ("connections", {}, [("execute-api:ManageConnections", "{api}/*/*")]),
        ("connections", {"stage": "prod"}, [("execute-api:ManageConnections", "{api}/prod/*")]),
        ("api", {}, [("apigateway:*", "/apis/{api}"), ("apigateway:*", "/apis/{api}/*")]),
    ],
)
def test_a_preset_says_what_the_key_may_do(
    signed_in: Client, api: Api, kind: str, members: dict[str, str], permissions: list[tuple[str, str]]
) -> None:
    signed_in.post("/access-keys/new", form(kind, api=api.api_id, **members))

    [key] = AccessKey.objects.all()
    found = [(each["action"], each["resource"]) for each in key.permissions]
    assert found == [(action, resource.format(api=api.api_id)) for action, resource in permissions]


def test_a_key_may_do_what_one_says(signed_in: Client) -> None:
    said = [("apigateway:GET", "/apis/*"), ("execute-api:ManageConnections", "ab12cd34ef/*"), ("*", "")]
    signed_in.post("/access-keys/new", form("own", *said))

    [key] = AccessKey.objects.all()
    assert [(each["action"], each["resource"]) for each in key.permissions] == said[:2]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (form("connections"), "Choose the API that the key is for."),
        (form("api", api="none000000"), "Select a valid choice"),
        (form("own"), "Give one action and its resource at least."),
        (form("own", ("sts:AssumeRole", "*")), "Select a valid choice"),
        (form("emperor"), "Select a valid choice"),
        (form("everything", name=""), "This field is required"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_what_to_do(
    signed_in: Client, api: Api, said: dict[str, str], complaint: str
) -> None:
    response = signed_in.post("/access-keys/new", said)
    assert response.status_code == 400
    assert complaint in response.content.decode()
    assert not AccessKey.objects.exists()


def test_the_secret_is_shown_once_with_a_profile_that_aws_tools_read(signed_in: Client) -> None:
    created = signed_in.post("/access-keys/new", form("everything", name='chat "x"; rm'), **HOST)
    [key] = AccessKey.objects.all()
    assert key.secret in created.content.decode()
    assert "no-store" in created["Cache-Control"]

    profile = configparser.ConfigParser()
    profile.read_string(created.context["snippets"][0].text)
    assert dict(profile["profile nopal-chat-x-rm"]) == {
        "region": "us-east-1",
        "endpoint_url": "http://127.0.0.1:8000",
        "aws_access_key_id": key.pk,
        "aws_secret_access_key": key.secret,
    }
    assert re.fullmatch(r"[\w./:=\n -]+", created.context["snippets"][1].text)
    assert key.secret not in signed_in.get("/access-keys").content.decode()


def test_a_key_is_revoked_after_one_was_asked(signed_in: Client) -> None:
    key, _ = AccessKey.objects.issue("backend", [{"action": "*", "resource": "*"}])
    path = f"/access-keys/{key.pk}/revoke"
    assert "Revoke backend?" in signed_in.get(path).content.decode()
    assert not AccessKey.objects.get().revoked

    signed_in.post(path)

    assert AccessKey.objects.get().revoked
    listed = signed_in.get("/access-keys").content.decode()
    assert "revoked" in listed
    assert path not in listed
    assert signed_in.post("/access-keys/NPAKNONE/revoke").status_code == 404


def test_where_no_key_is_the_page_says_what_they_are_for(signed_in: Client) -> None:
    assert "No access key yet" in signed_in.get("/access-keys").content.decode()
