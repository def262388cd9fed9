"""Who may call what: every endpoint, with every role, on one's own API, on another's and on one that is not there."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from benchmarks.crowd import QuietGateway, quiet_gateway
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.urls import ENDPOINTS
from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.messages import ConnectionInfo
from gatewayapp.core.roles import Permission, Role
from gatewayapp.models import AuditEntry, ConfigurationVersion, Connection
from tests.controlplane.builders import make_api, make_deployment, make_route, make_stage
from tests.controlplane.v1.conftest import PASSWORD, Caller, caller_of

pytestmark = pytest.mark.django_db

VIEWER, OPERATOR, EDITOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN
LADDER = [VIEWER, OPERATOR, EDITOR, ADMIN]
ALLOWED = {200, 201, 204, 400, 409, 503}
"""Statuses that say that the caller may: the rest is a matter of what was sent, and nobody is connected here."""


class Case(NamedTuple):
    """A call, the least role that may make it, and whether it is about one API, any of them or the installation."""

    method: str
    path: str
    least: Role | None
    scope: str
    body: Any = None


FRAME = {"text": "hello"}
CASES = [
    Case("GET", "connections", VIEWER, "some"),
    Case("POST", "connections/send", OPERATOR, "some", {"filter": {}, "expectedCount": 999, **FRAME}),
    Case("POST", "connections/disconnect", OPERATOR, "some", {"filter": {}, "expectedCount": 999}),
    Case("GET", "connections/{connection}", VIEWER, "api"),
    Case("DELETE", "connections/{connection}", OPERATOR, "api"),
    Case("POST", "connections/{connection}/send", OPERATOR, "api", FRAME),
    Case("GET", "apis", VIEWER, "some"),
    Case("GET", "apis/{api}/deployments", VIEWER, "api"),
    Case("GET", "apis/{api}/deployments/diff?before=draft", VIEWER, "api"),
    Case("GET", "apis/{api}/export", VIEWER, "api"),
    Case("GET", "apis/{api}/draft", VIEWER, "api"),
    Case("POST", "apis/{api}/deployment-check", EDITOR, "api", {"stageName": "prod"}),
    Case("GET", "apis/{api}/stages/prod/history", VIEWER, "api"),
    Case("GET", "apis/{api}/graph", VIEWER, "api"),
    Case("PATCH", "apis/{api}/layout", EDITOR, "api", {"positions": {"client": {"x": 0, "y": 0}}}),
    Case("DELETE", "apis/{api}/layout", EDITOR, "api"),
    Case("POST", "apis/{api}/stages/prod/broadcast", OPERATOR, "api", FRAME),
    Case("POST", "apis/{api}/stages/prod/rollback", EDITOR, "api", {"deploymentId": "{deployment}"}),
    Case("POST", "apis/{api}/stages/prod/route-test", VIEWER, "api", {"message": "{}", "draft": True}),
    Case("GET", "apis/{api}/stages/prod/metrics", VIEWER, "api"),
    Case("GET", "metrics", VIEWER, "some"),
    Case("GET", "metrics/backends", VIEWER, "some"),
    Case("POST", "apis/{api}/stages/prod/compare", VIEWER, "api", {"message": "{}"}),
    Case("POST", "apis/{api}/test", VIEWER, "api", {"message": "{}"}),
    Case("POST", "apis/{api}/test/send", OPERATOR, "api", {"message": "{}"}),
    Case("GET", "apis/{api}/test-cases", VIEWER, "api"),
    Case("POST", "apis/{api}/test-cases", EDITOR, "api", {"name": "new", "message": "{}"}),
    Case("POST", "apis/{api}/test-cases/run", VIEWER, "api", {}),
    Case("GET", "apis/{api}/test-cases/{test_case}", VIEWER, "api"),
    Case("POST", "apis/{api}/test-cases/{test_case}/send", OPERATOR, "api", {}),
    Case("PATCH", "apis/{api}/test-cases/{test_case}", EDITOR, "api", {"message": ""}),
    Case("DELETE", "apis/{api}/test-cases/{test_case}", EDITOR, "api"),
    Case("GET", "traces", VIEWER, "some"),
    Case("GET", "traces/export", VIEWER, "some"),
    Case("GET", "traces/stream", VIEWER, "some"),
    Case("GET", "traces/{trace}", VIEWER, "api"),
    Case("POST", "traces/{trace}/replay", OPERATOR, "api", {"dry": True}),
    Case("POST", "import", EDITOR, "all", {"document": "nopal: 1"}),
    Case("GET", "access-keys", ADMIN, "all"),
    Case("POST", "access-keys", ADMIN, "all", {"name": "x", "permissions": []}),
    Case("GET", "access-keys/{key}", ADMIN, "all"),
    Case("DELETE", "access-keys/{key}", ADMIN, "all"),
    Case("GET", "tokens", None, "all"),
    Case("POST", "tokens", None, "all", {"name": "x", "scopes": ["tokens:manage"]}),
    Case("GET", "tokens/{token}", ADMIN, "another's"),
    Case("DELETE", "tokens/{token}", ADMIN, "another's"),
    Case("GET", "users", ADMIN, "all"),
    Case("POST", "users", ADMIN, "all", {"username": "new", "password": PASSWORD}),
    Case("GET", "users/{user}", ADMIN, "all"),
    Case("PATCH", "users/{user}", ADMIN, "all", {"active": True}),
    Case("DELETE", "users/{user}", ADMIN, "all"),
    Case("GET", "audit-entries", ADMIN, "some"),
    Case("GET", "server", VIEWER, "all"),
]


class World(NamedTuple):
    own: dict[str, Any]
    foreign: dict[str, Any]
    missing: dict[str, Any]


@pytest.fixture
def gateway() -> Iterator[QuietGateway]:
    with quiet_gateway() as gateway:
        yield gateway


@pytest.fixture
def world(new_user, gateway) -> World:
    """Two APIs, each with a stage, a connection and a trace, and things that belong to nobody's API."""
    bystander = new_user("bystander")
    shared = {
        "key": operations.create_access_key(name="backend")[0].pk,
        "token": create_api_token(user_id=bystander.pk, name="x", scopes=["apis:read"])[0].pk,
        "user": bystander.pk,
    }
    missing = {"api": "none000000", "connection": "none000000000000", "deployment": "none00", "test_case": "none000"}
    missing["trace"] = "none000000000000"
    own, foreign = api_with_connection("a", gateway), api_with_connection("b", gateway)
    return World({**shared, **own}, {**shared, **foreign}, {**shared, **missing})


