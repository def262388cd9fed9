"""The set-up link: one administrator, once, soon, and from this machine."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dashboard.models import SetupToken
from dashboard.setup import setup_link
from gatewayapp.models import AuditEntry
from tests.dashboard.conftest import PASSWORD

pytestmark = pytest.mark.django_db

FORM = {"username": "ann", "password1": PASSWORD, "password2": PASSWORD}
CLOSED = 410


@pytest.fixture
def link() -> str:
    return new_link()


def new_link() -> str:
    link = setup_link("http://testserver")
    assert link is not None
    return urlsplit(link).path


def test_the_link_creates_an_administrator_and_signs_them_in(client: Client, link: str) -> None:
    response = client.post(link, FORM, follow=True)

    assert response.redirect_chain == [("/", 302)]
    assert response.wsgi_request.user.get_username() == "ann"
    assert User.objects.get().is_superuser
    assert User.objects.get().check_password(PASSWORD)


def test_a_link_works_once(client: Client, link: str) -> None:
    client.post(link, FORM)

    assert Client().get(link).status_code == CLOSED
    assert Client().post(link, {**FORM, "username": "mallory"}).status_code == CLOSED
    assert User.objects.count() == 1


def test_looking_at_the_page_does_not_use_the_link_up(client: Client, link: str) -> None:
    assert client.get(link).status_code == 200
    assert client.post(link, FORM).status_code == 302


def test_the_first_administrator_ends_all_links(client: Client, link: str) -> None:
    other = new_link()

    client.post(link, FORM)

    assert Client().get(other).status_code == CLOSED
    assert not SetupToken.objects.exists()


def test_a_link_ends_after_thirty_minutes(client: Client, link: str) -> None:
    late, in_time = timedelta(minutes=30), timedelta(minutes=29)
    token = SetupToken.objects.get()

    SetupToken.objects.update(expires_at=token.expires_at - in_time)
    assert client.get(link).status_code == 200
    SetupToken.objects.update(expires_at=token.expires_at - late)
    assert client.get(link).status_code == CLOSED
    assert client.post(link, FORM).status_code == CLOSED
    assert not User.objects.exists()


def test_expired_tokens_are_cleared_away(link: str) -> None:
    SetupToken.objects.update(expires_at=timezone.now())

    new_link()

    assert SetupToken.objects.count() == 1


def test_no_link_is_made_once_there_is_an_administrator(ann: User) -> None:
    assert setup_link("http://testserver") is None


def test_a_link_made_before_is_closed_by_an_administrator_from_elsewhere(client: Client, link: str, ann: User) -> None:
    assert client.post(link, {**FORM, "username": "mallory"}).status_code == CLOSED


def test_an_invented_token_is_refused(client: Client, link: str) -> None:
    assert client.get("/setup/invented").status_code == CLOSED


def test_the_database_holds_no_usable_token(link: str) -> None:
    assert link.rsplit("/")[-1] not in SetupToken.objects.get().token_hash


@pytest.mark.parametrize(
    ("password", "again", "complaint"),
    [
        ("short", "short", "too short"),
        ("password1234", "password1234", "too common"),
        ("7391640285", "7391640285", "entirely numeric"),
        ("anns-cactus", "anns-catcus", "match"),
        ("ann-the-first", "ann-the-first", ""),
    ],
)
def test_the_password_is_held_to_the_validators(
    client: Client, link: str, password: str, again: str, complaint: str
) -> None:
    response = client.post(link, {"username": "ann", "password1": password, "password2": again})

    if complaint:
        assert response.status_code == 200
        assert complaint in response.content.decode()
        assert not User.objects.exists()
    else:
        assert response.status_code == 302


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "2001:db8::7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.7"},
    ],
)
def test_the_link_works_on_this_machine_only(client: Client, link: str, elsewhere: dict[str, str]) -> None:
    assert client.get(link, **elsewhere).status_code == 403
    assert client.post(link, FORM, **elsewhere).status_code == 403
    assert not User.objects.exists()


def test_the_link_works_from_elsewhere_where_that_is_asked_for(client: Client, link: str, settings: Settings) -> None:
    settings.NOPAL_SETUP_REMOTE = True

    assert client.post(link, FORM, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_a_form_from_another_site_is_refused(link: str) -> None:
    assert Client(enforce_csrf_checks=True).post(link, FORM).status_code == 403


def test_the_command_prints_a_new_link(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setuplink", url="http://127.0.0.1:9000/")

    printed = capsys.readouterr().out.strip()
    assert printed.startswith("http://127.0.0.1:9000/setup/")
    assert client.get(urlsplit(printed).path).status_code == 200


def test_the_command_says_what_to_do_once_there_is_an_administrator(ann: User) -> None:
    with pytest.raises(CommandError, match="changepassword"):
        call_command("setuplink")


def test_the_first_administrator_is_in_the_audit_log(client: Client, link: str) -> None:
    client.post(link, FORM)

    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.actor_name, entry.source_address) == ("CreateUser", "anonymous", "127.0.0.1")
    assert PASSWORD not in str(entry.after)
