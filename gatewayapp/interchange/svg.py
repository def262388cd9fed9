"""An API as an SVG picture that needs nothing else: no script, no font, no style sheet.

Lines and texts have one colour, dark or light as the reader of the file likes. Problems are marked by a sign and a
broken line, not by colour alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from gatewayapp.core.graph import ERROR, Edge, Graph
from gatewayapp.core.layout import HEIGHT, WIDTH, Placed, box_of

_MARGIN = 24
_LABEL, _DETAIL = 23, 31
"""Characters that fit into a node."""

_STYLE = "svg{color:#182433;background:#fff}@media(prefers-color-scheme:dark){svg{color:#dce1e7;background:#151f2c}}"

_KINDS = {"client": 32, "selector": 8, "authorizer": 8, "route": 8, "integration": 20, "backend": 2}
"""How round the corners of each kind are."""


def write(graph: Graph, nodes: Sequence[Placed], title: str) -> str:
    """The picture as the text of a file."""
    box = box_of(nodes)
    view = (box.x - _MARGIN, box.y - _MARGIN, box.width + 2 * _MARGIN, box.height + 2 * _MARGIN)
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": " ".join(map(str, view)),
            "width": str(view[2]),
            "height": str(view[3]),
            "role": "group",
            "aria-label": _clean(title),
            "font-family": "system-ui, sans-serif",
            "font-size": "14",
            "fill": "currentColor",
        },
    )
    ET.SubElement(svg, "title").text = _clean(title)
    ET.SubElement(svg, "style").text = _STYLE
    _draw_arrowhead(svg)
    places = {placed.node.key: placed for placed in nodes}
    for edge in graph.edges:
        _draw_edge(svg, edge, places)
    for placed in nodes:
        _draw_node(svg, placed)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _draw_arrowhead(svg: ET.Element) -> None:
    marker = ET.SubElement(
        ET.SubElement(svg, "defs"),
        "marker",
        {
            "id": _ARROW,
            "viewBox": "0 0 10 10",
            "refX": "10",
            "refY": "5",
            "markerWidth": "7",
            "markerHeight": "7",
            "orient": "auto-start-reverse",
        },
    )
    ET.SubElement(marker, "path", {"d": "M0 0L10 5L0 10z", "fill": "currentColor"})


_ARROW = "nopal-arrow"


def _draw_edge(svg: ET.Element, edge: Edge, places: Mapping[str, Placed]) -> None:
    """From the right side of one node to the left side of the next; nodes tell what they lead to themselves."""
    source, target = places[edge.source], places[edge.target]
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    bend = max(40, abs(x2 - x1) // 2)
    line = {
        "d": f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}",
        "fill": "none",
        "stroke": "currentColor",
        "stroke-opacity": "0.6",
        "stroke-width": "1.5",
        "marker-end": f"url(#{_ARROW})",
        "aria-hidden": "true",
    }
    if edge.two_way:
        line["marker-start"] = f"url(#{_ARROW})"
    ET.SubElement(svg, "path", line)


def _draw_node(svg: ET.Element, placed: Placed) -> None:
    node = placed.node
    told = ". ".join([node.name, *(problem.message.rstrip(".") for problem in node.problems)])
    place = f"translate({placed.x} {placed.y})"
    group = ET.SubElement(svg, "g", {"role": "img", "aria-label": _clean(told), "transform": place})
    ET.SubElement(group, "title").text = _clean(told)
    is_broken = any(problem.severity == ERROR for problem in node.problems)
    box = {"width": str(WIDTH), "height": str(HEIGHT), "rx": str(_KINDS[node.kind]), "fill-opacity": "0.06"}
    line = {"stroke": "currentColor", "stroke-width": "1.5", **(_BROKEN if is_broken else {})}
    ET.SubElement(group, "rect", {**box, **line})
    for text, attributes in _texts(placed):
        ET.SubElement(group, "text", {"x": "16", **attributes}).text = _clean(text)


_BROKEN = {"stroke": "#d63939", "stroke-width": "2.5", "stroke-dasharray": "7 4"}


def _texts(placed: Placed) -> Iterator[tuple[str, Mapping[str, str]]]:
    node = placed.node
    sign = "⚠ " if node.problems else ""
    yield _short(sign + node.label, _LABEL), {"y": "28", "font-weight": "600"}
    yield _short(node.detail, _DETAIL), {"y": "48", "font-size": "12", "fill-opacity": "0.8"}


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _clean(text: str) -> str:
    """Without what XML cannot hold (XML 1.0 section 2.2)."""
    return "".join(character if character.isprintable() else " " for character in text)
