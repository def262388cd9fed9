"""Sessions: how long they last, what keeps them going, and what ends them all."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.controlplane.operations.sessions import end_sessions, get_sessions
from gatewayapp.controlplane.operations.users import Assignment, delete_user, update_user
from gatewayapp.core.roles import Role
from gatewayapp.models import AuditEntry, Session, hash_session_key
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
        data = row.get_decoded()
        for moment in ("_session_expiry", LAST_SEEN_AT):
            data[moment] = (datetime.fromisoformat(data[moment]) - time).isoformat()
        row.session_data = SessionStore().encode(data)
        row.expire_date -= time
        row.save()


def key_of(client: Client) -> str:
    """The session key that the client's cookie holds."""
    return client.cookies["nopal_session"].value


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
    key = key_of(signed_in_as("bea"))
    pass_time(timedelta(minutes=30))
    early, other = (SessionStore(key) for _ in range(2))
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
    assert list(Session.objects.values_list("pk", flat=True)) == [hash_session_key(key_of(client))]


def test_the_table_holds_nothing_to_sign_in_with(bea: User) -> None:
    client = signed_in_as("bea")
    [row] = Session.objects.values()

    assert key_of(client) not in str(row)
    thief = Client()
    thief.cookies["nopal_session"] = row["session_key"]
    assert not is_in(thief)


def test_signing_out_removes_the_session(bea: User) -> None:
    client = signed_in_as("bea")
    client.post(reverse("logout"))

    assert not Session.objects.exists()


@pytest.mark.parametrize("key", ["", "short", "invented-by-a-client", "\0" * 32, "\xff" * 32, "x" * 4000])
def test_an_invented_key_is_never_taken_over(bea: User, key: str) -> None:
    client = Client()
    client.cookies["nopal_session"] = key
    assert not is_in(client)

    client.post(reverse("login"), {"username": "bea", "password": PASSWORD})

    assert key_of(client) != key
    assert not SessionStore().exists(key)


@async_to_sync
async def use_a_store() -> None:
    store = SessionStore()
    await store.aset("visited", True)
    await store.asave()
    key = store.session_key
    assert key is not None
    assert await Session.objects.values_list("pk", flat=True).aget() == hash_session_key(key)

    stored = SessionStore(key)
    assert await stored.aget("visited") is True
    await stored.acycle_key()
    assert not await store.aexists(key)
    await stored.aflush()
    assert not await Session.objects.aexists()


def test_the_store_s_asynchronous_methods_hash_too(db: None) -> None:
    use_a_store()


@pytest.mark.django_db(transaction=True)
def test_an_upgrade_signs_nobody_out() -> None:
    """Migration 0009 hashes the keys of the sessions that there are."""
    before, after = [[("gatewayapp", name)] for name in ("0008_test_cases", "0009_hashed_session_keys")]
    key = "k3y" * 10
    try:
        apps = migrate_to(before)
        data = {"_session_expiry": "2999-01-01T00:00:00+00:00", LAST_SEEN_AT: "2999-01-01T00:00:00+00:00", "theme": 1}
        apps.get_model("gatewayapp", "Session").objects.create(
            session_key=key, session_data=SessionStore().encode(data), expire_date="2999-01-01T00:00Z"
        )
        migrate_to(after)

        assert list(Session.objects.values_list("pk", flat=True)) == [hash_session_key(key)]
        assert SessionStore(key)["theme"] == 1

        migrate_to(before)
        assert not Session.objects.exists(), "a hash cannot be turned back into its key"
    finally:
        migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes())  # as the other tests expect the tables


def migrate_to(targets: list[tuple[str, str]]) -> Any:
    """The models as they are after migrating to `targets`."""
    MigrationExecutor(connection).migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps
