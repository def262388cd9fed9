"""An API as a Mermaid flowchart, for documents that are written in Markdown."""

import re
from collections.abc import Iterator

from gatewayapp.core.graph import ERROR, Edge, Graph, Node

_SHAPES = {
    "client": ('(["', '"])'),
    "selector": ('{{"', '"}}'),
    "authorizer": ('[/"', '"/]'),
    "route": ('["', '"]'),
    "integration": ('("', '")'),
    "backend": ('[("', '")]'),
}


def write(graph: Graph) -> str:
    """The flowchart's text."""
    return "\n".join(["flowchart LR", *(f"    {line}" for line in _lines(graph))]) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        opening, closing = _SHAPES[node.kind]
        yield f"{_id(node.key)}{opening}{_text(node)}{closing}"
    for edge in graph.edges:
        yield f"{_id(edge.source)} {_arrow(edge)} {_id(edge.target)}"
    broken = [_id(node.key) for node in graph.nodes if any(each.severity == ERROR for each in node.problems)]
    if broken:
        yield "classDef broken stroke:#d63939,stroke-width:3px,stroke-dasharray:6 3"
        yield f"class {','.join(broken)} broken"


def _arrow(edge: Edge) -> str:
    return "<-->" if edge.two_way else "-->"


def _text(node: Node) -> str:
    detail = f"<br>{_escaped(node.detail)}" if node.detail else ""
    problems = "".join(f"<br>⚠ {_escaped(problem.message)}" for problem in node.problems)
    return f"{_escaped(node.label)}{detail}{problems}"


def _escaped(text: str) -> str:
    """Whatever Mermaid, Markdown or HTML reads a meaning into, as character references of Mermaid's."""
    return re.sub(r"[^\w .,:;/()+=?@!%-]", lambda found: f"#{ord(found[0])};", " ".join(text.split()))


def _id(key: str) -> str:
    """Without blanks and slashes, and none of Mermaid's own words such as `end`."""
    return f"n_{re.sub('[^a-z0-9]', '_', key)}"
