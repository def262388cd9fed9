"""APIs as pictures: Mermaid flowcharts, and SVG that needs nothing else."""

import re
from xml.etree import ElementTree as ET

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.core.graph import graph_of
from gatewayapp.core.layout import arranged
from gatewayapp.interchange import Rejected, export_api, mermaid, svg
from tests.core.test_graph import http, mock, route, snapshot
from tests.core.test_layout import many
from tests.interchange.samples import DOCUMENT, imported

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script> `x` #35; {a} [b] \x07 & <b>'


def drawn(**api):
    return graph_of(
        snapshot(
            api={"apiId": "a1", "name": "chat", "routeSelectionExpression": "$request.body.action", **api},
            routes=[route("$default", "i1", two_way=True), route("send", "i2"), route("end")],
            integrations=[http("i1", "https://b.example/in?token=swordfish"), mock("i2")],
        )
    )


def picture(graph):
    return ET.fromstring(svg.write(graph, arranged(graph), "chat"))


def named(root):
    return [group.get("aria-label") for group in root.iter(f"{SVG}g")]


def test_a_flowchart_has_all_nodes_and_edges():
    graph = drawn()
    lines = mermaid.write(graph).splitlines()
    assert lines[0] == "flowchart LR"
    assert '    n_route_idsend["send<br>message, one-way"]' in lines
    assert "    n_selector <--> n_route_iddefault" in lines
    assert "    n_route_idsend --> n_integration_i2" in lines
    assert lines[-1] == "    class n_route_idend broken"
    assert sum("-->" in line for line in lines) == len(graph.edges)
    assert "swordfish" not in "".join(lines)


def test_nothing_in_a_label_is_read_as_the_flowchart_s_own():
    chart = mermaid.write(drawn(routeSelectionExpression=HOSTILE))
    [line] = [line for line in chart.splitlines() if line.startswith("    n_selector{{")]
    label = re.fullmatch(r' {4}n_selector\{\{"(.*)"\}\}', line)[1].removesuffix("<br>chooses the route")
    label = label.partition("<br>")[0]
    assert re.fullmatch(r"(?:[\w .,:;/()+=?@!%-]|#\d+;)*", label)
    read = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)
    assert read == " ".join(HOSTILE.split())


def test_an_svg_names_its_nodes_for_those_who_do_not_see_it():
    graph = drawn()
    root = picture(graph)
    names = named(root)
    assert (root.tag, root.get("role"), root.get("aria-label")) == (f"{SVG}svg", "group", "chat")
    assert len(names) == len(graph.nodes)
    assert "Route $default, any other message, two-way, to POST https://b.example/in" in names
    assert any(name.startswith("Route end, message, one-way. Route end has no integration") for name in names)
    assert len([path for path in root.iter(f"{SVG}path") if path.get("aria-hidden")]) == len(graph.edges)


def test_an_svg_shows_all_of_itself_and_loads_nothing():
    graph = many(300)
    text = svg.write(graph, arranged(graph, {"client": (-500, -40)}), "chat")
    root = ET.fromstring(text)
    left, top, width, height = map(int, root.get("viewBox").split())
    for group in root.iter(f"{SVG}g"):
        x, y = map(int, re.fullmatch(r"translate\((\S+) (\S+)\)", group.get("transform")).groups())
        assert left <= x <= left + width - 220
        assert top <= y <= top + height - 64
    assert len(named(root)) == len(graph.nodes)
    assert not re.search(r"<script|<image|<use|<foreignObject|href|@import|\bon\w+=", text)
    assert set(re.findall(r"url\(([^)]*)\)", text)) == {"#nopal-arrow"}


def test_a_file_follows_light_and_dark():
    assert "prefers-color-scheme:dark" in picture(drawn()).find(f"{SVG}style").text


def test_text_of_users_is_text():
    root = picture(drawn(routeSelectionExpression=HOSTILE))
    assert not list(root.iter(f"{SVG}script"))
    assert any(HOSTILE.replace("\x07", " ") in name for name in named(root))


@pytest.mark.django_db
@pytest.mark.parametrize(("export_format", "head"), [("mermaid", "flowchart LR\n"), ("svg", "<svg xmlns=")])
def test_the_draft_and_what_a_stage_serves_are_drawn(export_format, head):
    api, _ = imported(DOCUMENT)
    operations.create_route(api_id=api.pk, route_key="only-in-the-draft")
    draft, served = export_api(api.pk, export_format), export_api(api.pk, export_format, "prod")
    assert draft.startswith(head)
    assert served.startswith(head)
    assert ("only-in-the-draft" in draft, "only-in-the-draft" in served) == (True, False)
    operations.create_stage(api_id=api.pk, stage_name="empty")
    with pytest.raises(Rejected, match="serves no deployment yet"):
        export_api(api.pk, export_format, "empty")


@pytest.mark.django_db
def test_a_picture_has_nodes_where_they_were_put():
    api, _ = imported(DOCUMENT)
    operations.update_layout(api_id=api.pk, positions={"client": {"x": 7, "y": -93}})
    assert 'transform="translate(7 -93)"' in export_api(api.pk, "svg")
