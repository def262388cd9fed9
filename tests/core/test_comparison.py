"""Two pictures in one: what both have, what only one has, and what is the same under another id."""

from gatewayapp.core.comparison import Comparison, compared, renamed
from gatewayapp.core.graph import graph_of
from gatewayapp.core.layout import arranged
from tests.core.test_graph import http, mock, route, snapshot

BEFORE = graph_of(
    snapshot(
        routes=[route("$default", "i1"), route("history", "i2", two_way=True), route("lost")],
        integrations=[http("i1"), http("i2", "https://old.example/history")],
    )
)
AFTER = graph_of(
    snapshot(
        routes=[route("$default", "i1"), route("join", "i3"), route("typing")],
        integrations=[http("i1"), mock("i3")],
    )
)


def marked(comparison: Comparison) -> dict[str, str]:
    """Marks by what stands on the nodes, and between them."""
    labels = {node.key: node.label for node in comparison.graph.nodes}
    edges = {edge.key: f"{labels[edge.source]} > {labels[edge.target]}" for edge in comparison.graph.edges}
    return {(labels | edges)[key]: mark for key, mark in comparison.marks.items()}


def test_what_comes_goes_and_changes_is_marked_and_the_rest_is_not():
    comparison = compared(BEFORE, AFTER, {"route/iddefault", "selector"})
    expression = "$request.body.action"
    assert marked(comparison) == {
        "$default": "changed",
        expression: "changed",
        "join": "added",
        "typing": "added",
        "MOCK": "added",
        f"{expression} > join": "added",
        f"{expression} > typing": "added",
        "join > MOCK": "added",
        "history": "removed",
        "lost": "removed",
        "POST /history": "removed",
        "https://old.example": "removed",
        f"{expression} > history": "removed",
        f"{expression} > lost": "removed",
        "history > POST /history": "removed",
        "POST /history > https://old.example": "removed",
    }


def test_an_equal_api_has_no_marks():
    assert compared(BEFORE, BEFORE) == Comparison(BEFORE, {})


def test_what_goes_away_keeps_its_column_and_its_place_among_the_routes():
    graph = compared(BEFORE, AFTER).graph
    placed = arranged(graph)
    routes = [each for each in placed if each.node.kind == "route"]
    assert [each.node.label for each in routes] == ["$default", "history", "join", "lost", "typing"]
    assert len({each.x for each in routes}) == 1
    assert len(placed) == len(graph.nodes) == len({node.key for node in graph.nodes})


def test_only_what_stays_has_problems():
    graph = compared(BEFORE, AFTER).graph
    assert [node.label for node in graph.nodes if node.problems] == ["typing"]


def test_parts_made_anew_are_the_same_where_their_names_are():
    anew = graph_of(snapshot(routes=[route("$default", "i9"), route("new", "i9")], integrations=[http("i9")]))
    names = {"integration/i1": "Integration/in", "integration/i9": "Integration/in"}
    before = graph_of(snapshot(routes=[route("$default", "i1")], integrations=[http("i1")]))
    comparison = compared(renamed(before, names), renamed(anew, names), {"Integration/in"})
    assert marked(comparison) == {
        "POST /in": "changed",
        "new": "added",
        "$request.body.action > new": "added",
        "new > POST /in": "added",
    }
