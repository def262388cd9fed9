"""The designer in a real browser, by mouse and by keyboard; what it did is asked through boto3 and the REST API."""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import Route as Intercepted
from websockets.sync.client import connect

from tests.e2e.conftest import PASSWORD, Desk, Theme, check_fits, tabs
from tests.support.gateway import Api, Gateway, wait_until
from tests.support.rest import RestClient

DOCUMENT: dict[str, Any] = {
    "nopal": 1,
    "api": {"name": "designed", "routeSelectionExpression": "$request.body.action"},
    "integrations": {
        "echo": {
            "integrationType": "MOCK",
            "requestTemplates": {"$default": '{"statusCode": 200}'},
            "integrationResponses": {"$default": {}},
        },
        "intake": {
            "integrationType": "HTTP_PROXY",
            "integrationMethod": "POST",
            "integrationUri": "http://backend.example/in",
        },
        "unused": {
            "integrationType": "HTTP_PROXY",
            "integrationMethod": "POST",
            "integrationUri": "http://backend.example/unused",
        },
    },
    "routes": {
        "$connect": {"integration": "echo"},
        "say": {"integration": "echo", "routeResponses": {"$default": {}}},
        "note": {"integration": "intake"},
        "lost": {},
    },
    "stages": {"test": {}},
}
"""A two-way and a one-way route, one that leads nowhere, an unused integration."""


@pytest.fixture
def api(gateway: Gateway, ann: RestClient, afterwards: ExitStack) -> Api:
    """The document as an API, deployed to the stage `test`."""
    api_id = ann.post("import", {"document": json.dumps(DOCUMENT)})["apiId"]
    made = Api(gateway, api_id, "test")
    for node in ann.get(f"apis/{api_id}/graph")["nodes"]:
        if node["kind"] == "route":
            made.route_ids[node["label"]] = node["id"]
        if node["kind"] == "integration":
            made.integration_ids[_NAMES[node["label"]]] = node["id"]
    afterwards.callback(gateway.management.delete_api, ApiId=api_id)
    return made


_NAMES = {"MOCK": "echo", "POST /in": "intake", "POST /unused": "unused"}


class Picture:
    """The page, with names for what is in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.canvas = page.locator("[data-canvas]")
        self.panel = page.get_by_role("complementary", name="About what is selected")
        self.status = page.locator("[data-status]")
        self.route("say").wait_for()

    def node(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(name))

    def route(self, key: str) -> Locator:
        return self.node(f"^Route {plain(key)},")

    def integration(self, label: str) -> Locator:
        return self.node(f"^Integration {plain(label)},")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, start: Locator, end: Locator | tuple[float, float]) -> None:
        """From the middle of an element to that of another one, or to a point of the window."""
        mouse = self.page.mouse
        mouse.move(*middle(start))
        mouse.down()
        mouse.move(*(middle(end) if isinstance(end, Locator) else end), steps=6)
        mouse.up()

    def port(self, node: Locator) -> Locator:
        return node.locator(".port-out")


def plain(text: str) -> str:
    """A pattern for a text, in the browser's regular expressions as well."""
    return re.sub(r"[^\w ]", ".", text)


def middle(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture
def picture(desk: Desk, api: Api) -> Picture:
    return Picture(desk.open(f"/apis/{api.api_id}/designer"))


def route_of(api: Api, key: str) -> dict[str, Any]:
    """A route as boto3 tells it, with its responses; empty if there is none."""
    routes = api.management.get_routes(ApiId=api.api_id)["Items"]
    route = next((each for each in routes if each["RouteKey"] == key), None)
    if route is None:
        return {}
    answered = api.management.get_route_responses(ApiId=api.api_id, RouteId=route["RouteId"])["Items"]
    return {**route, "twoWay": bool(answered)}


def leads_to(api: Api, key: str, integration: str) -> Callable[[], bool]:
    return lambda: route_of(api, key).get("Target") == f"integrations/{api.integration_ids[integration]}"


# what one sees


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_picture_fits_and_is_accessible(desk: Desk, api: Api, theme: Theme, width: int) -> None:
    page = desk.open(f"/apis/{api.api_id}/designer", theme=theme, width=width)
    picture = Picture(page)
    picture.route("say").focus()
    picture.press("Enter")
    expect(picture.panel.get_by_label("Route key")).to_have_value("say")
    check_fits(page)
    desk.check_accessibility(page)

    picture.press("Escape")
    page.locator("[data-view=table]").click()
    expect(page.get_by_role("table", name="Routes with their integrations")).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)


