"""A snapshot as nodes and edges: what is drawn, how it is called, and what is said to be wrong with it."""

import pytest

from gatewayapp.core.graph import CLIENT, SELECTOR, backend_of, graph_of

LAMBDA_ARN = "arn:aws:lambda:us-east-1:000000000000:function:chat:live"
INVOCATION_ARN = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{LAMBDA_ARN}/invocations"


def snapshot(**parts):
    api = {"apiId": "a1", "name": "chat", "routeSelectionExpression": "$request.body.action"}
    return {"version": 1, "api": api, "routes": [], "integrations": [], "models": [], "authorizers": [], **parts}


def route(key, target="", two_way=False, **members):
    responses = [{"routeResponseKey": "$default", "routeResponseId": "p1"}] if two_way else []
    target = {"target": f"integrations/{target}"} if target else {}
    return {"routeId": f"id{key.strip('$')}", "routeKey": key, "routeResponses": responses, **target, **members}


def http(integration_id, uri="http://backend.example/in", **members):
    return {
        "integrationId": integration_id,
        "integrationType": "HTTP_PROXY",
        "integrationMethod": "POST",
        "integrationUri": uri,
        "integrationResponses": [],
        **members,
    }


def lambda_proxy(integration_id, uri=LAMBDA_ARN):
    return http(integration_id, uri, integrationType="AWS_PROXY")


def mock(integration_id):
    document = http(integration_id, integrationType="MOCK")
    del document["integrationUri"]
    return document


def labels(graph, kind):
    return [node.label for node in graph.nodes if node.kind == kind]


def lines(graph):
    names = {node.key: node.label for node in graph.nodes}
    return [(names[edge.source], names[edge.target], edge.two_way) for edge in graph.edges]


def problems(graph):
    return {(node.label, problem.code) for node in graph.nodes for problem in node.problems}


def test_a_message_s_way_is_drawn_from_the_clients_to_the_backend_and_back():
    graph = graph_of(
        snapshot(routes=[route("send", "i1", two_way=True), route("$default", "i1")], integrations=[http("i1")])
    )
    assert lines(graph) == [
        ("Clients", "$request.body.action", True),
        ("$request.body.action", "$default", False),
        ("$default", "POST /in", False),
        ("$request.body.action", "send", True),
        ("send", "POST /in", True),
        ("POST /in", "http://backend.example", True),
    ]
    assert [node.kind for node in graph.nodes] == ["client", "selector", "route", "route", "integration", "backend"]
    assert problems(graph) == set()
    assert graph.problems == ()


def test_an_edge_names_the_resource_that_it_is_a_member_of():
    graph = graph_of(snapshot(routes=[route("$default", "i1")], integrations=[http("i1")]))
    assert [(edge.kind, edge.resource, edge.id) for edge in graph.edges] == [
        ("connection", "Api", "a1"),
        ("selection", "Route", "iddefault"),
        ("target", "Route", "iddefault"),
        ("call", "Integration", "i1"),
    ]
    assert graph.edges[2].key == "route/iddefault>integration/i1"
    assert graph.edges[2].name == "$default to POST /in"


def test_routes_stand_in_an_order_that_depends_on_their_keys_alone():
    keys = ["zeta", "$default", "alpha", "$disconnect", "$connect"]
    assert labels(graph_of(snapshot(routes=[route(key) for key in keys])), "route") == [
        "$connect",
        "$disconnect",
        "$default",
        "alpha",
        "zeta",
    ]


def test_integrations_with_the_same_backend_share_its_node():
    integrations = [http("i1", "http://b.example/x"), http("i2", "HTTP://B.example/y?token=swordfish"), mock("i3")]
    graph = graph_of(snapshot(routes=[route("$default", "i1")], integrations=integrations))
    assert labels(graph, "backend") == ["http://b.example"]
    assert labels(graph, "integration") == ["POST /x", "POST /y", "MOCK"]
    assert "swordfish" not in repr(graph)


@pytest.mark.parametrize(
    ("integration", "backend"),
    [
        (http("i1", "https://b.example:8443"), "https://b.example:8443"),
        (http("i1", "http://[::1]:9000/x"), "http://[::1]:9000"),
        (http("i1", "http://${stageVariables.Backend}/x/{id}"), "http://${stageVariables.Backend}"),
        (http("i1", "http://b.example?q=1"), "http://b.example"),
        (lambda_proxy("i1"), "chat:live"),
        (lambda_proxy("i1", INVOCATION_ARN), "chat:live"),
        (lambda_proxy("i1", LAMBDA_ARN.replace("chat:live", "${stageVariables.f}")), "${stageVariables.f}"),
        (mock("i1"), ""),
    ],
)
def test_a_backend_is_an_origin_or_a_function(integration, backend):
    assert backend_of(integration) == backend


def test_an_authorizer_stands_before_the_route_that_asks_it():
    gate = {"authorizerId": "g1", "name": "gate", "authorizerUri": INVOCATION_ARN}
    connect = route("$connect", "i1", authorizationType="CUSTOM", authorizerId="g1")
    graph = graph_of(snapshot(routes=[connect], integrations=[http("i1")], authorizers=[gate]))
    assert lines(graph)[1:3] == [("$request.body.action", "gate", False), ("gate", "$connect", False)]
    [node] = [node for node in graph.nodes if node.kind == "authorizer"]
    assert (node.key, node.detail, node.problems) == ("authorizer/g1", "chat:live", ())


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({}, {("$request.body.action", "no-routes")}),
        (
            {"routes": [route("send", "i1")], "integrations": [http("i1")]},
            {("$request.body.action", "no-default-route")},
        ),
        ({"routes": [route("$default")]}, {("$default", "no-integration")}),
        ({"routes": [route("$default", "gone")]}, {("$default", "missing-integration")}),
        (
            {"routes": [route("$default", "i1")], "integrations": [http("i1"), http("i2", "http://c.example/c")]},
            {("POST /c", "unused-integration")},
        ),
        (
            {"routes": [route("$default", "i1")], "integrations": [http("i1", "http://b.example/{id}")]},
            {("POST /{id}", "invalid-integration")},
        ),
        (
            {
                "routes": [route("$default", "i1")],
                "integrations": [http("i1")],
                "authorizers": [{"authorizerId": "g1", "name": "gate"}],
            },
            {("gate", "unused-authorizer")},
        ),
    ],
)
def test_what_is_wrong_is_told_at_the_node(parts, found):
    graph = graph_of(snapshot(**parts))
    assert problems(graph) == found
    assert graph.problems == ()
    assert all(problem.message.endswith(".") for node in graph.nodes for problem in node.problems)


def test_why_a_draft_cannot_be_deployed_is_told_where_no_node_says_it():
    routes = [route("$default", "i1", apiKeyRequired=True)]
    graph = graph_of(snapshot(routes=routes, integrations=[http("i1")]))
    assert problems(graph) == set()
    [problem] = graph.problems
    assert (problem.code, problem.severity) == ("not-deployable", "error")
    assert "$default" in problem.message


def test_a_node_keeps_its_key_while_everything_around_it_changes():
    before = graph_of(snapshot(routes=[route("$default", "i1")], integrations=[http("i1")]))
    after = graph_of(
        snapshot(routes=[route("a"), route("$default", "i1", True)], integrations=[http("i0"), http("i1")])
    )
    assert {node.key for node in before.nodes} <= {node.key for node in after.nodes}
    assert [node.key for node in before.nodes][:4] == [CLIENT, SELECTOR, "route/iddefault", "integration/i1"]
