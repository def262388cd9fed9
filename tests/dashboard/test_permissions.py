"""Every address of the dashboard: who may open it and who may act there, by role, on one's own API and on another's.

An address that is not in the table is an error: whoever adds a page says here for whom it is.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, reverse

from dashboard.urls import urlpatterns
from gatewayapp.controlplane.operations import create_user
from gatewayapp.controlplane.operations.users import Assignment
from gatewayapp.core.roles import Role
from gatewayapp.models import Api, AuditEntry
from tests.dashboard.conftest import PASSWORD

VIEWER, OPERATOR, EDITOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN
LADDER = [VIEWER, OPERATOR, EDITOR, ADMIN]


class Rule(NamedTuple):
    """The least role that may look and that may act; `on` tells what the role must be held for.

    all     the whole installation
    some    any API
    api     the API in the address
    its     the API of what the address names; there is no such thing here, so it is the API of none

    A role of None is met by everyone who is signed in. `acts` says whether the address takes POST at all.
    """

    looks: Role | None
    does: Role | None = None
    on: str = "all"
    acts: bool = True


def _looks(role: Role | None, on: str) -> Rule:
    return Rule(role, on=on, acts=False)


def _kind(name: str, list_name: str, on: str) -> dict[str, Rule]:
    """The pages of a kind of resource."""
    return {
        list_name: _looks(VIEWER, on),
        f"{list_name}-new": Rule(EDITOR, EDITOR, on),
        name: _looks(VIEWER, on),
        **{f"{name.removesuffix('-detail')}-{what}": Rule(EDITOR, EDITOR, on) for what in ("edit", "delete")},
    }


KINDS = (
    "routes",
    "routes-responses",
    "integrations",
    "integrations-responses",
    "authorizers",
    "models",
    "stages",
    "deployments",
)
RULES: dict[str, Rule] = {
    "home": _looks(None, "all"),
    "home-first-api": Rule(EDITOR, EDITOR),
    "restored-connections": Rule(ADMIN, ADMIN),
    "client": _looks(OPERATOR, "some"),
    "client-saved": Rule(OPERATOR, OPERATOR, "some"),
    "connections": _looks(VIEWER, "some"),
    "connections-columns": Rule(None),
    "connections-views": Rule(None),
    "connections-detail": _looks(VIEWER, "some"),
    "connections-send": Rule(None, OPERATOR, "some"),
    "connections-disconnect": Rule(None, OPERATOR, "some"),
    "traffic": _looks(VIEWER, "some"),
    "traffic-trace": _looks(VIEWER, "some"),
    "traffic-replay": Rule(OPERATOR, OPERATOR, "its"),
    **_kind("api", "apis", "api"),
    "apis": _looks(VIEWER, "some"),
    "apis-new": Rule(EDITOR, EDITOR),
    **{name: rule for kind in KINDS for name, rule in _kind(f"{kind}-detail", kind, "api").items()},
    "deployments-serve": Rule(VIEWER, EDITOR, "api"),
    **_kind("domains-detail", "domains", "all"),
    **_kind("domains-mappings-detail", "domains-mappings", "all"),
    "apis-import": Rule(EDITOR, EDITOR),
    "interchange": Rule(VIEWER, EDITOR, "api"),
    "interchange-export": _looks(VIEWER, "api"),
    "audit": _looks(ADMIN, "some"),
    "audit-export": _looks(ADMIN, "some"),
    "designer": _looks(VIEWER, "api"),
    "designer-panel": _looks(VIEWER, "api"),
    "designer-gesture": Rule(None, EDITOR, "api"),
    "designer-test": Rule(None, VIEWER, "api"),
    "designer-test-send": Rule(None, OPERATOR, "api"),
    "users": _looks(ADMIN, "all"),
    "users-new": Rule(ADMIN, ADMIN),
    "users-detail": Rule(ADMIN, ADMIN),
    "users-password": Rule(ADMIN, ADMIN),
    "users-signout": Rule(ADMIN, ADMIN),
    "users-delete": Rule(ADMIN, ADMIN),
    "access-keys": _looks(ADMIN, "all"),
    "access-keys-new": Rule(ADMIN, ADMIN),
    "access-keys-revoke": Rule(ADMIN, ADMIN),
    "tokens": _looks(None, "all"),
    "tokens-new": Rule(None),
    "tokens-revoke": Rule(None),
    "profile": _looks(None, "all"),
    "profile-password": Rule(None),
    "profile-signout": Rule(None),
    "theme": Rule(None),
}
OPEN_TO_STRANGERS = {"login", "setup", "logout"}
ENDS_THE_SESSION = {"profile-signout"}

# Django's admin has addresses of its own, and tests: test_admin.py.
PAGES = [each for each in urlpatterns if isinstance(each, URLPattern) and each.name not in OPEN_TO_STRANGERS]


def test_every_address_is_in_the_table() -> None:
    assert {each.name for each in PAGES} == set(RULES)
    assert len(PAGES) == len(RULES)


def test_the_table_says_which_addresses_take_a_post(db: None) -> None:
    # Signed in: without that a POST is sent to the sign-in, whether the address takes one or not.
    client = signed_in_with(ADMIN, None)
    takes = {each.name for each in PAGES if post(client, each, "none000000").status_code != 405}
    assert takes == {name for name, rule in RULES.items() if rule.acts}


@pytest.mark.parametrize("role", [None, *LADDER])
def test_a_role_over_all_opens_what_it_should_on_every_api(api: Api, role: Role | None) -> None:
    client = signed_in_with(role, None)
    wrong = []
    for each, method, least in calls():
        answer = call(client, method, each, api.api_id)
        enough = reaches(role, least)
        if admits(answer) != enough or (not enough and answer.status_code != refusal(each, role)):
            wrong.append(f"{method} {each.name}: {answer.status_code}")
    assert wrong == []


@pytest.mark.parametrize("role", LADDER)
def test_a_role_on_an_api_opens_that_api_s_pages_only(api: Api, foreign: Api, role: Role) -> None:
    client = signed_in_with(role, api)
    wrong = []
    for each, method, least in calls():
        on = RULES[str(each.name)].on
        enough = least is None or (on in ("api", "some") and reaches(role, least))
        own = call(client, method, each, api.api_id)
        if on == "its":
            if own.status_code != 404:
                wrong.append(f"{method} {each.name}: {own.status_code}")
        elif admits(own) != enough or (not enough and own.status_code != 403):
            wrong.append(f"{method} {each.name} on one's own API: {own.status_code}")
        if on == "api" and least is not None:
            answers = [call(client, method, each, api_id).status_code for api_id in (foreign.api_id, "none000000")]
            if answers != [404, 404]:
                wrong.append(f"{method} {each.name} on another's API and on none: {answers}")
    assert wrong == []


def test_whoever_is_not_signed_in_is_sent_to_the_sign_in(db: None) -> None:
    for each in PAGES:
        for method in ("GET", "POST"):
            answer = call(Client(), method, each, "none000000")
            assert answer.status_code in (302, 405), each.name
            assert answer.status_code == 405 or answer["Location"].startswith("/signin"), each.name


@pytest.mark.parametrize("role", [None, *LADDER])
def test_the_menu_shows_what_one_may_open_and_nothing_else(api: Api, role: Role | None) -> None:
    client = signed_in_with(role, None)
    menu = client.get("/").context["menu"]
    shown = {link["url"] for section in menu for link in section["links"]}
    everything = {url for name in RULES if (url := top_level(name)) is not None} | {reverse("admin:index")}

    opened = {url for url in everything if client.get(url).status_code == 200}
    assert shown <= opened
    assert opened - shown <= {reverse("profile")}, "it can be opened, but is not in the menu"


def test_nothing_is_done_without_the_csrf_token(api: Api) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("ann", password=PASSWORD))
    AuditEntry.objects.all().delete()
    done = [
        f"{each.name}: {answer.status_code}"
        for each in urlpatterns
        if (answer := post(client, each, api.api_id)).status_code not in (403, 405)
    ]
    assert done == []
    assert not AuditEntry.objects.exists()


def test_a_post_without_the_csrf_token_is_told_in_our_words(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/signin", {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 403
    assert "The form was too old" in answer.content.decode()


def test_looking_changes_nothing(api: Api) -> None:
    client = signed_in_with(ADMIN, None)
    AuditEntry.objects.all().delete()
    for each in PAGES:
        get(client, each, api.api_id)
    assert not AuditEntry.objects.exists()


# calling


def calls() -> Iterator[tuple[URLPattern, str, Role | None]]:
    """Every address with each method that it takes, and the least role for it."""
    for each in sorted(PAGES, key=lambda each: each.name in ENDS_THE_SESSION):
        rule = RULES[str(each.name)]
        yield each, "GET", rule.looks
        if rule.acts:
            yield each, "POST", rule.does


def call(client: Client, method: str, pattern: URLPattern, api_id: str) -> HttpResponse:
    return get(client, pattern, api_id) if method == "GET" else post(client, pattern, api_id)


def get(client: Client, pattern: URLPattern, api_id: str) -> HttpResponse:
    return client.get(path_of(pattern, api_id))


def post(client: Client, pattern: URLPattern, api_id: str) -> HttpResponse:
    return client.post(path_of(pattern, api_id))


def path_of(pattern: URLPattern, api_id: str) -> str:
    """The address with the API's id in it, and ids of nothing in all other places."""
    path = str(pattern.pattern).replace("<str:api_id>", api_id)
    return "/" + re.sub(r"<str:\w+>", "nothing", re.sub(r"<int:\w+>", "999999", path))


def admits(answer: HttpResponse) -> bool:
    """Whether one was let in: what then was wrong with the request, or was not there, is another matter."""
    if answer.status_code == 404:
        return "There is no API" not in answer.content.decode()
    return answer.status_code != 403


def refusal(pattern: URLPattern, role: Role | None) -> int:
    """An API is not there for those who may see nothing of it."""
    return 404 if RULES[str(pattern.name)].on in ("api", "its") and role is None else 403


def reaches(role: Role | None, least: Role | None) -> bool:
    return least is None or (role is not None and LADDER.index(role) >= LADDER.index(least))


def top_level(name: str) -> str | None:
    """The address of a page that needs no id and is a place of its own."""
    if ("-" in name and name != "access-keys") or name == "theme":
        return None
    pattern = next(each for each in PAGES if each.name == name)
    return None if "<" in str(pattern.pattern) else "/" + str(pattern.pattern)


def signed_in_with(role: Role | None, api: Api | None) -> Client:
    """A client of somebody who holds the role, over all or on one API."""
    User.objects.create_superuser("somebody-else")
    roles = [] if role is None else [Assignment(role, api.api_id if api else "")]
    client = Client()
    client.force_login(create_user(username="bea", password=PASSWORD, roles=roles))
    return client
