"""The configuration's pages in a browser: an API from nothing to a stage that answers, with the keyboard alone."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect
from websockets.sync.client import connect

from tests.e2e.conftest import Desk, check_fits
from tests.support.gateway import Gateway, wait_until

ANSWER = '{"answer": 42}'


def test_a_two_way_mock_api_is_built_and_deployed_by_keyboard(desk: Desk) -> None:
    page = desk.open("/apis")

    _press(page, page.get_by_role("link", name="New API").first)
    _type(page, "Name", "keyboard")
    _type(page, "Route selection expression", "$request.body.action")
    page.keyboard.press("Enter")
    expect(page.get_by_text("API keyboard created.")).to_be_visible()
    api_id = page.url.rsplit("/", 1)[1]

    _press(page, page.get_by_role("link", name="Name a backend"))
    _press(page, page.get_by_role("link", name="New integration"))
    _tab_to(page, page.get_by_label("Type", exact=True))
    page.keyboard.type("MOCK")
    expect(page.get_by_label("URI", exact=True)).to_be_hidden()
    templates = page.get_by_role("group", name="Request templates")
    _fill(page, templates.get_by_label("Key"), "$default")
    page.keyboard.press("Tab")
    page.keyboard.type('{"statusCode": 200}')
    _press(page, page.get_by_role("button", name="Create integration"))

    _press(page, page.get_by_role("link", name="New response"))
    _type(page, "Key", "$default", within=page.locator(".resource-field"))
    responses = page.get_by_role("group", name="Response templates")
    _fill(page, responses.get_by_label("Key"), "$default")
    page.keyboard.press("Tab")
    page.keyboard.type(ANSWER)
    _press(page, page.get_by_role("button", name="Create integration response"))

    integration = page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").nth(3)
    _press(page, integration)
    _press(page, page.get_by_role("link", name="New route to it"))
    _type(page, "Route key", "ask")
    _tab_to(page, page.get_by_label("Two-way: send the integration's answer back to the client"))
    page.keyboard.press("Space")
    expect(page.locator("#beside")).to_contain_text("create-route-response")
    _press(page, page.get_by_role("button", name="Create route"))
    expect(page.get_by_role("heading", name="ask", level=1)).to_be_visible()

    _press(page, page.get_by_role("navigation", name="Pages of keyboard").get_by_role("link", name="Stages"))
    _press(page, page.get_by_role("link", name="New stage"))
    _type(page, "Name", "prod", within=page.locator(".resource-field"))
    _tab_to(page, page.get_by_label("Deploy automatically"))
    page.keyboard.press("Space")
    _press(page, page.get_by_role("button", name="Create stage"))
    expect(page.get_by_text("Stage prod created.")).to_be_visible()
    expect(page.get_by_text(re.compile("npx wscat"))).to_be_visible()

    url = desk.gateway.url(api_id, "prod")
    wait_until(lambda: desk.gateway.http("GET", f"/ws/{api_id}/prod").status == 426)
    with connect(url) as client:
        client.send('{"action": "ask"}')
        assert json.loads(client.recv(10)) == json.loads(ANSWER)

    _press(page, page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="keyboard"))
    _press(page, page.get_by_role("link", name="Delete"))
    _type(page, "Type keyboard to confirm", "keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("API keyboard deleted.")).to_be_visible()


@pytest.fixture(scope="module")
def api_id(gateway: Gateway) -> str:
    """An API with one of everything."""
    management = gateway.management
    made = management.create_api(
        Name="shown", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    api_id = str(made["ApiId"])
    integration = management.create_integration(
        ApiId=api_id, IntegrationType="MOCK", RequestTemplates={"$default": '{"statusCode": 200}'}
    )
    management.create_route(ApiId=api_id, RouteKey="ask", Target=f"integrations/{integration['IntegrationId']}")
    management.create_model(ApiId=api_id, Name="Message", Schema='{"type": "object"}')
    deployment = management.create_deployment(ApiId=api_id)
    management.create_stage(
        ApiId=api_id, StageName="prod", DeploymentId=deployment["DeploymentId"], StageVariables={"a": "b"}
    )
    return api_id


KINDS_OF_PAGES = (
    "/apis",
    "/apis/{api}",
    "/apis/{api}/edit",
    "/apis/{api}/delete",
    "/apis/{api}/routes",
    "/apis/{api}/authorizers",
    "/apis/{api}/integrations/new",
    "/apis/{api}/stages/prod",
    "/apis/{api}/stages/prod/edit",
    "/apis/{api}/deployments",
    "/apis/{api}/interchange",
    "/audit",
)


@pytest.mark.parametrize("width", [1440, 390])
def test_each_kind_of_page_fits_and_is_accessible_in_both_themes(desk: Desk, api_id: str, width: int) -> None:
    page = desk.open("/apis", width=width)
    page.emulate_media(reduced_motion="reduce")  # colours change at once
    for path in KINDS_OF_PAGES:
        page.goto(f"{desk.gateway.endpoint}{path.format(api=api_id)}")
        page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
        check_fits(page)
        desk.check_accessibility(page)
        page.emulate_media(color_scheme="dark")
        desk.check_accessibility(page, rules=["color-contrast"])
        page.emulate_media(color_scheme="light")


def test_the_admin_keeps_to_the_policy(desk: Desk, api_id: str) -> None:
    page = desk.open("/admin/")
    page.get_by_role("link", name="Routes", exact=True).click()
    page.get_by_role("link").filter(has_text=re.compile("^[a-z0-9]{7}$")).first.click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("View route")


def test_a_search_narrows_the_table_while_one_types(desk: Desk, api_id: str) -> None:
    page = desk.open(f"/apis/{api_id}/routes")
    page.get_by_label("Search routes").press_sequentially("nothing")

    expect(page.get_by_text("No route matches “nothing”.")).to_be_visible()
    expect(page).to_have_url(re.compile("q=nothing"))
    expect(page.get_by_label("Search routes")).to_be_focused()


def _tab_to(page: Page, target: Locator) -> None:
    """Reach it as the keyboard does, from wherever one is."""
    expect(target).to_be_visible()
    for _ in range(150):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {target}")


def _press(page: Page, target: Locator) -> None:
    _tab_to(page, target)
    page.keyboard.press("Enter")


def _fill(page: Page, target: Locator, text: str) -> None:
    _tab_to(page, target)
    page.keyboard.type(text)


def _type(page: Page, label: str, text: str, within: Locator | None = None) -> None:
    _fill(page, (within or page).get_by_label(label, exact=True), text)
