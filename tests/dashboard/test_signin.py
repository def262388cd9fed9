"""Signing in and out, and what a stranger learns."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboard.conftest import PASSWORD


def test_the_right_password_signs_in(client: Client, ann: User) -> None:
    response = client.post("/signin", {"username": "ann", "password": PASSWORD})

    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.get("/").status_code == 200


def test_signing_in_leads_on_to_where_one_wanted_to_go(client: Client, ann: User) -> None:
    wanted = client.get("/")
    assert wanted["Location"] == "/signin?next=/"

    response = client.post("/signin", {"username": "ann", "password": PASSWORD, "next": "https://evil.example/"})
    assert response["Location"] == "/"


@pytest.mark.django_db
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(client: Client, ann: User) -> None:
    answers = {
        _without_token(client.post("/signin", {"username": name, "password": "not-this-one"}).content.decode(), name)
        for name in ("ann", "nobody")
    }

    assert len(answers) == 1
    assert "Please enter a correct username and password" in answers.pop()


def test_the_session_gets_a_new_key_when_one_signs_in(client: Client, ann: User) -> None:
    client.session["visited"] = True
    before = client.session.session_key

    client.post("/signin", {"username": "ann", "password": PASSWORD})

    assert client.session.session_key != before


def test_signing_out_ends_the_session(signed_in: Client) -> None:
    assert signed_in.post("/signout")["Location"] == "/signin"
    assert signed_in.get("/").status_code == 302


def test_a_link_cannot_sign_one_out(signed_in: Client) -> None:
    assert signed_in.get("/signout").status_code == 405


def _without_token(page: str, name: str) -> str:
    """The page without what differs for each request and what was typed in."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page).replace(name, "")
