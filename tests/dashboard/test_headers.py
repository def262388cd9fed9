"""Every page says what may run in it, who may frame it, and that nobody stores it."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboard.conftest import PASSWORD

PAGES = ("/", "/signin", "/setup/invented", "/nowhere")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_carries_the_security_headers(signed_in: Client, path: str) -> None:
    headers = signed_in.get(path).headers

    policy = dict(directive.split(" ", 1) for directive in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]


def test_htmx_opens_no_socket_before_the_modules_listen(signed_in: Client) -> None:
    for path in ("/", "/connections", "/traffic"):
        page = signed_in.get(path).content.decode()
        assert page.rindex('<script type="module"') < page.index("vendor/htmx/htmx.min.js")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_no_inline_script_or_style(signed_in: Client, path: str) -> None:
    page = signed_in.get(path).content.decode()

    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    assert page.count("<script") == len(
        re.findall(r'<script (?:type="module"|defer) src="/static/[^"]+"></script>', page)
    )


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_secure_where_the_request_was(client: Client, ann: User, secure: bool) -> None:
    response = client.post("/signin", {"username": "ann", "password": PASSWORD}, secure=secure)

    prefix = "__Host-" if secure else ""
    session, csrf = f"{prefix}nopal_session", f"{prefix}nopal_csrf"
    assert set(response.cookies) == {session, csrf, "nopal_browser"}
    for cookie in response.cookies.values():
        assert bool(cookie["secure"]) is secure
        assert cookie["samesite"] == "Lax"
        assert not cookie["domain"]
    assert response.cookies[session]["path"] == response.cookies[csrf]["path"] == "/"
    assert response.cookies[session]["httponly"]
    assert response.cookies["nopal_browser"]["httponly"]
    assert response.cookies["nopal_browser"]["path"] == "/signin"


def test_by_tls_one_is_signed_in_and_out_by_the_cookie_of_this_host(client: Client, ann: User) -> None:
    client.post("/signin", {"username": "ann", "password": PASSWORD}, secure=True)
    assert client.get("/", secure=True).status_code == 200

    client.post("/signout", secure=True)
    assert client.get("/", secure=True).status_code == 302


def test_by_tls_a_cookie_that_a_neighbour_may_have_set_counts_for_nothing(client: Client, ann: User) -> None:
    client.post("/signin", {"username": "ann", "password": PASSWORD})
    assert client.get("/").status_code == 200

    assert client.get("/", secure=True).status_code == 302


def test_by_tls_a_form_needs_the_csrf_cookie_of_this_host(ann: User) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/signin", secure=True)
    form = {"username": "ann", "password": PASSWORD, "csrfmiddlewaretoken": page.context["csrf_token"]}
    secure = {"secure": True, "HTTP_REFERER": "https://testserver/signin"}
    value = client.cookies["__Host-nopal_csrf"].value

    del client.cookies["__Host-nopal_csrf"]
    client.cookies["nopal_csrf"] = value
    assert client.post("/signin", form, **secure).status_code == 403
    client.cookies["__Host-nopal_csrf"] = value
    assert client.post("/signin", form, **secure).status_code == 302


def test_pages_link_to_nothing_elsewhere(signed_in: Client) -> None:
    for path in PAGES:
        page = signed_in.get(path).content.decode()
        assert 'src="http' not in page
        assert 'href="http' not in page