def api_with_connection(letter: str, gateway: QuietGateway) -> dict[str, str]:
    api = make_api()
    make_route(api)
    deployment = make_deployment(api)
    make_stage(api, deployment_id=deployment.pk)
    connection = Connection.objects.create(
        connection_id=letter * 15 + "=",
        api_id=api.pk,
        stage="prod",
        node_slot=0,
        node_incarnation=0,
        connected_at=int(timezone.now().timestamp() * 1000),
        domain_name="localhost",
        source_ip="192.0.2.1",
    )
    test_case = operations.create_test_case(api_id=api.pk, name="x", message="{}")
    info = ConnectionInfo(connection.pk, api.pk, "prod", "localhost", connection.connected_at, connection.source_ip)
    return {
        "api": api.pk,
        "connection": connection.pk,
        "deployment": deployment.pk,
        "test_case": test_case.pk,
        "trace": gateway.run(gateway.trace_message(info, "{}")),
    }


def status(caller: Caller, case: Case, things: dict[str, Any]) -> int:
    return int(caller(case.method, case.path.format(**things), body_of(case, things)).status_code)


def body_of(case: Case, things: dict[str, Any]) -> Any:
    if isinstance(case.body, dict) and "deploymentId" in case.body:
        return {"deploymentId": things["deployment"]}
    return case.body


def reaches(role: Role | None, least: Role | None) -> bool:
    """Whether a role is the least that is asked for, or a stronger one."""
    return least is None or (role is not None and LADDER.index(role) >= LADDER.index(least))


def ids(case: Case) -> str:
    return f"{case.method} {case.path}"


def test_every_endpoint_is_in_the_table():
    told = {(case.method, case.path.partition("?")[0].count("/")) for case in CASES}
    served = {
        (method, str(pattern.pattern).removeprefix("api/v1/").count("/"))
        for pattern in ENDPOINTS
        for method in pattern.callback.view_initkwargs["needs"]
    }
    assert told == served
    assert len(CASES) == sum(len(pattern.callback.view_initkwargs["needs"]) for pattern in ENDPOINTS)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_whoever_does_not_say_who_they_are_gets_401(world, case):
    for token in ("", "npt_invented"):
        response = Caller(token)(case.method, case.path.format(**world.own), case.body)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer")
        assert response.json()["message"]


@pytest.mark.parametrize("case", CASES, ids=ids)
@pytest.mark.parametrize("role", [None, *LADDER])
def test_a_role_over_all_reaches_every_api(world, new_user, case, role):
    caller = caller_of(new_user("bea", role))
    found = status(caller, case, world.own)
    if reaches(role, case.least):
        assert found in ALLOWED
    elif case.scope == "another's" or (case.scope == "api" and role is None):
        assert found == 404
    else:
        assert found == 403


@pytest.mark.parametrize("case", CASES, ids=ids)
@pytest.mark.parametrize("role", LADDER)
def test_a_role_on_an_api_reaches_that_api_only(world, new_user, case, role):
    caller = caller_of(new_user("bea", **{world.own["api"]: role}))
    found = [status(caller, case, things) for things in world]
    enough = reaches(role, case.least)
    if case.scope == "api":
        assert found[0] in ALLOWED if enough else found[0] == 403
        assert found[1:] == [404, 404]
    elif case.scope == "some":
        assert found[0] in ALLOWED if enough else found[0] == 403
    elif case.scope == "another's":
        assert found[0] == 404
    else:
        assert found[0] == 403 if case.least else found[0] in ALLOWED


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_a_token_does_no_more_than_its_scopes_say(world, new_user, case):
    ann = new_user("ann", ADMIN)
    scopes = [permission for permission in Permission if permission is not Permission.READ_SERVER]
    refused = status(caller_of(ann, Permission.READ_SERVER), case, world.own)
    assert refused in ALLOWED if case.path == "server" else refused == 403
    granted = status(caller_of(ann, *scopes), case, world.own)
    assert granted == 403 if case.path == "server" else granted in ALLOWED


