"""Nobody grants more than they hold: every kind of caller with every grant, and the same rule below every surface."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import users
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.controlplane.operations.errors import AccessDenied
from gatewayapp.controlplane.operations.sessions import end_sessions
from gatewayapp.controlplane.operations.users import Assignment
from gatewayapp.core.roles import ROLES, Access, Permission, Role
from gatewayapp.models import AccessKey, ApiToken, AuditEntry
from tests.controlplane.builders import make_api
from tests.controlplane.v1.conftest import PASSWORD, Caller, NewUser, caller_of

pytestmark = pytest.mark.django_db

EVERYTHING = set(Permission)
USERS, KEYS, TOKENS = "users:manage", "access-keys:manage", "tokens:manage"
VIEWER = {"connections:read", "apis:read", "server:read"}
OPERATOR = VIEWER | {"connections:write"}
EDITOR = OPERATOR | {"apis:write"}
ADMIN_OF_API = EVERYTHING - {TOKENS}
PUSH = {"connections:read", "connections:write"}
WRITE = {"apis:read", "apis:write"}

SCOPES: Mapping[str, set[str]] = {
    "users": {USERS},
    "keys": {KEYS},
    "tokens": {TOKENS},
    "users of the audit log": {USERS, "audit:read"},
    "users who view": {USERS, *VIEWER},
    "users who operate": {USERS, *OPERATOR},
    "users who edit": {USERS, *EDITOR},
    "keys that push": {KEYS, *PUSH},
    "keys that read": {KEYS, "apis:read"},
    "keys that write": {KEYS, *WRITE},
    "keys for what there is": {KEYS, *PUSH, *WRITE},
    "tokens that read": {TOKENS, "apis:read"},
    "all but the audit log": EVERYTHING - {"audit:read"},
    "all but users": EVERYTHING - {USERS},
    "all but keys": EVERYTHING - {KEYS},
    "all but tokens": EVERYTHING - {TOKENS},
    "all": EVERYTHING,
}
"""Tokens of an administrator."""


class Grant(NamedTuple):
    """A call, and the permissions that it takes, of which `door` is the one for the endpoint."""

    method: str
    path: str
    body: Any
    door: str
    needed: set[str]


def user_with(*roles: tuple[str, str | None], **changes: Any) -> dict[str, Any]:
    return {"roles": [{"role": role, "apiId": api_id} for role, api_id in roles], **changes}


def new_user_with(*roles: tuple[str, str | None]) -> dict[str, Any]:
    return user_with(*roles, username="new", password=PASSWORD)


def key_for(*permissions: tuple[str, str]) -> dict[str, Any]:
    return {
        "name": "new",
        "permissions": [{"action": action, "resource": resource} for action, resource in permissions],
    }


def token_for(*scopes: str) -> dict[str, Any]:
    return {"name": "new", "scopes": list(scopes)}


PASSWORD_OF = {"password": "another-cactus-here"}
NEW_USERS = {
    "a user without roles": (new_user_with(), set()),
    "a viewer": (new_user_with(("viewer", None)), VIEWER),
    "a viewer of an API": (new_user_with(("viewer", "{api}")), VIEWER),
    "an operator": (new_user_with(("operator", None)), OPERATOR),
    "an editor": (new_user_with(("editor", None)), EDITOR),
    "an editor of an API": (new_user_with(("editor", "{api}")), EDITOR),
    "an administrator of an API": (new_user_with(("viewer", None), ("admin", "{api}")), ADMIN_OF_API),
    "an administrator": (new_user_with(("admin", None)), EVERYTHING),
}
CHANGES = {
    "another password": PASSWORD_OF,
    "no roles": user_with(),
    "the way in": {"active": True},
    "no way in": {"active": False},
}
HELD = {"nobody": set[str](), "viewer": VIEWER, "editor": EDITOR, "api_admin": ADMIN_OF_API, "admin": EVERYTHING}
"""Users to be changed, by name, and what they hold."""
NEW_KEYS = {
    "a key for nothing": (key_for(), set()),
    "a key for everything": (key_for(("*", "*")), EVERYTHING),
    "a key for everything of an API's clients": (key_for(("*", "{api}/*")), PUSH),
    "a key that pushes to an API": (key_for(("execute-api:ManageConnections", "{api}/prod/*")), PUSH),
    "a key that pushes to all": (key_for(("execute-api:ManageConnections", "*")), PUSH),
    "a key that reads an API": (key_for(("apigateway:GET", "/apis/{api}/*")), {"apis:read"}),
    "a key that reads all APIs": (key_for(("apigateway:GET", "*")), {"apis:read"}),
    "a key that changes an API": (key_for(("apigateway:*", "/apis/{api}/*")), WRITE),
    "a key that pushes and changes": (key_for(("execute-api:*", "*"), ("apigateway:*", "*")), PUSH | WRITE),
    "a key with one that is too much": (key_for(("apigateway:GET", "*"), ("*", "arn:*")), EVERYTHING),
}
GRANTS: Mapping[str, Grant] = {
    **{name: Grant("POST", "users", body, USERS, needed) for name, (body, needed) in NEW_USERS.items()},
    **{
        f"{change} for {name}": Grant("PATCH", f"users/{{{name}}}", body, USERS, held)
        for change, body in CHANGES.items()
        for name, held in HELD.items()
    },
    **{f"the end of {name}": Grant("DELETE", f"users/{{{name}}}", None, USERS, held) for name, held in HELD.items()},
    "more for a viewer": Grant("PATCH", "users/{viewer}", user_with(("editor", None)), USERS, EDITOR),
    "everything for a viewer": Grant("PATCH", "users/{viewer}", user_with(("admin", None)), USERS, EVERYTHING),
    "less for an editor": Grant("PATCH", "users/{editor}", user_with(("viewer", None)), USERS, EDITOR),
    "a password for oneself": Grant("PATCH", "users/{ann}", PASSWORD_OF, USERS, EVERYTHING),
    **{name: Grant("POST", "access-keys", body, KEYS, needed) for name, (body, needed) in NEW_KEYS.items()},
    "a token that makes tokens": Grant("POST", "tokens", token_for(TOKENS), TOKENS, {TOKENS}),
    "a token that reads": Grant("POST", "tokens", token_for("apis:read"), TOKENS, {"apis:read"}),
    "a token for everything": Grant("POST", "tokens", token_for(*EVERYTHING), TOKENS, EVERYTHING),
    "the end of a key": Grant("DELETE", "access-keys/{key}", None, KEYS, set()),
    "the end of a token": Grant("DELETE", "tokens/{token}", None, TOKENS, set()),
}


@pytest.fixture
def things(new_user: NewUser) -> dict[str, Any]:
    """What there is to change; `ann` and `root` administer everything."""
    api = make_api()
    people = {
        "ann": new_user("ann", Role.ADMIN),
        "root": new_user("root", Role.ADMIN),
        "nobody": new_user("nobody"),
        "viewer": new_user("viewer", Role.VIEWER),
        "editor": new_user("editor", Role.EDITOR),
        "api_admin": new_user("api_admin", **{api.pk: Role.ADMIN}),
        "admin": new_user("admin", Role.ADMIN),
    }
    key, _ = operations.create_access_key(name="old")
    token, _ = create_api_token(user_id=people["ann"].pk, name="old", scopes=list(Permission))
    return {**{name: user.pk for name, user in people.items()}, "api": api.pk, "key": key.pk, "token": token.pk}


def filled(value: Any, things: Mapping[str, Any]) -> Any:
    """A path or a body with ids in the place of names."""
    if isinstance(value, str):
        return value.format(**things)
    if isinstance(value, dict):
        return {name: filled(inner, things) for name, inner in value.items()}
    return [filled(inner, things) for inner in value] if isinstance(value, list) else value


def call(caller: Callable[..., Any], grant: Grant, things: Mapping[str, Any]) -> Any:
    return caller(grant.method, filled(grant.path, things), filled(grant.body, things))


def everything_granted() -> list[Any]:
    """All that grants could change."""
    people = [
        (user.username, user.password, user.is_active, user.is_superuser, *user.role_assignments.values_list())
        for user in User.objects.order_by("pk")
    ]
    keys = AccessKey.objects.values_list("pk", "revoked", "permissions")
    return [people, list(keys), list(ApiToken.objects.values_list("pk", "revoked", "scopes"))]


@pytest.mark.parametrize("scopes", SCOPES.values(), ids=SCOPES.keys())
def test_a_token_grants_only_within_its_scopes(things, scopes):
    caller = caller_of(User.objects.get(username="ann"), *scopes)
    for name, grant in GRANTS.items():
        with undone():
            before, logged = everything_granted(), AuditEntry.objects.count()
            answer = call(caller, grant, things)
            if {grant.door, *grant.needed} <= scopes:
                assert answer.status_code in (200, 201, 204), (name, answer.content)
                assert AuditEntry.objects.count() == logged + 1, name
            else:
                assert answer.status_code == 403, name
                assert (everything_granted(), AuditEntry.objects.count()) == (before, logged), name


@contextmanager
def undone() -> Iterator[None]:
    """What is changed while this lasts is as it was afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def in_session(user: User) -> Caller:
    """The user, calling from the dashboard's session."""
    http = Client(raise_request_exception=False)
    http.force_login(user)

    def request(method: str, path: str, body: Any = None) -> Any:
        options = {"data": body, "content_type": "application/json"} if body is not None else {}
        return getattr(http, method.lower())(f"/api/v1/{path}", **options)

    return request


