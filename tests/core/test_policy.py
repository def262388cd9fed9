"""Permissions: which actions and resources a pattern covers."""

import pytest

from gatewayapp.core import policy

PUSH = policy.connections_arn("eu-west-1", "123456789012", "ab12cd34ef", "prod", "POST")
ROUTES = policy.management_arn("eu-west-1", "/apis/ab12cd34ef/routes")


def permission(action, resource):
    return [{"action": action, "resource": resource}]


def test_a_push_is_authorized_on_the_template_whatever_the_connection_is():
    assert PUSH == "arn:aws:execute-api:eu-west-1:123456789012:ab12cd34ef/prod/POST/@connections/{connectionId}"


def test_a_management_resource_has_no_account():
    assert ROUTES == "arn:aws:apigateway:eu-west-1::/apis/ab12cd34ef/routes"


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        PUSH,
        "arn:aws:execute-api:eu-west-1:123456789012:ab12cd34ef/prod/POST/@connections",
        "arn:aws:execute-api:eu-west-1:123456789012:ab12cd34ef/prod/POST/@connections/*",
        "arn:aws:execute-api:*:*:ab12cd34ef/*",
        "arn:aws:execute-api:eu-west-1:*",
        "arn:aws:execute-api:eu-????-1:123456789012:*/prod/*",
        "arn:*",
        "ab12cd34ef/*",
        "ab12cd34ef/prod/POST/@connections/*",
        "ab12cd34ef/prod/POST/@connections",
        "ab12cd34ef/prod/*/@connections/{connectionId}",
        "????cd34ef/prod/*",
    ],
)
def test_a_resource_covers_a_push(resource):
    assert policy.allows(permission("execute-api:ManageConnections", resource), policy.MANAGE_CONNECTIONS, PUSH)


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "?",
        "arn:aws:execute-api:eu-west-1:123456789012:ab12cd34ef/prod/GET/@connections/*",
        "arn:aws:execute-api:eu-west-1:123456789012:ab12cd34ef/prod/POST/@connections/R2p1dcf8oAMCJhg=",
        "arn:aws:execute-api:eu-west-1:123456789012:ab12cd34ef/prod",
        "arn:aws:execute-api:eu-west-1:ab12cd34ef/*",
        "arn:aws:execute-api:*:ab12cd34ef/*",
        "arn:aws:apigateway:*",
        "ab12cd34ef/dev/*",
        "ab12cd34ef",
        "AB12CD34EF/*",
        "b12cd34ef/*",
        "ab12cd34e.*",
        "/ab12cd34ef/*",
    ],
)
def test_a_resource_does_not_cover_a_push(resource):
    assert not policy.allows(permission("*", resource), policy.MANAGE_CONNECTIONS, PUSH)


@pytest.mark.parametrize(
    ("allowed", "action", "covered"),
    [
        ("apigateway:GET", "apigateway:GET", True),
        ("apigateway:get", "apigateway:GET", True),
        ("apigateway:*", "apigateway:DELETE", True),
        ("apigateway:P*", "apigateway:PATCH", True),
        ("*", "apigateway:PATCH", True),
        ("apigateway:P*", "apigateway:GET", False),
        ("apigateway:P???", "apigateway:PATCH", False),
        ("execute-api:*", "apigateway:GET", False),
        ("apigateway", "apigateway:GET", False),
    ],
)
def test_actions_match_in_any_case_and_by_pattern(allowed, action, covered):
    assert policy.allows(permission(allowed, "*"), action, ROUTES) is covered


@pytest.mark.parametrize(
    ("resource", "covered"),
    [
        ("arn:aws:apigateway:eu-west-1::/apis/*", True),
        ("arn:aws:apigateway:*::/apis/ab12cd34ef*", True),
        ("/apis/ab12cd34ef/*", True),
        ("/apis/ab12cd34ef", False),
        ("/apis", False),
        ("arn:aws:apigateway:us-east-1::/apis/*", False),
    ],
)
def test_management_resources_match_by_pattern(resource, covered):
    assert policy.allows(permission("*", resource), "apigateway:GET", ROUTES) is covered


def test_one_of_several_permissions_is_enough_but_its_action_and_resource_go_together():
    permissions = [
        {"action": "apigateway:GET", "resource": "*"},
        {"action": "*", "resource": "/apis/ab12cd34ef/stages/*"},
    ]
    assert policy.allows(permissions, "apigateway:GET", ROUTES)
    assert not policy.allows(permissions, "apigateway:DELETE", ROUTES)
    assert not policy.allows([], "apigateway:GET", ROUTES)


def test_patterns_are_matched_in_linear_time():
    hostile = permission("*", "a*" * 500 + "b")
    assert not policy.allows(hostile, "apigateway:GET", policy.management_arn("eu-west-1", "a" * 5000))


@pytest.mark.parametrize("action", ["*", "apigateway:*", "apigateway:GET", "execute-api:ManageConnections"])
def test_a_permission_that_can_allow_something_is_accepted(action):
    policy.check_permission({"action": action, "resource": "*"})


@pytest.mark.parametrize(
    ("action", "resource", "message"),
    [
        ("GET", "*", "'GET' is no action of an access key"),
        ("s3:GetObject", "*", "'s3:GetObject' is no action of an access key"),
        ("apigateway:", "*", "'apigateway:' is no action of an access key"),
        ("*", "", "needs a resource"),
    ],
)
def test_a_permission_that_can_allow_nothing_is_refused(action, resource, message):
    with pytest.raises(ValueError, match=message):
        policy.check_permission({"action": action, "resource": resource})


@pytest.mark.parametrize(
    ("action", "resource", "somewhere"),
    [
        ("apigateway:GET", "arn:aws:apigateway:*::/apis/ab12cd34ef", True),
        ("apigateway:*", "nowhere", True),
        ("*", "*", True),
        ("apigateway:POST", "*", False),
        ("execute-api:*", "*", False),
    ],
)
def test_whether_an_action_is_allowed_on_anything_at_all_is_up_to_the_action(action, resource, somewhere):
    assert policy.allows_somewhere(permission(action, resource), "apigateway:GET") is somewhere
