"""Wrong passwords: how many one may try, who has to wait, and who never has to because of others."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.http import HttpResponse
from django.test import Client

from dashboard import throttle
from dashboard.models import SignInTry
from dashboard.throttle import WINDOW
from tests.dashboard.conftest import PASSWORD

pytestmark = pytest.mark.django_db

PER_ACCOUNT_AND_SOURCE, PER_ADDRESS, PER_ACCOUNT = 3, 5, 7
"""Bounds in place of the real ones, which take long to reach."""


@pytest.fixture(autouse=True)
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PER_ACCOUNT_AND_SOURCE", PER_ACCOUNT_AND_SOURCE)
    monkeypatch.setattr(throttle, "PER_ADDRESS", PER_ADDRESS)
    monkeypatch.setattr(throttle, "PER_ACCOUNT", PER_ACCOUNT)


def sign_in(
    username: str = "ann", password: str = "not-this-one", address: str = "192.0.2.1", client: Client | None = None
) -> HttpResponse:
    return (client or Client()).post("/signin", {"username": username, "password": password}, REMOTE_ADDR=address)


def wrong_tries(number: int, username: str = "ann", address: str = "192.0.2.1", client: Client | None = None) -> None:
    for _ in range(number):
        assert sign_in(username, address=address, client=client).status_code == 200


def wait(time: timedelta) -> None:
    SignInTry.objects.update(at=F("at") - time)


def test_after_twenty_wrong_tries_one_has_to_wait_also_with_the_right_password(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    wrong_tries(20)

    for password in ("not-this-one", PASSWORD):
        refused = sign_in(password=password)
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= 15 * 60
        assert "Too many wrong tries. Try again in 15 minutes." in refused.content.decode()
        assert "nopal_session" not in refused.cookies


def test_the_wait_ends_although_tries_go_on(ann: User) -> None:
    wrong_tries(PER_ACCOUNT_AND_SOURCE)
    for minute in range(14):
        wait(timedelta(minutes=1))
        refused = sign_in()
        assert refused.status_code == 429
        assert f"Try again in {14 - minute} minute" in refused.content.decode()
    wait(timedelta(minutes=1))

    assert sign_in(password=PASSWORD).status_code == 302


def test_a_name_that_is_nobody_s_gets_the_same_answer(ann: User) -> None:
    answers = []
    for name, address in (("ann", "192.0.2.1"), ("nobody", "192.0.2.2")):
        wrong_tries(PER_ACCOUNT_AND_SOURCE, name, address)
        refused = sign_in(name, address=address)
        answers.append((refused.status_code, refused["Retry-After"], len(refused.content)))

    assert answers[0] == answers[1]
    assert answers[0][0] == 429


@pytest.mark.parametrize("name", ["Ann", "ANN", "ａnn"])
def test_another_spelling_of_the_name_gives_no_more_tries(ann: User, name: str) -> None:
    wrong_tries(PER_ACCOUNT_AND_SOURCE)

    assert sign_in(name).status_code == 429


def test_another_address_and_another_account_may_still_try(ann: User) -> None:
    wrong_tries(PER_ACCOUNT_AND_SOURCE)

    assert sign_in("bob").status_code == 200
    assert sign_in(password=PASSWORD, address="192.0.2.2").status_code == 302


def test_the_right_password_clears_what_went_before_it(ann: User) -> None:
    for _ in range(2):
        wrong_tries(PER_ACCOUNT_AND_SOURCE - 1)
        assert sign_in(password=PASSWORD).status_code == 302
    assert not SignInTry.objects.exists()


def test_an_address_cannot_go_on_with_ever_other_names(ann: User) -> None:
    for number in range(PER_ADDRESS):
        wrong_tries(1, f"name{number}")

    assert sign_in("another").status_code == 429
    assert sign_in(address="192.0.2.2", password=PASSWORD).status_code == 302


def test_signing_in_to_one_s_own_account_gives_no_tries_on_others(ann: User) -> None:
    for number in range(PER_ADDRESS):
        wrong_tries(1, f"name{number}")
        if number == PER_ADDRESS - 2:
            assert sign_in(password=PASSWORD).status_code == 302

    assert sign_in("another").status_code == 429


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_the_addresses_of_one_ipv6_network_count_together(ann: User, one: str, other: str, together: bool) -> None:
    wrong_tries(PER_ACCOUNT_AND_SOURCE, address=one)

    assert sign_in(address=other).status_code == (429 if together else 200)


def test_an_account_is_not_tried_from_ever_other_addresses(ann: User) -> None:
    for number in range(PER_ACCOUNT):
        wrong_tries(1, address=f"198.51.100.{number}")

    assert sign_in(password=PASSWORD, address="203.0.113.1").status_code == 429
    assert sign_in("bob", address="203.0.113.1").status_code == 200


def test_nobody_is_locked_out_of_a_browser_that_they_used(client: Client, ann: User) -> None:
    assert sign_in(password=PASSWORD, client=client).status_code == 302
    client.post("/signout")
    for number in range(PER_ACCOUNT - PER_ACCOUNT_AND_SOURCE):
        wrong_tries(1, address=f"198.51.100.{number}")
    wrong_tries(PER_ACCOUNT_AND_SOURCE)
    assert sign_in(password=PASSWORD).status_code == 429

    assert sign_in(password=PASSWORD, client=client).status_code == 302


def test_a_known_browser_has_its_tries_counted_too(client: Client, ann: User) -> None:
    assert sign_in(password=PASSWORD, client=client).status_code == 302
    client.post("/signout")
    wrong_tries(PER_ACCOUNT_AND_SOURCE, client=client)

    assert sign_in(password=PASSWORD, client=client).status_code == 429


def test_a_browser_is_known_to_its_own_account_only(client: Client, ann: User) -> None:
    User.objects.create_user("bob", password=PASSWORD)
    assert sign_in("bob", PASSWORD, client=client).status_code == 302
    client.post("/signout")
    wrong_tries(PER_ACCOUNT_AND_SOURCE)

    assert sign_in(client=client).status_code == 429


def test_an_invented_cookie_makes_no_browser_known(client: Client, ann: User) -> None:
    wrong_tries(PER_ACCOUNT_AND_SOURCE)
    client.cookies["nopal_browser"] = "WyJhIiwiYiJd:1vNopal:invented"

    assert sign_in(client=client).status_code == 429


def test_what_was_typed_as_a_name_is_not_kept(ann: User) -> None:
    sign_in(username=PASSWORD)

    kept = SignInTry.objects.get()
    assert PASSWORD not in kept.account + kept.source


def test_tries_that_no_longer_count_are_cleared_away(ann: User) -> None:
    wrong_tries(3)
    wait(WINDOW)
    wrong_tries(1)

    assert SignInTry.objects.count() == 1