@pytest.mark.parametrize(
    "path",
    [
        "connections/{connection}",
        "connections?apiId={api}",
        "metrics?apiId={api}",
        "metrics/backends?apiId={api}",
        "traces?apiId={api}",
        "traces/{trace}",
        "apis/{api}/stages/prod/metrics",
        "apis/{api}/deployments",
        "apis/{api}/export",
        "audit-entries?apiId={api}",
    ],
)
def test_a_foreign_id_is_answered_as_one_that_is_not_there(world, new_user, path):
    caller = caller_of(new_user("bea", **{world.own["api"]: ADMIN}))
    foreign, missing = (caller("GET", path.format(**things)) for things in (world.foreign, world.missing))
    assert foreign.status_code == missing.status_code == 404
    texts = [response.content.decode() for response in (foreign, missing)]
    for name in ("connection", "api", "trace"):
        texts = [text.replace(things[name], "?") for text, things in zip(texts, world[1:], strict=True)]
    assert texts[0] == texts[1]
    assert set(foreign.headers) == set(missing.headers)


def test_lists_show_what_is_one_s_own(world, new_user):
    bea = caller_of(new_user("bea", **{world.own["api"]: ADMIN}))
    listed = bea("GET", "connections").json()
    assert ([item["connectionId"] for item in listed["items"]], listed["total"]) == ([world.own["connection"]], 1)
    assert [item["apiId"] for item in bea("GET", "apis").json()["items"]] == [world.own["api"]]
    entries = bea("GET", "audit-entries?pageSize=100").json()["items"]
    assert entries
    assert all(f"/apis/{world.own['api']}" in entry["resource"] for entry in entries)


@pytest.mark.parametrize("case", [case for case in CASES if case.method != "GET"], ids=ids)
def test_a_session_changes_nothing_without_the_csrf_token(world, new_user, case):
    http = session_of(new_user("ann", ADMIN))
    path = f"/api/v1/{case.path.format(**world.own)}"
    options = {"data": body_of(case, world.own), "content_type": "application/json"}
    assert getattr(http, case.method.lower())(path, **options).status_code == 403

    http.get("/")
    token = http.cookies["nopal_csrf"].value
    with_token = getattr(http, case.method.lower())(path, **options, headers={"X-CSRFToken": token})
    assert with_token.status_code in ALLOWED


def session_of(user: User) -> Client:
    http = Client(enforce_csrf_checks=True, raise_request_exception=False)
    http.force_login(user)
    return http


def test_a_session_reads_without_more(new_user):
    assert session_of(new_user("ann", ADMIN)).get("/api/v1/connections").status_code == 200


@pytest.mark.parametrize("path", ["connections", "access-keys", "openapi.json"])
def test_no_page_of_another_origin_gets_an_answer_that_it_may_read(new_user, path):
    http = session_of(new_user("ann", ADMIN))
    simple = http.get(f"/api/v1/{path}", headers={"Origin": "https://evil.example"})
    preflight = http.options(
        f"/api/v1/{path}",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"},
    )
    assert preflight.status_code == 405
    for response in (simple, preflight):
        assert not any(name.lower().startswith("access-control-") for name in response.headers)


OPEN = ("signin", "signout", "setup/<str:token>")
"""Paths that work without signing in: the door, the way out, and the set-up link."""


def test_on_a_fresh_start_every_path_but_the_doors_asks_who_one_is(db):
    http = Client()
    for route in routes(get_resolver().url_patterns):
        if route in OPEN:
            continue
        path = "/" + route.replace("<int:user_id>", "1").replace("<str:", "").replace(">", "")
        assert http.get(path).status_code in (302, 401, 403), path
    assert http.get("/setup/invented").status_code == 410


def test_nothing_changes_without_the_csrf_token_and_nothing_by_looking(new_user):
    http = session_of(new_user("ann", ADMIN))
    paths = ["/" + route.replace("<int:user_id>", "1") for route in routes(get_resolver().url_patterns)]
    before = AuditEntry.objects.count(), ConfigurationVersion.current()
    for path in paths:
        http.get(path)
        for method in ("post", "put", "patch", "delete"):
            assert getattr(http, method)(path, {}, content_type="application/json").status_code in (403, 405), path
    assert (AuditEntry.objects.count(), ConfigurationVersion.current()) == before


def routes(patterns: Any, prefix: str = "") -> list[str]:
    """Every path of the URLconf; one that is a pattern as an example."""
    found = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            found += routes(pattern.url_patterns, route)
        else:
            found.append(route.replace("^", "").replace("(?:/|$)", "/apis"))
    return found
