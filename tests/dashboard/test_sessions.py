"""Sessions: how long they last, what keeps them going, and what ends them all."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.controlplane.operations.sessions import end_sessions, get_sessions
from gatewayapp.controlplane.operations.users import Assignment, delete_user, update_user
from gatewayapp.core.roles import Role
from gatewayapp.models import AuditEntry, Session
from gatewayapp.sessions import ADDRESS, LAST_SEEN_AT, USER_AGENT, SessionStore
from tests.dashboard.conftest import PASSWORD


@pytest.fixture
def bea(db: None, ann: User) -> User:
    return User.objects.create_user("bea", password=PASSWORD)


def signed_in_as(username: str) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Tests/1")
    assert client.post("/signin", {"username": username, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client, **headers: str) -> bool:
    return client.get("/", headers=headers).status_code == 200


def pass_time(time: timedelta) -> None:
    """Let everything that sessions remember be so much longer ago."""
    for row in Session.objects.all():
        store = SessionStore(row.pk)
        for moment in ("_session_expiry", LAST_SEEN_AT):
            store[moment] = (datetime.fromisoformat(store[moment]) - time).isoformat()
        store.save()


def test_a_session_ends_an_hour_after_one_was_last_there(bea: User) -> None:
    client = signed_in_as("bea")

    pass_time(timedelta(minutes=59))
    assert is_in(client)
    pass_time(timedelta(minutes=59))
    assert is_in(client)
    pass_time(timedelta(minutes=61))
    assert not is_in(client)


def test_a_session_ends_after_twelve_hours_however_busy(bea: User) -> None:
    client = signed_in_as("bea")
    for _ in range(23):
        pass_time(timedelta(minutes=30))
        assert is_in(client)

    pass_time(timedelta(minutes=31))
    assert not is_in(client)


def test_what_is_written_to_a_session_does_not_prolong_it(bea: User) -> None:
    client = signed_in_as("bea")
    [end] = Session.objects.values_list("expire_date", flat=True)

    session = client.session
    session["visited"] = True
    session.save()

    assert [end] == list(Session.objects.values_list("expire_date", flat=True))


def test_going_on_takes_nothing_back_that_another_request_wrote_meanwhile(bea: User) -> None:
    signed_in_as("bea")
    pass_time(timedelta(minutes=30))
    early, other = (SessionStore(Session.objects.get().pk) for _ in range(2))
    before = early[LAST_SEEN_AT]

    other["notice"] = "Saved."
    other.save()
    early.touch()
    assert not early.modified

    stored = SessionStore(early.session_key)
    assert stored["notice"] == "Saved."
    assert stored[LAST_SEEN_AT] > before


def test_what_a_page_asks_for_by_itself_keeps_no_session_going(bea: User) -> None:
    client = signed_in_as("bea")

    for _ in range(2):
        pass_time(timedelta(minutes=20))
        assert is_in(client, X_Nopal_Background="1")
    pass_time(timedelta(minutes=21))

    assert not is_in(client, X_Nopal_Background="1")
    assert not is_in(client)


def test_the_limits_are_settings(bea: User, settings: Settings) -> None:
    settings.NOPAL_SESSION_IDLE, settings.SESSION_COOKIE_AGE = 300, 600
    client = signed_in_as("bea")
    assert client.cookies["nopal_session"]["max-age"] <= 600

    pass_time(timedelta(seconds=299))
    assert is_in(client)
    pass_time(timedelta(seconds=299))
    assert is_in(client)
    pass_time(timedelta(seconds=3))
    assert not is_in(client)


def test_the_rest_api_keeps_the_same_limits(bea: User) -> None:
    client = signed_in_as("bea")
    assert client.get("/api/v1/tokens").status_code == 200

    pass_time(timedelta(minutes=61))

    assert client.get("/api/v1/tokens").status_code == 401


def test_a_session_that_ended_leaves_nothing_behind(bea: User) -> None:
    signed_in_as("bea")
    pass_time(timedelta(minutes=61))

    signed_in_as("bea")

    assert Session.objects.count() == 1


END: dict[str, Callable[[User], object]] = {
    "signed out everywhere": lambda user: end_sessions(user_id=user.pk),
    "a new password": lambda user: update_user(user_id=user.pk, password="another-cactus-here"),
    "other roles": lambda user: update_user(user_id=user.pk, roles=[Assignment(Role.VIEWER)]),
    "shut out": lambda user: update_user(user_id=user.pk, active=False),
    "deleted": lambda user: delete_user(user_id=user.pk),
}


@pytest.mark.parametrize("how", END)
def test_all_sessions_of_a_user_end_at_once_and_no_other_s(bea: User, how: str) -> None:
    one, other, ann_s = signed_in_as("bea"), signed_in_as("bea"), signed_in_as("ann")
    assert is_in(one)
    assert is_in(other)

    END[how](bea)

    assert not is_in(one)
    assert not is_in(other)
    assert is_in(ann_s)


def test_whoever_is_let_in_again_has_to_sign_in(bea: User) -> None:
    client = signed_in_as("bea")
    update_user(user_id=bea.pk, active=False)
    update_user(user_id=bea.pk, active=True)

    assert not is_in(client)


def test_a_change_that_changes_nothing_ends_no_session(bea: User) -> None:
    client = signed_in_as("bea")

    update_user(user_id=bea.pk, active=True, roles=[])

    assert is_in(client)


def test_sessions_know_whose_they_are_and_where_they_began(bea: User) -> None:
    signed_in_as("ann")
    signed_in_as("bea")

    [session] = get_sessions(user_id=bea.pk)
    about = session.get_decoded()
    assert (about[ADDRESS], about[USER_AGENT]) == ("192.0.2.1", "Tests/1")


def test_ending_sessions_is_in_the_audit_log(bea: User) -> None:
    signed_in_as("bea")
    AuditEntry.objects.all().delete()

    end_sessions(user_id=bea.pk)

    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.before, entry.after) == ("EndSessions", {"sessions": 1}, {"sessions": 0})


def test_a_program_s_call_reads_no_session(bea: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    _, token = create_api_token(user_id=bea.pk, name="tests", scopes=["tokens:manage"])
    client = signed_in_as("bea")
    program = Client(headers={"Authorization": f"Bearer {token}"})
    program.get("/api/v1/tokens")
    with django_assert_num_queries(3):  # the token with its owner, their roles, the page
        program.get("/api/v1/tokens")
    with django_assert_num_queries(0):
        client.get("/v2/apis")


def test_signing_in_takes_the_session_of_nobody_over(client: Client, bea: User) -> None:
    session = client.session
    session["visited"] = True
    session.save()
    client.cookies["nopal_session"] = before = session.session_key

    client.post(reverse("login"), {"username": "bea", "password": PASSWORD})

    assert client.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()
