"""A picture of an API for a page, as the designer draws it, but drawn by the server: it needs no script.

What `templates/components/picture.html` shows. Its look is that of `static/css/pages/designer-graph.css`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.texts import cut, spelled
from gatewayapp.core.comparison import ADDED, CHANGED, REMOVED, Comparison
from gatewayapp.core.graph import ERROR, Edge
from gatewayapp.core.layout import HEIGHT, WIDTH, Placed, arranged, box_of

_SIGNS = {ADDED: "+", CHANGED: "~", REMOVED: "−"}
"""What stands on a marked node, so that it is told by more than its colour."""

_ICONS = {
    "client": "users",
    "selector": "git-branch",
    "authorizer": "shield",
    "route": "route",
    "integration": "webhook",
    "backend": "server",
}

_MARGIN = 24
_LABEL, _ROUTE_LABEL, _DETAIL = 20, 18, 23
"""Characters that fit into a node."""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """`told` says in words what the node shows; `classes` are the names of its looks."""

    x: int
    y: int
    icon: str
    label: str
    detail: str
    told: str
    classes: str
    sign: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """`line` and `arrows` are paths; a two-way edge has arrows at both ends."""

    line: str
    arrows: str
    classes: str
    two_way: bool


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """`columns` is how many of them there are, by which the page knows how small the picture can still be read."""

    view_box: str
    width: int
    height: int
    columns: int
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    node_width: int = WIDTH
    node_height: int = HEIGHT


def drawn(comparison: Comparison) -> DrawnPicture:
    """The picture of what an API becomes, everything placed automatically."""
    graph, marks = comparison.graph, comparison.marks
    nodes = arranged(graph)
    places = {placed.node.key: placed for placed in nodes}
    box = box_of(nodes)
    width, height = box.width + 2 * _MARGIN, box.height + 2 * _MARGIN
    return DrawnPicture(
        f"{box.x - _MARGIN} {box.y - _MARGIN} {width} {height}",
        width,
        height,
        len({node.kind for node in graph.nodes}),
        tuple(_node(placed, marks.get(placed.node.key, "")) for placed in nodes),
        tuple(_edge(edge, places, marks) for edge in graph.edges),
    )


def _node(placed: Placed, mark: str) -> DrawnNode:
    node = placed.node
    is_route = node.kind == "route"
    worst = "error" if any(problem.severity == ERROR for problem in node.problems) else "warning"
    told = (node.name, mark.capitalize(), *(problem.message.rstrip(".") for problem in node.problems))
    return DrawnNode(
        placed.x,
        placed.y,
        _ICONS[node.kind],
        cut(spelled(node.label), _ROUTE_LABEL if is_route else _LABEL),
        cut(spelled(_detail(node.detail, node.two_way and is_route)), _DETAIL),
        spelled(". ".join(filter(None, told))),
        _classes("node", f"node-{node.kind}", f"is-{mark}" if mark else "", f"has-{worst}" if node.problems else ""),
        _SIGNS.get(mark, ""),
        bool(node.problems),
    )


def _detail(detail: str, two_way: bool) -> str:
    """An edge shows that a route is one-way; that it is two-way is said first."""
    short = detail.replace(", one-way", "").replace(", two-way", "")
    return f"two-way · {short}" if two_way else short


def _edge(edge: Edge, places: Mapping[str, Placed], marks: Mapping[str, str]) -> DrawnEdge:
    """From the right side of a node to the left side of another one, and an arrowhead where something arrives."""
    source, target = places[edge.source], places[edge.target]
    x1, y1 = source.x + WIDTH + _GAP, source.y + HEIGHT // 2
    x2, y2 = target.x - _GAP, target.y + HEIGHT // 2
    bend = max(36, abs(x2 - x1) // 2)
    line = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    there = f"M{x2 - 7} {y2 - 4.5}L{x2} {y2}L{x2 - 7} {y2 + 4.5}"
    back = f"M{x1 + 7} {y1 - 4.5}L{x1} {y1}L{x1 + 7} {y1 + 4.5}"
    mark = marks.get(edge.key, "")
    return DrawnEdge(
        line,
        there + back if edge.two_way else there,
        _classes("edge", "two-way" if edge.two_way else "", f"is-{mark}" if mark else ""),
        edge.two_way,
    )


_GAP = 2


def _classes(*names: str) -> str:
    return " ".join(filter(None, names))
