"""The difference of two snapshots, resource by resource."""

from gatewayapp.core.diff import Change, MemberChange, diff

ROUTE = {"routeKey": "join", "routeId": "r1", "target": "integrations/i1", "routeResponses": []}
INTEGRATION = {
    "integrationId": "i1",
    "integrationType": "HTTP",
    "timeoutInMillis": 29000,
    "integrationResponses": [{"integrationResponseKey": "$default", "integrationResponseId": "x1"}],
}


def snapshot(**parts):
    empty = {"routes": [], "integrations": [], "models": [], "authorizers": []}
    return {"version": 1, "api": {"apiId": "a1", "name": "chat"}, **empty, **parts}


def test_equal_snapshots_do_not_differ():
    assert diff(snapshot(routes=[ROUTE]), snapshot(routes=[dict(ROUTE)])) == ()


def test_a_resource_that_was_made_anew_with_the_same_members_has_not_changed():
    assert diff(snapshot(routes=[ROUTE]), snapshot(routes=[ROUTE | {"routeId": "r2"}])) == ()


def test_changed_members_are_told_with_what_was_and_what_is():
    before, after = snapshot(routes=[ROUTE]), snapshot(routes=[ROUTE | {"target": "integrations/i2", "note": "x"}])
    members = (MemberChange("note", None, "x"), MemberChange("target", "integrations/i1", "integrations/i2"))
    assert diff(before, after) == (Change("changed", "Route", "join", members),)


def test_what_is_on_one_side_only_was_added_or_removed():
    changes = diff(snapshot(routes=[ROUTE]), snapshot(routes=[ROUTE | {"routeKey": "leave"}]))
    assert [(change.action, change.key) for change in changes] == [("removed", "join"), ("added", "leave")]


def test_the_responses_of_routes_and_integrations_are_resources_of_their_own():
    response = {"routeResponseKey": "$default", "routeResponseId": "p1"}
    changed = [{"integrationResponseKey": "$default", "integrationResponseId": "x1", "responseTemplates": {"a": "b"}}]
    changes = diff(
        snapshot(routes=[ROUTE], integrations=[INTEGRATION]),
        snapshot(
            routes=[ROUTE | {"routeResponses": [response]}],
            integrations=[INTEGRATION | {"integrationResponses": changed}],
        ),
    )
    assert [(change.action, change.kind, change.key) for change in changes] == [
        ("changed", "IntegrationResponse", "i1 $default"),
        ("added", "RouteResponse", "join $default"),
    ]


def test_models_and_authorizers_and_the_api_itself_are_compared():
    changes = diff(
        snapshot(models=[{"name": "Note", "modelId": "m1", "schema": "{}"}]),
        snapshot(
            api={"apiId": "a1", "name": "talk"},
            authorizers=[{"name": "gate", "authorizerId": "z1"}],
        ),
    )
    assert [(change.action, change.kind, change.key) for change in changes] == [
        ("changed", "Api", "a1"),
        ("added", "Authorizer", "gate"),
        ("removed", "Model", "Note"),
    ]