def test_ways_and_problems_are_told_apart(picture: Picture) -> None:
    expect(picture.node("^Route say, message, two-way")).to_have_class(re.compile("is-two-way"))
    expect(picture.node("^Route note, message, one-way")).not_to_have_class(re.compile("is-two-way"))
    expect(picture.node("^Route lost.*has no integration")).to_have_class(re.compile("has-error"))
    expect(picture.integration("HTTP_PROXY POST /unused")).to_have_class(re.compile("has-warning"))
    expect(picture.page.locator(".edge-target.two-way .edge-arrows:not([d=''])")).to_have_count(1)
    expect(picture.page.locator(".edge-target:not(.two-way)")).to_have_count(2)


def test_the_picture_is_moved_and_enlarged(picture: Picture) -> None:
    page, before = picture.page, view_of(picture.page)

    page.mouse.move(600, 800)
    page.mouse.down()
    page.mouse.move(700, 760, steps=4)
    page.mouse.up()
    moved = view_moved_by(page, before, 100, -40)

    page.mouse.wheel(0, -400)
    zoom = page.get_by_role("button", name="Zoom to 100 %")
    wait_until(lambda: view_of(page)[2] > moved[2])
    zoom.click()
    expect(zoom).to_have_text("100 %")
    page.get_by_role("button", name="Show everything").click()
    expect(zoom).not_to_have_text("100 %")
    for node in page.locator(".node").all():
        expect(node).to_be_in_viewport(ratio=1)


def test_moving_paints_nothing_anew_and_follows_the_browser_s_own_scrolling(picture: Picture) -> None:
    page, world = picture.page, picture.page.locator(".world")
    painted, before = world.get_attribute("transform"), view_of(page)
    page.mouse.move(600, 800)
    page.mouse.down()
    page.mouse.move(450, 700, steps=4)
    page.mouse.up()
    dragged = view_moved_by(page, before, -150, -100)
    expect(world).to_have_attribute("transform", painted or "")

    page.locator(".designer-window").evaluate("element => { element.scrollTop += 60; }")
    moved = view_moved_by(page, dragged, 0, -60)
    wait_until(lambda: page.evaluate("document.querySelector('route-designer').canvas.view.y") == view_of(page)[1])

    # Farther than there is room beside the picture.
    for _ in range(4):
        page.mouse.move(500, 450)
        page.mouse.down()
        page.mouse.move(1400, 450, steps=4)
        page.mouse.up()
    wait_until(lambda: view_of(page)[0] > moved[0] + 2000)
    expect(world).not_to_have_attribute("transform", painted or "")


def test_two_fingers_enlarge_it_and_one_moves_it(desk: Desk, api: Api) -> None:
    page = desk.open(f"/apis/{api.api_id}/designer", width=390)
    picture = Picture(page)
    touch, before = page.context.new_cdp_session(page), view_of(page)

    def touches(kind: str, *points: tuple[int, int]) -> None:
        places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    above = round(page.locator("[data-canvas]").bounding_box()["y"]) + 25  # type: ignore[index]
    touches("touchStart", (150, above))
    touches("touchMove", (190, above + 10))
    touches("touchEnd")
    moved = view_moved_by(page, before, 40, 10)

    touches("touchStart", (150, above), (200, above))
    touches("touchMove", (125, above), (225, above))
    touches("touchEnd")
    wait_until(lambda: view_of(page)[2] == pytest.approx(2 * moved[2], rel=0.2))

    # With one of them on a node, which stays where it is.
    place, zoomed = picture.route("$connect").get_attribute("transform"), view_of(page)
    x, y = map(round, middle(picture.route("$connect")))
    touches("touchStart", (x, y))
    touches("touchMove", (x + 20, y))
    touches("touchStart", (x + 20, y), (x + 120, y))
    touches("touchMove", (x + 45, y), (x + 95, y))
    touches("touchEnd")
    wait_until(lambda: view_of(page)[2] != zoomed[2])
    expect(picture.route("$connect")).to_have_attribute("transform", place or "")


