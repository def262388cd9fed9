"""A graph with its places in wire form: what the designer draws, and what a picture in a file is made of."""

from collections.abc import Sequence
from typing import Any

from gatewayapp.core.graph import Edge, Graph, Problem
from gatewayapp.core.layout import HEIGHT, WIDTH, Placed, box_of


def picture(graph: Graph, nodes: Sequence[Placed]) -> dict[str, Any]:
    """Nodes, edges, and the problems of no single node."""
    return {
        "box": box_of(nodes)._asdict(),
        "nodes": [_node(placed) for placed in nodes],
        "edges": [_edge(edge) for edge in graph.edges],
        "problems": [problem_document(problem) for problem in graph.problems],
    }


def problem_document(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "severity": problem.severity, "message": problem.message}


def _node(placed: Placed) -> dict[str, Any]:
    node = placed.node
    return {
        "key": node.key,
        "kind": node.kind,
        "id": node.id,
        "label": node.label,
        "detail": node.detail,
        "name": node.name,
        "twoWay": node.two_way,
        "x": placed.x,
        "y": placed.y,
        "width": WIDTH,
        "height": HEIGHT,
        "stored": placed.is_stored,
        "problems": [problem_document(problem) for problem in node.problems],
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "key": edge.key,
        "kind": edge.kind,
        "source": edge.source,
        "target": edge.target,
        "resource": edge.resource,
        "id": edge.id,
        "name": edge.name,
        "twoWay": edge.two_way,
    }
