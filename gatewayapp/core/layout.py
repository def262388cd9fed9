"""Where the nodes of a graph stand: in columns from left to right, each beside what it is connected to.

Routes stand in their own order. The columns behind them follow that order: a node goes where the nodes that lead to it
are on average (the barycentre heuristic, Sugiyama, Tagawa and Toda 1981), which leaves few lines that cross.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from gatewayapp.core.graph import CLIENT, COLUMNS, SELECTOR, Graph, Node

WIDTH, HEIGHT = 220, 64
"""The size of a node, in the unit of all coordinates here: CSS pixels."""
COLUMN, ROW = 320, 84
"""From one column, or row, to the next."""

_LOWEST_HEAD = 4 * ROW
"""Clients and the selector stand beside the middle of the routes, but no lower than this, to be seen at first sight."""

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """A node and its upper left corner; `is_stored` where somebody put it there."""

    node: Node
    x: int
    y: int
    is_stored: bool = False


class Box(NamedTuple):
    x: int
    y: int
    width: int
    height: int


def arranged(graph: Graph, stored: Mapping[str, Position] | None = None) -> tuple[Placed, ...]:
    """All nodes, column by column from top to bottom; a position in `stored`, by a node's key, is kept."""
    kept = stored or {}
    places = _automatic(graph)
    return tuple(Placed(node, *kept.get(node.key, place), node.key in kept) for node, place in places)


def box_of(nodes: Sequence[Placed]) -> Box:
    """The smallest box that holds all nodes."""
    left, top = min(each.x for each in nodes), min(each.y for each in nodes)
    right, bottom = max(each.x for each in nodes) + WIDTH, max(each.y for each in nodes) + HEIGHT
    return Box(left, top, right - left, bottom - top)


def _automatic(graph: Graph) -> list[tuple[Node, Position]]:
    before = _sources(graph)
    columns = [list(nodes) for _, nodes in groupby(graph.nodes, key=lambda node: COLUMNS.index(node.kind))]
    heights = dict.fromkeys((CLIENT, SELECTOR), _height_of_head(graph))
    for nodes in columns:
        if nodes[0].kind in ("integration", "backend"):
            heights |= _beside(nodes, before, heights)
        elif nodes[0].kind in ("authorizer", "route"):
            heights |= {node.key: float(row * ROW) for row, node in enumerate(nodes)}
    return [
        (node, (column * COLUMN, round(heights[node.key])))
        for column, nodes in enumerate(columns)
        for node in sorted(nodes, key=lambda node: heights[node.key])
    ]


def _beside(nodes: list[Node], before: Mapping[str, list[str]], heights: Mapping[str, float]) -> dict[str, float]:
    """Heights near those of the nodes before, in their order, without overlaps; what nothing leads to comes last."""
    wanted = {node.key: _mean([heights[key] for key in before.get(node.key, ())]) for node in nodes}
    ordered = sorted(nodes, key=lambda node: (wanted[node.key] is None, wanted[node.key] or 0.0, node.label, node.key))
    found: dict[str, float] = {}
    free = 0.0
    for node in ordered:
        found[node.key] = max(free, wanted[node.key] or 0.0)
        free = found[node.key] + ROW
    return found


def _height_of_head(graph: Graph) -> float:
    routes = sum(node.kind == "route" for node in graph.nodes)
    return min(max(routes - 1, 0) * ROW / 2, _LOWEST_HEAD)


def _sources(graph: Graph) -> dict[str, list[str]]:
    """The nodes that lead to each node."""
    found: dict[str, list[str]] = {}
    for edge in graph.edges:
        found.setdefault(edge.target, []).append(edge.source)
    return found


def _mean(numbers: list[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None