_VIEW = """() => {
  const svg = document.querySelector(".designer-svg");
  const [window, world] = [svg.parentElement.getBoundingClientRect(), svg.querySelector(".world").getScreenCTM()];
  return [world.e - window.left, world.f - window.top, world.a];
}"""


def view_of(page: Page) -> list[float]:
    """Where the picture's origin is drawn in its window, and how large a unit is."""
    found: list[float] = page.evaluate(_VIEW)
    return found


def view_moved_by(page: Page, before: list[float], x: int, y: int) -> list[float]:
    """The view once it is so many pixels from where it was, of the same size; on its way there it is drawn too."""
    wait_until(lambda: [round(a - b) for a, b in zip(view_of(page), before, strict=True)] == [x, y, 0])
    return view_of(page)


def test_a_search_finds_and_leads_there(picture: Picture) -> None:
    search = picture.page.get_by_role("searchbox", name="Find a node")
    picture.route("say").focus()
    picture.press("/")
    expect(search).to_be_focused()
    search.fill("lost")
    expect(picture.route("lost")).to_have_class(re.compile("is-found"))
    expect(picture.page.get_by_text("1 found")).to_be_visible()
    picture.press("Enter")
    expect(picture.route("lost")).to_be_focused()


def test_shortcuts_are_told(picture: Picture) -> None:
    picture.route("say").focus()
    picture.press("?")
    expect(picture.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    picture.press("Escape")
    expect(picture.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()


# by mouse


def test_a_route_is_connected_by_dragging_and_moved(picture: Picture, api: Api, ann: RestClient) -> None:
    lost = picture.route("lost")
    picture.drag(picture.port(lost), picture.integration("HTTP_PROXY POST /unused"))
    wait_until(leads_to(api, "lost", "unused"))
    expect(picture.status).to_contain_text("Connected route lost to POST http://backend.example/unused.")
    expect(picture.integration("HTTP_PROXY POST /unused")).not_to_have_class(re.compile("has-warning"))

    x, y = middle(lost)
    picture.drag(lost, (x - 40, y + 60))
    wait_until(lambda: position(ann, api, "lost")["stored"])
    place = position(ann, api, "lost")
    picture.page.reload()
    expect(lost).to_have_attribute("transform", f"translate({place['x']} {place['y']})")
    picture.page.get_by_role("button", name="Tidy up").click()
    wait_until(lambda: not position(ann, api, "lost")["stored"])


def position(ann: RestClient, api: Api, key: str) -> dict[str, Any]:
    nodes = ann.get(f"apis/{api.api_id}/graph")["nodes"]
    return next(node for node in nodes if node["label"] == key)


def test_dragging_from_the_selector_makes_a_route_and_what_cannot_be_is_refused_there(
    picture: Picture, api: Api
) -> None:
    page = picture.page
    picture.drag(picture.port(picture.node("^Route selection expression")), (700, 780))
    key = page.get_by_role("combobox", name="Key of the new route")
    expect(key).to_be_focused()
    key.fill("not a key")
    picture.press("Enter")
    expect(picture.canvas.get_by_text("Invalid routeKey 'not a key'")).to_be_visible()
    key.fill("fresh")
    picture.press("Enter")
    expect(picture.route("fresh")).to_be_focused()
    assert route_of(api, "fresh")

    picture.drag(picture.port(picture.route("fresh")), picture.route("say"))
    expect(page.get_by_role("alert").get_by_text("A route leads to an integration, not to a route.")).to_be_visible()
    assert "Target" not in route_of(api, "fresh")


def test_an_integration_is_made_in_place(picture: Picture, api: Api) -> None:
    picture.drag(picture.port(picture.route("lost")), (760, 790))
    picture.page.get_by_role("option", name="New integration…").click()
    picture.panel.get_by_label("Address").fill("http://new.example/here")
    picture.panel.get_by_role("button", name="Create").click()
    made = picture.integration("HTTP_PROXY POST /here")
    expect(made).to_be_visible()
    wait_until(lambda: "Target" in route_of(api, "lost"))

    picture.press("Control+z")
    expect(made).to_have_count(0)
    assert "Target" not in route_of(api, "lost")


def test_the_panel_saves_what_its_form_holds(picture: Picture, api: Api) -> None:
    # A template that the form does not show stays.
    api.management.update_integration(
        ApiId=api.api_id, IntegrationId=api.integration_ids["intake"], RequestTemplates={"other": "{}"}
    )
    expect(picture.page.locator("[data-notice]")).to_contain_text("changed integration POST /in")
    picture.integration("HTTP_PROXY POST /in").click()
    panel = picture.panel
    panel.get_by_label("Type").select_option("MOCK")
    expect(panel.get_by_label("Address")).to_be_hidden()
    panel.get_by_label("Request template").fill('{"statusCode": 204}')
    panel.get_by_role("button", name="Save").click()
    expect(picture.status).to_contain_text("Changed integration MOCK.")
    made = api.management.get_integration(ApiId=api.api_id, IntegrationId=api.integration_ids["intake"])
    assert made["IntegrationType"] == "MOCK"
    assert made["RequestTemplates"] == {"$default": '{"statusCode": 204}', "other": "{}"}

    picture.route("note").click()
    panel.get_by_role("switch").check()
    panel.get_by_label("Route key").fill("note/new")  # while the switch is being saved
    wait_until(lambda: route_of(api, "note")["twoWay"])
    picture.press("Enter")
    expect(picture.route("note/new")).to_be_visible()
    panel.get_by_label("Route key").fill("say")
    picture.press("Enter")
    expect(panel.get_by_text("Route with key say already exists for this API")).to_be_visible()
    assert route_of(api, "note/new")


def test_what_is_typed_while_the_panel_is_filled_again_stays(picture: Picture, api: Api) -> None:
    picture.route("note").click()
    operation_name = picture.panel.get_by_label("Operation name")
    expect(operation_name).to_be_visible()
    picture.page.evaluate("""() => {
      const fetch = window.fetch, released = new Promise((release) => { window.release = release; });
      window.fetch = async (url, options) => {
        if (String(url).includes("/panel")) await released;
        return fetch(url, options);
      };
    }""")
    operation_name.fill("Saved")
    picture.press("Enter")
    expect(picture.status).to_contain_text("Changed route note.")
    operation_name.fill("Typed since")
    picture.page.evaluate("window.release()")
    expect(picture.page.get_by_role("alert").filter(has_text="Changed route note.")).to_be_visible()
    expect(operation_name).to_have_value("Typed since")
    assert route_of(api, "note")["OperationName"] == "Saved"


# by keyboard


def test_everything_is_done_by_keyboard(picture: Picture, api: Api) -> None:
    page = picture.page
    page.get_by_role("searchbox").focus()
    picture.node("^Route selection expression").focus()
    picture.press("ArrowRight")
    expect(page.locator(".node:focus")).to_have_attribute("data-key", re.compile("^route/"))
    picture.press("Home")
    expect(picture.route("$connect")).to_be_focused()
    picture.press("End", "ArrowUp", "ArrowUp")
    expect(picture.route("lost")).to_be_focused()

    picture.press("n")
    page.keyboard.type("fresh")
    picture.press("Enter")
    expect(picture.route("fresh")).to_be_focused()

    picture.press("c")
    page.keyboard.type("unused")
    picture.press("Enter")
    wait_until(leads_to(api, "fresh", "unused"))
    expect(picture.route("fresh")).to_be_focused()
    picture.press("ArrowRight")
    expect(picture.integration("HTTP_PROXY POST /unused")).to_be_focused()
    picture.press("ArrowLeft")

    picture.press("t")
    expect(picture.node("^Route fresh, message, two-way")).to_be_focused()
    assert route_of(api, "fresh")["twoWay"]

    picture.press("d")
    expect(page.get_by_role("combobox", name="Key of the copy of fresh")).to_have_value("fresh-copy")
    picture.press("Enter")
    expect(picture.route("fresh-copy")).to_be_focused()
    assert route_of(api, "fresh-copy")["twoWay"]

    picture.press("x")
    expect(picture.node("^Route fresh-copy.*has no integration")).to_be_focused()

    picture.press("F2")
    expect(picture.panel.get_by_label("Route key")).to_be_focused()
    page.keyboard.type("copied")
    picture.press("Enter")
    expect(picture.route("copied")).to_be_visible()
    picture.press("Escape")
    expect(picture.route("copied")).to_be_focused()

    picture.press("Delete")
    expect(picture.route("copied")).to_have_count(0)
    assert not route_of(api, "copied")

    picture.press("Shift+ArrowDown")
    expect(picture.status).to_contain_text("Moved a node.")


def test_undo_and_redo_go_all_the_way(picture: Picture, api: Api, ann: RestClient) -> None:
    before = draft_of(ann, api)
    picture.route("say").focus()
    picture.press("t")
    expect(picture.status).to_contain_text("Made route say one-way.")
    picture.press("c")
    picture.page.keyboard.type("unused")
    picture.press("Enter")
    expect(picture.status).to_contain_text("Connected route say")
    picture.press("Delete")
    expect(picture.route("say")).to_have_count(0)
    after = draft_of(ann, api)

    undo, redo = (picture.page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    picture.press("Control+z", "Control+z", "Control+z")
    expect(picture.status).to_have_text("Undone: Made route say two-way.")
    expect(undo).to_be_disabled()
    assert draft_of(ann, api) == before

    picture.press("Control+Shift+z", "Control+y")
    redo.click()
    expect(redo).to_be_disabled()
    assert draft_of(ann, api) == after


def draft_of(ann: RestClient, api: Api) -> Any:
    """All nodes and edges of the draft, without places and versions."""
    graph = ann.get(f"apis/{api.api_id}/graph")
    nodes = [{name: node[name] for name in ("key", "name", "problems")} for node in graph["nodes"]]
    return json.loads(json.dumps([nodes, graph["edges"]]))


def test_the_table_does_the_same(desk: Desk, api: Api) -> None:
    page = desk.open(f"/apis/{api.api_id}/designer?view=table")
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name="lost", exact=True))
    row.get_by_label("Integration of route lost").select_option(api.integration_ids["intake"])
    wait_until(leads_to(api, "lost", "intake"))
    row.get_by_role("switch").check()
    wait_until(lambda: route_of(api, "lost")["twoWay"])
    expect(row.get_by_text("in order")).to_be_visible()
    row.get_by_role("button", name="Delete route lost").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    expect(row).to_have_count(1)
    assert route_of(api, "lost")["twoWay"]
    row.get_by_role("button", name="lost", exact=True).click()
    expect(page.get_by_label("Route key")).to_have_value("lost")


# several people


def test_a_change_on_an_old_draft_is_refused_and_nothing_typed_is_lost(picture: Picture, api: Api) -> None:
    picture.route("note").click()
    operation_name = picture.panel.get_by_label("Operation name")
    operation_name.fill("TakeNote")
    # The page is told within a second; what was typed stays in any case.
    api.management.update_route(ApiId=api.api_id, RouteId=api.route_ids["say"], OperationName="Say")
    picture.panel.get_by_role("button", name="Save").click()
    notice = picture.page.locator("[data-notice]")
    expect(notice).to_contain_text(re.compile("everything changed route say \\d+ s ago"))
    expect(operation_name).to_have_value("TakeNote")

    if route_of(api, "note").get("OperationName") != "TakeNote":
        picture.panel.get_by_role("button", name="Save").click()
    wait_until(lambda: route_of(api, "note").get("OperationName") == "TakeNote")
    assert route_of(api, "say")["OperationName"] == "Say"


def test_a_refused_gesture_can_be_repeated(picture: Picture, api: Api) -> None:
    page = picture.page

    def change_before(request: Intercepted) -> None:
        """Somebody else's change reaches the gateway just before ours."""
        if request.request.method == "POST" and "OperationName" not in route_of(api, "say"):
            api.management.update_route(ApiId=api.api_id, RouteId=api.route_ids["say"], OperationName="Say")
        request.continue_()

    picture.route("note").focus()
    page.route("**/designer/**", change_before)
    picture.press("t")
    notice = page.locator("[data-notice]")
    expect(notice).to_contain_text("Nothing of yours was done")
    assert not route_of(api, "note")["twoWay"]
    notice.get_by_role("button", name="Do it all the same").click()
    wait_until(lambda: route_of(api, "note")["twoWay"])


def test_others_changes_appear(picture: Picture, api: Api) -> None:
    api.management.create_route(ApiId=api.api_id, RouteKey="theirs")
    expect(picture.route("theirs")).to_be_visible()
    expect(picture.page.locator("[data-notice]")).to_contain_text("everything added route theirs")


# deploying


def test_the_draft_is_compared_deployed_and_rolled_back(
    picture: Picture, desk: Desk, api: Api, ann: RestClient
) -> None:
    page = picture.page
    first = served(api)
    chip = page.get_by_role("button", name=re.compile("^test"))
    expect(chip).to_contain_text("up to date")
    picture.route("lost").focus()
    picture.press("Delete")
    expect(chip).to_contain_text("1 undeployed change")
    picture.press("n")
    page.keyboard.type("fresh")
    picture.press("Enter")
    expect(chip).to_contain_text("2 undeployed changes")
    expectations = {"routeKey": "elsewhere"}
    case = {"name": "fresh goes elsewhere", "message": '{"action": "fresh"}', "expectations": expectations}
    ann.post(f"apis/{api.api_id}/test-cases", case)

    chip.click()
    expect(picture.panel).to_contain_text("Adds route fresh, which leads nowhere.")
    expect(picture.route("fresh")).to_have_class(re.compile("is-added"))
    expect(picture.route("lost")).to_have_class(re.compile("is-removed"))
    desk.check_accessibility(page)
    picture.panel.get_by_role("button", name="End the comparison").click()
    expect(picture.route("lost")).to_have_count(0)

    page.get_by_role("button", name="Deploy…").click()
    dialog = page.get_by_role("dialog", name="Deploy the draft")
    expect(dialog).to_contain_text("Removes route lost.")
    expect(dialog).to_contain_text("Route fresh has no integration")
    expect(dialog).to_contain_text("Test case fresh goes elsewhere fails:")
    desk.check_accessibility(page)
    dialog.get_by_label("Description").fill("one in, one out")
    dialog.get_by_role("button", name="Deploy all the same").click()
    expect(dialog).to_be_hidden()
    expect(chip).to_contain_text("up to date")
    assert served(api) != first

    page.get_by_role("button", name="History").click()
    history = page.get_by_role("dialog", name="What stages served")
    expect(history.get_by_role("listitem").first).to_contain_text("one in, one out")
    history.get_by_role("button", name=f"Roll back to deployment {first}").click()
    page.get_by_role("dialog", name="Roll back?").get_by_role("button", name="Roll back").click()
    expect(history.get_by_role("listitem").first).to_contain_text("rolled back")
    assert served(api) == first


def test_after_an_import_routes_are_compared_by_their_keys(desk: Desk, api: Api, ann: RestClient) -> None:
    """What the document changes is deleted and made anew, with another id: that is no reason to show it twice."""
    routes = {
        "$connect": {"integration": "echo"},
        "say": {"integration": "echo", "routeResponses": {"$default": {}}},
        "note": {"integration": "intake", "routeResponses": {"$default": {}}},
        "fresh": {"integration": "echo"},
    }
    integrations = {name: DOCUMENT["integrations"][name] for name in ("echo", "intake")}
    document = {**DOCUMENT, "integrations": integrations, "routes": routes, "stages": {}}
    ann.post("import", {"document": json.dumps(document), "apiId": api.api_id, "draft": True})
    assert route_of(api, "note")["RouteId"] != api.route_ids["note"]
    assert route_of(api, "say")["RouteId"] == api.route_ids["say"]

    picture = Picture(desk.open(f"/apis/{api.api_id}/designer"))
    expect(picture.route("lost")).to_have_count(0)
    picture.page.get_by_label("Compare the draft with").select_option(label="stage test")
    expect(picture.panel.get_by_role("heading", name="Draft and stage test")).to_be_visible()
    assert [marked(line) for line in picture.panel.get_by_role("listitem").all()] == [
        ("removed", "Removes integration POST http://backend.example/unused."),
        ("added", "Adds route fresh, which leads to MOCK."),
        ("removed", "Removes route lost."),
        ("added", "Makes route note two-way."),
    ]
    expect(picture.status).to_have_text("4 changes since stage test.")
    expect(picture.integration("HTTP_PROXY POST /unused")).to_be_in_viewport(ratio=1)

    page = picture.page
    assert marks_of(page.locator(".node-route")) == {
        "$connect": "",
        "say": "",
        "note": "changed",
        "fresh": "added",
        "lost": "removed",
    }
    assert marks_of(page.locator(".node-integration")) == {"MOCK": "", "POST /in": "", "POST /unused": "removed"}
    fresh, lost = route_of(api, "fresh")["RouteId"], api.route_ids["lost"]
    echo, unused = (api.integration_ids[name] for name in ("echo", "unused"))
    backend = page.locator(".node-backend").get_attribute("data-key")
    edges = page.locator(".edge:is(.is-added, .is-removed)").all()
    assert {edge.get_attribute("data-key"): mark_of(edge) for edge in edges} == {
        f"selector>route/{fresh}": "added",
        f"route/{fresh}>integration/{echo}": "added",
        f"selector>route/{lost}": "removed",
        f"integration/{unused}>{backend}": "removed",
    }
    expect(picture.route("note")).to_have_accessible_name(re.compile("changed since the deployment"))
    desk.check_accessibility(page)


def marked(line: Locator) -> tuple[str | None, str]:
    """A change as the panel tells it: its mark, its sentence."""
    mark = line.get_by_role("img")
    return mark.get_attribute("aria-label"), line.inner_text().removeprefix(mark.inner_text()).strip()


def marks_of(nodes: Locator) -> dict[str, str]:
    """The marks of nodes by their labels; that no label is there twice is checked."""
    found = [(node.locator(".node-label").text_content() or "", mark_of(node)) for node in nodes.all()]
    assert len(dict(found)) == len(found), found
    return dict(found)


def mark_of(drawn: Locator) -> str:
    found = re.search(r"is-(added|changed|removed)", drawn.get_attribute("class") or "")
    return found[1] if found else ""


def served(api: Api) -> str:
    return str(api.management.get_stage(ApiId=api.api_id, StageName=api.stage)["DeploymentId"])


# traffic


def test_traffic_is_laid_over_the_picture(picture: Picture, api: Api) -> None:
    page = picture.page
    page.get_by_role("switch", name="Show live traffic").check()
    expect(picture.node("^Clients")).to_contain_text("0 connected")
    wait_until(lambda: api.gateway.http("GET", f"/ws/{api.api_id}/test").status == 426)
    with connect(api.url, compression=None) as client:
        expect(picture.node("^Clients")).to_contain_text("1 connected")
        client.send('{"action": "say"}')
        client.send('{"action": "note"}')
        expect(picture.route("say")).to_contain_text("/s")
        expect(picture.route("note")).to_have_attribute("data-live", "failing")
        picture.route("note").click()
        expect(picture.panel.get_by_text("last error")).to_be_visible()
        expect(picture.panel.get_by_role("link", name="This message, step by step")).to_be_visible()
    page.get_by_role("switch", name="Show live traffic").uncheck()
    expect(picture.route("note")).not_to_have_attribute("data-live", re.compile(".*"))
    expect(picture.route("note")).to_contain_text("message")


# many routes, little permission


def test_many_routes_are_folded(desk: Desk, gateway: Gateway, ann: RestClient, afterwards: ExitStack) -> None:
    routes = {f"route-{number}": {"integration": "echo"} for number in range(45)}
    document = {**DOCUMENT, "routes": {"$connect": {}, **routes}, "stages": {}}
    api_id = ann.post("import", {"document": json.dumps(document)})["apiId"]
    afterwards.callback(gateway.management.delete_api, ApiId=api_id)
    page = desk.open(f"/apis/{api_id}/designer")
    group = page.get_by_role("button", name=re.compile("^45 custom routes, folded"))
    expect(group).to_be_visible()
    expect(page.locator(".node-route")).to_have_count(1)
    group.click()
    expect(page.locator(".node-route")).to_have_count(46)
    page.get_by_role("button", name="Fold routes").click()
    expect(page.locator(".node-route")).to_have_count(1)


def test_a_viewer_sees_and_changes_nothing(gateway: Gateway, browser: Browser, ann: RestClient, api: Api) -> None:
    ann.post("users", {"username": "vera", "password": PASSWORD, "roles": [{"role": "viewer", "apiId": None}]})
    with tabs(browser) as opened:
        page = opened.open(f"{gateway.endpoint}/signin?next=/apis/{api.api_id}/designer")
        page.get_by_label("Username").fill("vera")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        picture = Picture(page)
        expect(page.get_by_role("button", name="New route")).to_have_count(0)
        expect(page.get_by_role("button", name="Deploy…")).to_have_count(0)
        picture.route("say").focus()
        picture.press("Delete", "t", "Enter")
        expect(picture.panel.get_by_label("Route key")).to_be_disabled()
        assert route_of(api, "say")["twoWay"]


# the modules without the page


@pytest.fixture
def modules(picture: Picture) -> Callable[[str], Any]:
    """Evaluates an expression with the designer's modules that know no document: graph, history, overlay, view."""
    names = "graph", "history", "overlay", "view"
    base = picture.page.locator("script[src*='designer/designer']").get_attribute("src") or ""
    loads = ", ".join(f"{name}: await import(new URL('{name}.js', new URL('{base}', location)))" for name in names)
    graph = "document.querySelector('route-designer').store.graph"
    return lambda code: picture.page.evaluate(
        f"async () => {{ const {{ graph, history, overlay, view }} = {{ {loads} }}; const shown = {graph}; {code} }}"
    )


def test_history_keeps_what_may_work_later_and_drops_what_cannot(modules: Callable[[str], Any]) -> None:
    result = modules("""
      const made = new history.History();
      const able = () => [made.canUndo, made.canRedo];
      const fails = (mayWorkLater) => () => { throw Object.assign(new Error("no"), { mayWorkLater }); };
      const seen = [];
      made.did([]);
      seen.push(able());
      made.did(["a", "b"]);
      await made.undo(fails(true)).catch(() => {});
      seen.push(able());
      const done = [];
      await made.undo(async (gesture) => { done.push(gesture); return { undo: [`not ${gesture}`] }; });
      seen.push(able());
      await made.redo(async (gesture) => { done.push(gesture); return { undo: [] }; });
      made.did(["c"]);
      await made.undo(fails(false)).catch(() => {});
      seen.push(able());
      return [seen, done];
    """)
    assert result == [
        [[False, False], [True, False], [False, True], [False, False]],
        ["a", "b", "not b", "not a"],
    ]


def test_a_picture_compared_with_itself_has_no_marks_and_a_folded_one_keeps_its_ends(
    modules: Callable[[str], Any],
) -> None:
    same, folded = modules("""
      const compared = graph.compared(shown, shown, []);
      const marks = [...compared.nodes, ...compared.edges].filter((each) => each.mark);
      const picture = new graph.Picture(graph.folded(shown));
      return [marks, {
        kinds: picture.nodes.map((node) => node.kind).sort(),
        ends: picture.edges.every((edge) => picture.node(edge.source) && picture.node(edge.target)),
        members: picture.node(graph.GROUP).members.length,
      }];
    """)
    assert same == []
    assert folded["ends"]
    assert folded["members"] == 3
    assert folded["kinds"].count("route") == 1


def test_enlarging_keeps_the_point_under_the_pointer(modules: Callable[[str], Any]) -> None:
    before, after = modules("""
      const from = { x: 12, y: -30, k: 0.8 }, point = { x: 400, y: 300 };
      return [view.toPicture(from, point), view.toPicture(view.zoomed(from, 1.7, point), point)];
    """)
    assert before == pytest.approx(after)
