"""NUL characters are refused with 400 on every surface, on any database."""

import base64
import json

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from gatewayapp.controlplane.operations import create_access_key
from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.nul import contains_nul, json_contains_nul
from gatewayapp.core.roles import Permission
from tests.controlplane.wire import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_superuser("ann", password="a-cactus-in-the-sun")


@pytest.fixture
def signed_in(ann: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(ann)
    return client


@pytest.mark.parametrize(
    "target",
    [
        "/%00",
        "/apis/%00",
        "/apis/ab%00/routes",
        "/connections/%00",
        "/users/%00",
        "/static/%00.css",
        "/admin/gatewayapp/api/%00/change/",
        "/apis?q=%00",
        "/connections?api_id=a%00b",
        "/audit?actor=%00",
        "/signin?next=%00",
        "/admin/gatewayapp/api/?q=%00",
    ],
)
def test_a_nul_in_the_target_of_a_page_is_refused(signed_in: Client, target: str) -> None:
    response = signed_in.get(target)
    assert response.status_code == 400
    assert b"NUL" in response.content


@pytest.mark.parametrize("target", ["apis/%00/graph", "connections?apiId=%00", "audit-entries?actor=a%00"])
def test_a_nul_in_the_target_of_the_rest_api_is_refused(ann: User, target: str) -> None:
    response = rest(ann, "GET", target)
    assert (response.status_code, response["Content-Type"]) == (400, "application/json")


@pytest.mark.parametrize("target", ["/v2/apis/%00", "/v2/apis?nextToken=%00", "/v2/tags/arn%00"])
def test_a_nul_in_the_target_of_the_management_api_is_refused(target: str) -> None:
    response = Caller(*create_access_key(name="tests"))("GET", target, PATH_INFO=target.replace("%00", "\0"))
    assert (response.status_code, response["x-amzn-ErrorType"]) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a\0"},
        {"name": "a", "tags": {"a\0": "b"}},
        {"name": "a", "description": ["\0"]},
        {"a": {"b": [{"c": "\0"}]}},
    ],
)
def test_a_nul_in_json_is_refused(ann: User, body: object) -> None:
    aws = Caller(*create_access_key(name="tests"))("POST", "/v2/apis", body)
    assert (aws.status_code, aws["x-amzn-ErrorType"]) == (400, "BadRequestException")
    assert "NUL" in aws.json()["message"]
    for target in ("access-keys", "users", "import", "tokens"):
        response = rest(ann, "POST", target, body)
        assert (response.status_code, "NUL" in response.json()["message"]) == (400, True)


def test_a_backslash_before_u0000_is_no_nul() -> None:
    template = {"name": "\\u0000", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"}
    assert Caller(*create_access_key(name="tests"))("POST", "/v2/apis", template).status_code == 201


@pytest.mark.parametrize("target", ["/signin", "/apis/new", "/tokens/new", "/users/new", "/theme", "/apis/import"])
@pytest.mark.parametrize("field", ["name", "csrf\0"])
def test_a_nul_in_a_form_is_refused(signed_in: Client, target: str, field: str) -> None:
    assert signed_in.post(target, {field: "a\0"}).status_code == 400
    fragment = signed_in.post(target, {field: "a\0"}, headers={"HX-Request-Type": "partial"})
    assert (fragment.status_code, fragment["HX-Retarget"]) == (400, "#notices")


def test_a_nul_in_the_json_of_a_page_is_refused(signed_in: Client) -> None:
    messages = [{"name": "a", "text": "b\0"}]
    assert signed_in.post("/client/saved", messages, content_type="application/json").status_code == 400


def test_a_form_sent_to_a_page_that_takes_json_is_refused(signed_in: Client) -> None:
    assert signed_in.post("/client/saved", {"name": "a"}).status_code == 400


def test_a_nul_inside_a_cursor_is_refused(ann: User) -> None:
    for values in (["2026-01-01T00:00:00+00:00", "a\0"], [1, "a\0"]):
        cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
        assert rest(ann, "GET", f"audit-entries?cursor={cursor}").status_code == 400
        assert rest(ann, "GET", f"connections?cursor={cursor}").status_code == 400
        response = Caller(*create_access_key(name="tests"))("GET", f"/v2/apis?nextToken={cursor}")
        assert response.status_code == 400


def test_a_cookie_with_a_nul_is_ignored(signed_in: Client) -> None:
    signed_in.cookies["other"] = "x"
    cookies = signed_in.cookies.output(header="", sep=";")
    assert signed_in.get("/apis", headers={"Cookie": cookies + '; nopal_theme="\\000"'}).status_code == 200
    response = Client().get("/apis", headers={"Cookie": 'nopal_session="abcdefgh\\000"'})
    assert response.status_code == 302


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a\0", True), ({"\0": 1}, True), ([{"a": ["b", {"c": "\0"}]}], True), ({"a": [1, None, "b"]}, False)],
)
def test_nul_is_found_at_any_depth(value: object, expected: bool) -> None:
    assert contains_nul(value) is expected
    assert json_contains_nul(json.dumps(value).encode()) is expected


def rest(user: User, method: str, target: str, body: object = None) -> HttpResponse:
    _, token = create_api_token(user_id=user.pk, name="tests", scopes=list(Permission))
    options = {"data": body, "content_type": "application/json"} if body is not None else {}
    client = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {token}"}
    return getattr(client, method.lower())(f"/api/v1/{target}", headers=headers, **options)
