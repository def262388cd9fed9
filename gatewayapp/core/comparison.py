"""Two pictures of an API in one: as it becomes, with what it loses still there, each part marked by its fate."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from gatewayapp.core.graph import COLUMNS, Graph, Node, route_order

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`marks` say by the key of a node or an edge what happens to it; what stays as it is has none."""

    graph: Graph
    marks: Mapping[str, str]


def compared(before: Graph, after: Graph, changed: Container[str] = ()) -> Comparison:
    """Parts are the same where their keys are; `changed` has the keys of nodes that are there still and differ."""
    gone = {node.key: replace(node, problems=()) for node in before.nodes}
    nodes = gone | {node.key: node for node in after.nodes}
    edges = {edge.key: edge for edge in (*before.edges, *after.edges)}
    graph = Graph(tuple(sorted(nodes.values(), key=_place)), tuple(edges.values()), after.problems)
    return Comparison(graph, _marks(before, after, changed))


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with other keys for the nodes that `names` has, where parts are the same under new ids."""
    keys = {node.key: names.get(node.key, node.key) for node in graph.nodes}
    nodes = tuple(replace(node, key=keys[node.key]) for node in graph.nodes)
    ends = [(edge, keys[edge.source], keys[edge.target]) for edge in graph.edges]
    edges = tuple(
        replace(edge, key=f"{source}>{target}", source=source, target=target) for edge, source, target in ends
    )
    return Graph(nodes, edges, graph.problems)


def _marks(before: Graph, after: Graph, changed: Container[str]) -> dict[str, str]:
    marks: dict[str, str] = {node.key: CHANGED for node in after.nodes if node.key in changed}
    for old, new in ((before.nodes, after.nodes), (before.edges, after.edges)):
        old_keys, new_keys = {part.key for part in old}, {part.key for part in new}
        marks |= dict.fromkeys(new_keys - old_keys, ADDED) | dict.fromkeys(old_keys - new_keys, REMOVED)
    return marks


def _place(node: Node) -> tuple[int, tuple[int, str]]:
    """Columns from left to right, and routes in their own order."""
    return COLUMNS.index(node.kind), route_order(node.label) if node.kind == "route" else (0, "")
