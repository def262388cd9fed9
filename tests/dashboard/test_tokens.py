"""The pages of API tokens: one's own, for administrators everyone's; made with scopes and an end, and revoked."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.roles import Permission
from gatewayapp.models import ApiToken

FORM = {"name": "report", "days": "30", "scopes": ["apis:read", "tokens:manage"]}


@pytest.fixture
def token_of_ann(ann: User) -> ApiToken:
    return create_api_token(user_id=ann.pk, name="ann's own", scopes=["apis:read"])[0]


def test_a_token_is_shown_once_and_works(signed_in: Client) -> None:
    created = signed_in.post("/tokens/new", FORM)
    text = created.context["text"]
    assert text in created.content.decode()
    assert text not in signed_in.get("/tokens").content.decode()

    [token] = ApiToken.objects.all()
    assert token.scopes == FORM["scopes"]
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/v1/tokens").status_code == 200


def test_a_token_may_live_until_it_is_revoked(signed_in: Client) -> None:
    signed_in.post("/tokens/new", {**FORM, "days": ""})
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"scopes": []}, "Choose one scope at least."),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"days": "12"}, "Select a valid choice"),
        ({"name": " "}, "This field is required"),
    ],
)
def test_a_token_that_cannot_be_is_refused(signed_in: Client, said: dict[str, object], complaint: str) -> None:
    response = signed_in.post("/tokens/new", {**FORM, **said})
    assert response.status_code == 400
    assert complaint in response.content.decode()
    assert not ApiToken.objects.exists()


def test_one_is_offered_the_scopes_that_one_holds(person: Callable[[str], Client]) -> None:
    viewer = person("viewer")
    offered = {value for value, _ in viewer.get("/tokens/new").context["form"].fields["scopes"].choices}
    assert offered == {
        Permission.READ_APIS,
        Permission.READ_CONNECTIONS,
        Permission.READ_SERVER,
        Permission.MANAGE_TOKENS,
    }
    assert viewer.post("/tokens/new", {**FORM, "scopes": ["users:manage"]}).status_code == 400


def test_everyone_sees_their_own_tokens_and_administrators_all(
    signed_in: Client, token_of_ann: ApiToken, person: Callable[[str], Client]
) -> None:
    editor = person("editor")
    editor.post("/tokens/new", FORM)

    assert [token.name for token in editor.get("/tokens").context["tokens"]] == ["report"]
    assert {token.name for token in signed_in.get("/tokens").context["tokens"]} == {"report", "ann's own"}
    assert [token.name for token in signed_in.get("/tokens?whose=own").context["tokens"]] == ["ann's own"]


def test_another_s_token_is_as_good_as_none(token_of_ann: ApiToken, person: Callable[[str], Client]) -> None:
    editor = person("editor")
    for method in (editor.get, editor.post):
        foreign, missing = (method(f"/tokens/{name}/revoke") for name in (token_of_ann.pk, "none000000"))
        assert foreign.status_code == missing.status_code == 404
        assert foreign.content.decode().replace(token_of_ann.pk, "none000000") == missing.content.decode()
    token_of_ann.refresh_from_db()
    assert not token_of_ann.revoked


def test_a_token_is_revoked_after_one_was_asked(signed_in: Client, person: Callable[[str], Client]) -> None:
    text = person("editor").post("/tokens/new", FORM).context["text"]
    path = f"/tokens/{ApiToken.objects.get().pk}/revoke"
    assert "Revoke report?" in signed_in.get(path).content.decode()
    assert not ApiToken.objects.get().revoked

    signed_in.post(path)

    assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/v1/tokens").status_code == 401
    assert path not in signed_in.get("/tokens").content.decode()


def test_a_token_that_has_ended_says_so(signed_in: Client, token_of_ann: ApiToken) -> None:
    ApiToken.objects.update(expires_at=timezone.now())
    assert "expired" in signed_in.get("/tokens").content.decode()
