"""Where nodes stand: no two in one place, in columns, few lines that cross, the same for the same graph."""

from itertools import combinations, pairwise

import pytest

from gatewayapp.core.graph import graph_of
from gatewayapp.core.layout import COLUMN, HEIGHT, ROW, WIDTH, arranged, box_of
from tests.core.test_graph import http, route, snapshot


def graph(routes, integrations=()):
    """Routes by their integrations, such as `{"a": "i2"}`."""
    return graph_of(
        snapshot(
            routes=[route(key, target) for key, target in routes.items()],
            integrations=[http(name, f"http://{name}.example/") for name in integrations],
        )
    )


def many(count):
    routes = {f"r{number:03}": f"i{(number * 7) % count}" for number in range(count)}
    return graph(routes, [f"i{number}" for number in range(count)])


def column(nodes, kind):
    return [placed for placed in nodes if placed.node.kind == kind]


def crossings(drawn, nodes, kinds):
    """How many pairs of edges between two columns cross."""
    heights = {placed.node.key: placed.y for placed in nodes if placed.node.kind in kinds}
    lines = [(heights[e.source], heights[e.target]) for e in drawn.edges if {e.source, e.target} <= heights.keys()]
    return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in combinations(lines, 2))


@pytest.mark.parametrize(
    "drawn",
    [graph({}), graph({"$default": ""}), graph({"a": "i1", "b": "i1"}, ["i1", "i2"]), many(300)],
    ids=["empty", "one route", "shared", "300 routes"],
)
def test_no_two_nodes_overlap(drawn):
    nodes = arranged(drawn)
    assert len(nodes) == len(drawn.nodes)
    by_column = {}
    for placed in nodes:
        by_column.setdefault(placed.x, []).append(placed.y)
    for heights in by_column.values():
        assert all(below - above >= HEIGHT for above, below in pairwise(heights))
    assert all(right - left >= WIDTH for left, right in combinations(sorted(by_column), 2))


def test_columns_follow_the_message_s_way_without_a_gap():
    nodes = arranged(graph({"$default": "i1"}, ["i1"]))
    assert [(placed.node.kind, placed.x) for placed in nodes] == [
        ("client", 0),
        ("selector", COLUMN),
        ("route", 2 * COLUMN),
        ("integration", 3 * COLUMN),
        ("backend", 4 * COLUMN),
    ]
    assert {placed.y for placed in nodes} == {0}


def test_an_integration_stands_beside_its_routes():
    drawn = graph({"a": "i2", "b": "i1", "c": "i1", "d": "i1"}, ["i1", "i2", "i3"])
    integrations = [(placed.node.id, placed.y) for placed in column(arranged(drawn), "integration")]
    assert integrations == [("i2", 0), ("i1", 2 * ROW), ("i3", 3 * ROW)]


def test_lines_do_not_cross_where_they_need_not():
    drawn = many(300)
    nodes = arranged(drawn)
    assert crossings(drawn, nodes, ("route", "integration")) == 0
    assert crossings(drawn, nodes, ("integration", "backend")) == 0


def test_clients_are_seen_at_first_sight_however_many_routes_there_are():
    heights = {placed.node.kind: placed.y for placed in arranged(many(300))}
    assert heights["client"] == heights["selector"] <= 4 * ROW


def test_the_same_graph_is_placed_the_same():
    assert arranged(many(50)) == arranged(many(50))


def test_a_stored_position_wins_and_moves_nobody_else():
    drawn = graph({"a": "i1", "b": "i2"}, ["i1", "i2"])
    automatic = {placed.node.key: (placed.x, placed.y) for placed in arranged(drawn)}
    stored = arranged(drawn, {"route/ida": (-40, 7), "route/gone": (1, 1)})
    assert {placed.node.key: (placed.x, placed.y) for placed in stored} == automatic | {"route/ida": (-40, 7)}
    assert [placed.node.key for placed in stored if placed.is_stored] == ["route/ida"]


def test_the_box_holds_all_nodes_wherever_they_were_put():
    drawn = graph({"$default": "i1"}, ["i1"])
    assert box_of(arranged(drawn)) == (0, 0, 4 * COLUMN + WIDTH, HEIGHT)
    assert box_of(arranged(drawn, {"client": (-100, -50)})) == (-100, -50, 4 * COLUMN + WIDTH + 100, 50 + HEIGHT)