@pytest.mark.parametrize("name", [*HELD, "root"])
def test_an_administrator_grants_everything_and_others_only_tokens_of_their_own(things, name):
    user = User.objects.get(username=name)
    for grant_name, grant in GRANTS.items():
        with undone():
            answer = call(in_session(user), grant, things)
            if user.is_superuser:
                assert answer.status_code in (200, 201, 204), (grant_name, answer.content)
            elif grant.path == "tokens":
                assert answer.status_code == (201 if grant.needed <= HELD[name] | {TOKENS} else 403), grant_name
            else:
                assert answer.status_code == (404 if grant.path == "tokens/{token}" else 403), grant_name


def test_a_refusal_says_what_why_and_what_to_do(things):
    ann = User.objects.get(username="ann")
    roles = [{"role": "viewer"}, {"role": "editor", "apiId": things["api"]}]
    answer = caller_of(ann, USERS, *VIEWER)("POST", "users", {"username": "bea", "password": PASSWORD, "roles": roles})
    assert answer.json()["message"] == (
        "Give user bea these roles: refused, because you, or the scopes of your token, do not have these permissions: "
        f"apis:write on API {things['api']}, connections:write on API {things['api']}. You can only grant permissions "
        "that you hold. Grant less, or ask an administrator who is signed in or uses a token with all scopes."
    )


