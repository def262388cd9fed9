"""One's own page: the password, the look, and where one is signed in."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard import throttle
from gatewayapp.models import AuditEntry
from tests.dashboard.conftest import PASSWORD

NEW = "another-cactus-here"
FORM = {"old_password": PASSWORD, "password": NEW, "again": NEW}


@pytest.fixture
def elsewhere(ann: User) -> Client:
    """Another browser in which Ann is signed in."""
    client = Client(REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT="Elsewhere/1\u202e")
    assert client.post("/signin", {"username": "ann", "password": PASSWORD}).status_code == 302
    return client


def test_one_changes_the_password_and_stays_signed_in_here_only(signed_in: Client, elsewhere: Client) -> None:
    AuditEntry.objects.all().delete()
    response = signed_in.post("/profile/password", FORM, follow=True)

    assert "You have a new password" in response.content.decode()
    assert signed_in.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    assert [entry.action for entry in AuditEntry.objects.all()] == ["UpdateUser"]
    assert Client().post("/signin", {"username": "ann", "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"old_password": "not-this-one"}, "This is not your present password."),
        ({"again": "not-this-one"}, "The two passwords are not the same."),
        ({"password": "12345678901", "again": "12345678901"}, "This password is entirely numeric."),
        ({"password": "annannann", "again": "annannann"}, "This password is too short"),
    ],
)
def test_a_password_that_cannot_be_is_refused(
    signed_in: Client, ann: User, said: dict[str, str], complaint: str
) -> None:
    response = signed_in.post("/profile/password", {**FORM, **said})

    assert response.status_code == 400
    assert complaint in response.content.decode()
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def test_a_stolen_session_cannot_try_passwords_without_end(
    signed_in: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PER_ACCOUNT_AND_SOURCE", 2)
    for _ in range(2):
        assert signed_in.post("/profile/password", {**FORM, "old_password": "not-this-one"}).status_code == 400

    refused = signed_in.post("/profile/password", FORM)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 15 * 60
    assert "Too many wrong tries" in refused.content.decode()
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def test_the_page_shows_where_one_is_signed_in(signed_in: Client, elsewhere: Client) -> None:
    page = signed_in.get("/profile")

    here, other = page.context["sessions"]
    assert (here["here"], other["here"]) == (True, False)
    assert other["address"] == "192.0.2.9"
    assert "Elsewhere/1" in page.content.decode()
    assert "\u202e" not in page.content.decode(), "what a browser says of itself is spelled out"
    assert elsewhere.session.session_key not in page.content.decode()


def test_one_signs_out_everywhere(signed_in: Client, elsewhere: Client, person: Callable[[str], Client]) -> None:
    viewer = person("viewer")

    assert signed_in.post("/profile/signout")["Location"] == "/signin"

    assert [client.get("/").status_code for client in (signed_in, elsewhere, viewer)] == [302, 302, 200]


def test_the_page_shows_one_s_roles(person: Callable[[str], Client]) -> None:
    page = person("editor").get("/profile").content.decode()
    assert "of chat: changes APIs and deploys them" in page


def test_an_address_that_is_none_is_told_in_our_words(signed_in: Client) -> None:
    response = signed_in.get("/nowhere")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_what_went_wrong_inside_is_told_without_a_trace(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("dashboard.views.profile.get_sessions", fail)
    signed_in.raise_request_exception = False
    response = signed_in.get("/profile")
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert "secret of the inside" not in response.content.decode()


def test_a_host_that_is_not_ours_is_told_in_our_words(client: Client) -> None:
    response = client.get("/", HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert "NOPAL_ALLOWED_HOSTS" in response.content.decode()
