"""Roles: what each may do, on one API or on all, and what is left of it within a token's scopes."""

import itertools

import pytest

from gatewayapp.core.roles import ROLES, Access, Permission, Role

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
