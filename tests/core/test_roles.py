"""Roles: what each may do, on one API or on all, and what is left of it within a token's scopes."""

import itertools

import pytest

from gatewayapp.core.roles import ROLES, UNRESTRICTED, Access, Permission, Role

P = Permission


def test_each_role_can_do_what_the_one_before_it_can_and_more():
    ladder = [ROLES[role] for role in (Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN)]
    assert all(lower < higher for lower, higher in itertools.pairwise(ladder))
    assert ROLES[Role.ADMIN] == set(Permission)


@pytest.mark.parametrize(
    ("access", "permission", "api_id", "may"),
    [
        (Access.of_roles([], [("a", Role.VIEWER)]), P.READ_CONNECTIONS, "a", True),
        (Access.of_roles([], [("a", Role.VIEWER)]), P.WRITE_CONNECTIONS, "a", False),
        (Access.of_roles([], [("a", Role.VIEWER)]), P.READ_CONNECTIONS, "b", False),
        (Access.of_roles([], [("a", Role.ADMIN)]), P.MANAGE_USERS, "", False),
        (Access.of_roles([], [("a", Role.ADMIN)]), P.READ_AUDIT, "a", True),
        (Access.of_roles([Role.OPERATOR], []), P.WRITE_CONNECTIONS, "b", True),
        (Access.of_roles([Role.VIEWER], [("a", Role.EDITOR)]), P.WRITE_APIS, "a", True),
        (Access.of_roles([Role.VIEWER], [("a", Role.EDITOR)]), P.WRITE_APIS, "b", False),
        (Access.of_roles([], []), P.MANAGE_TOKENS, "", True),
        (Access.of_roles([Role.ADMIN], []).within(["apis:read"]), P.READ_APIS, "a", True),
        (Access.of_roles([Role.ADMIN], []).within(["apis:read"]), P.WRITE_APIS, "a", False),
        (Access.of_roles([], [("a", Role.VIEWER)]).within(["apis:write"]), P.WRITE_APIS, "a", False),
    ],
)
def test_a_permission_is_held_where_its_role_is(access, permission, api_id, may):
    assert access.may(permission, api_id) is may


@pytest.mark.parametrize(
    ("access", "sees"),
    [
        (Access.of_roles([], []), False),
        (Access.of_roles([], [("b", Role.ADMIN)]), False),
        (Access.of_roles([], [("a", Role.VIEWER)]), True),
        (Access.of_roles([Role.VIEWER], []), True),
        (Access.of_roles([], [("a", Role.VIEWER)]).within(["connections:read"]), True),
        (Access.of_roles([], [("a", Role.VIEWER)]).within(["tokens:manage"]), False),
    ],
)
def test_whoever_may_do_nothing_with_an_api_does_not_see_it(access, sees):
    assert access.sees("a") is sees


def test_the_apis_of_a_permission_are_those_that_it_is_held_for():
    some = Access.of_roles([], [("a", Role.OPERATOR), ("b", Role.VIEWER)])
    assert some.apis_with(P.WRITE_CONNECTIONS) == {"a"}
    assert some.apis_with(P.READ_CONNECTIONS) == {"a", "b"}
    assert Access.of_roles([Role.VIEWER], []).apis_with(P.READ_CONNECTIONS) is None


FULL = frozenset(P)
READS = frozenset({P.READ_CONNECTIONS, P.READ_APIS})


@pytest.mark.parametrize(
    ("held", "granted", "lacking"),
    [
        (Access(), Access(), []),
        (Access(frozenset()), Access(), []),
        (Access(READS), Access(READS), []),
        (Access(READS), Access(READS | {P.WRITE_APIS}), ["apis:write"]),
        (Access(READS), Access(frozenset(), {"a": READS}), []),
        (Access(READS), Access(frozenset(), {"a": READS | {P.WRITE_APIS}}), ["apis:write on API a"]),
        (Access(frozenset(), {"a": READS}), Access(frozenset(), {"a": READS}), []),
        (Access(frozenset(), {"a": READS}), Access(frozenset(), {"b": READS | {P.MANAGE_TOKENS}}),
         ["apis:read on API b", "connections:read on API b"]),
        (Access(frozenset(), {"a": READS}), Access(READS), ["apis:read", "connections:read"]),
        (UNRESTRICTED, UNRESTRICTED, []),
        (Access(FULL - {P.MANAGE_TOKENS}), UNRESTRICTED, ["tokens:manage"]),
        (Access(FULL - {P.MANAGE_TOKENS}), Access(FULL - {P.READ_AUDIT}), []),
        (Access(FULL - {P.READ_AUDIT}), UNRESTRICTED, ["audit:read"]),
    ],
)  # fmt: skip
def test_what_may_be_granted_is_what_is_held(held, granted, lacking):
    assert held.lacks(granted) == lacking


def test_administrators_are_unrestricted_and_nobody_else():
    assert Access.of_roles([Role.ADMIN], []) == UNRESTRICTED
    assert Access.of_roles([Role.ADMIN], []).within(Permission).is_unrestricted
    for scope in Permission:
        assert not Access(FULL - {scope}).is_unrestricted
    assert not Access.of_roles([Role.EDITOR], [("a", Role.ADMIN)]).is_unrestricted
