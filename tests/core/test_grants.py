"""What access keys' permissions amount to, which is never less than what the keys can then do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.core.grants import access_of_key
from gatewayapp.core.policy import (
    MANAGE_CONNECTIONS,
    allows,
    connections_arn,
    management_action,
    management_arn,
)
from gatewayapp.core.roles import UNRESTRICTED, Access, Permission

A, B = "ab12cd34ef", "zy98xw76vu"
CONNECTIONS = frozenset({Permission.READ_CONNECTIONS, Permission.WRITE_CONNECTIONS})
READ = frozenset({Permission.READ_APIS})
WRITE = frozenset({Permission.READ_APIS, Permission.WRITE_APIS})
NOTHING = Access(frozenset())


def on(api_id: str, permissions: frozenset[Permission]) -> Access:
    return Access(frozenset(), {api_id: permissions})


@pytest.mark.parametrize(
    ("action", "resource", "access"),
    [
        ("*", "*", UNRESTRICTED),
        ("*", "arn:*", UNRESTRICTED),
        ("*", "arn:aws:*:*:*:*", UNRESTRICTED),
        ("*", f"{A}/*", on(A, CONNECTIONS)),
        ("*", f"/apis/{A}/*", on(A, WRITE)),
        ("*", "arn:aws:execute-api:*:*:*", Access(CONNECTIONS)),
        (MANAGE_CONNECTIONS, f"{A}/prod/*", on(A, CONNECTIONS)),
        (MANAGE_CONNECTIONS, f"arn:aws:execute-api:*:*:{A}/prod/POST/@connections", on(A, CONNECTIONS)),
        (MANAGE_CONNECTIONS, f"{A}*", on(A, CONNECTIONS)),
        (MANAGE_CONNECTIONS, "ab12*", Access(CONNECTIONS)),
        (MANAGE_CONNECTIONS, "?b12cd34ef/prod/*", Access(CONNECTIONS)),
        (MANAGE_CONNECTIONS, "*", Access(CONNECTIONS)),
        (MANAGE_CONNECTIONS, f"/apis/{A}", NOTHING),
        (MANAGE_CONNECTIONS, "arn:aws:apigateway:*::*", NOTHING),
        ("execute-api:*", f"{A}/prod/*", on(A, CONNECTIONS)),
        ("Execute-API:Invoke", f"{A}/prod/*", on(A, CONNECTIONS)),
        ("apigateway:GET", "*", Access(READ)),
        ("apigateway:GET", f"/apis/{A}", on(A, READ)),
        ("apigateway:GET", "/apis", Access(READ)),
        ("apigateway:G*", f"/apis/{A}/*", on(A, WRITE)),
        ("apigateway:PATCH", f"/apis/{A}/routes/*", on(A, WRITE)),
        ("apigateway:*", f"arn:aws:apigateway:*::/apis/{A}*", on(A, WRITE)),
        ("apigateway:*", f"arn:aws:apigateway:*::/apis/{A[:9]}?", Access(WRITE)),
        ("apigateway:*", "/domainnames/*", Access(WRITE)),
        ("apigateway:*", f"{A}/*", NOTHING),
    ],
)
def test_a_permission_amounts_to_those_of_roles(action: str, resource: str, access: Access) -> None:
    assert access_of_key([{"action": action, "resource": resource}]) == access


def test_several_permissions_add_up() -> None:
    permissions = [
        {"action": "apigateway:GET", "resource": "*"},
        {"action": MANAGE_CONNECTIONS, "resource": f"{A}/*"},
        {"action": "apigateway:PUT", "resource": f"/apis/{A}/*"},
        {"action": MANAGE_CONNECTIONS, "resource": f"{B}/*"},
    ]
    assert access_of_key(permissions) == Access(READ, {A: CONNECTIONS | WRITE, B: CONNECTIONS})
    assert access_of_key([]) == NOTHING


_PIECES = [
    "*",
    "?",
    ":",
    "/",
    "arn:",
    "aws",
    "execute-api",
    "apigateway",
    "us-east-1",
    "0",
    "/apis/",
    A,
    B,
    A[:5],
    A[5:],
]
_PIECES += [
    "/prod/",
    "POST/@connections/",
    "routes",
    "domainnames",
    "arn:aws:execute-api:*:*:",
    "arn:aws:apigateway:*::",
]
_ACTIONS = ["*", "execute-api:*", MANAGE_CONNECTIONS, "execute-api:M?nage*", "apigateway:*", "apigateway:GET"]
_ACTIONS += ["apigateway:get", "apigateway:P*", "apigateway:DELETE", "apigateway:?ET"]
_PERMISSIONS = st.fixed_dictionaries(
    {"action": st.sampled_from(_ACTIONS), "resource": st.lists(st.sampled_from(_PIECES), min_size=1).map("".join)}
)


@given(st.lists(_PERMISSIONS, max_size=3))
def test_a_key_can_do_nothing_that_it_does_not_amount_to(permissions: list[dict[str, str]]) -> None:
    access = access_of_key(permissions)
    for api_id in (A, B):
        for verb in ("POST", "GET", "DELETE"):
            resource = connections_arn("us-east-1", "000000000000", api_id, "prod", verb)
            if allows(permissions, MANAGE_CONNECTIONS, resource):
                assert all(access.may(each, api_id) for each in CONNECTIONS)
        for path in (f"/apis/{api_id}", f"/apis/{api_id}/routes"):
            assert_amounts_to(access, permissions, path, api_id)
    for path in ("/apis", "/domainnames", "/domainnames/chat.example.com"):
        assert_amounts_to(access, permissions, path, "")


def assert_amounts_to(access: Access, permissions: list[dict[str, str]], path: str, api_id: str) -> None:
    for method, needed in {"GET": READ, "POST": WRITE, "PATCH": WRITE, "PUT": WRITE, "DELETE": WRITE}.items():
        if allows(permissions, management_action(method), management_arn("us-east-1", path)):
            assert all(access.may(each, api_id) for each in needed)