def test_what_an_administrator_made_does_not_lend_itself_to_weaker_tokens(things):
    """The two ways that were open: a token for users made an administrator, one for keys made a key for everything."""
    ann = User.objects.get(username="ann")
    for scope, path, body in [
        (USERS, "users", {"username": "mallory", "password": PASSWORD, "roles": [{"role": "admin"}]}),
        (USERS, f"users/{ann.pk}", None),
        (KEYS, "access-keys", key_for(("*", "*"))),
    ]:
        method = "POST" if body else "DELETE"
        assert caller_of(ann, scope)(method, path, body).status_code == 403
    assert not User.objects.filter(username="mallory").exists()


BELOW: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "create_user": lambda things: users.create_user(username="x", password=PASSWORD, roles=[users.ADMINISTRATOR]),
    "update_user": lambda things: users.update_user(user_id=things["admin"], password="another-cactus-here"),
    "delete_user": lambda things: users.delete_user(user_id=things["admin"]),
    "end_sessions": lambda things: end_sessions(user_id=things["admin"]),
    "create_access_key": lambda things: operations.create_access_key(name="x"),
    "create_api_token": lambda things: create_api_token(user_id=things["ann"], name="x", scopes=[USERS]),
}


@pytest.mark.parametrize("operation", BELOW.values(), ids=BELOW.keys())
def test_operations_keep_the_rule_whatever_surface_calls_them(things, operation):
    """Where a surface does not say what its actor holds, that is nothing; someone on the machine can do everything."""
    somebody = Actor("user", "7", "somebody")
    editor = Access.of_roles([Role.EDITOR], [(things["api"], Role.ADMIN)])
    for surface in (acting(lambda: somebody), acting(lambda: somebody, lambda: editor)):
        with surface, pytest.raises(AccessDenied, match="refused, because"):
            operation(things)
    operation(things)


def test_who_holds_roles_on_one_api_grants_them_on_that_api_only(things):
    """No role of today lets such a person manage users; the rule does not depend on it."""
    other = make_api()
    held = Access(frozenset({Permission.MANAGE_USERS}), {things["api"]: ROLES[Role.EDITOR]})
    with acting(lambda: Actor("user", "7", "somebody"), lambda: held):
        users.update_user(user_id=things["nobody"], roles=[Assignment(Role.EDITOR, things["api"])])
        for role, api_id in [(Role.ADMIN, things["api"]), (Role.VIEWER, other.pk), (Role.VIEWER, "")]:
            with pytest.raises(AccessDenied, match="You can only grant permissions that you hold"):
                users.update_user(user_id=things["nobody"], roles=[Assignment(role, api_id)])


def test_nobody_makes_tokens_of_a_more_powerful_user(things):
    with acting(lambda: Actor("user", "7", "bea"), lambda: Access.of_roles([Role.VIEWER], [])):
        create_api_token(user_id=things["viewer"], name="x", scopes=["apis:read"])
        with pytest.raises(AccessDenied, match="Create a token of user admin: refused"):
            create_api_token(user_id=things["admin"], name="x", scopes=["audit:read", "apis:read"])
        with pytest.raises(AccessDenied, match=r"do not have apis:write\. Leave out those scopes"):
            create_api_token(user_id=things["viewer"], name="x", scopes=["apis:write"])
