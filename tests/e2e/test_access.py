"""Getting in, in a browser: users, access keys, tokens, one's own page; by keyboard, in both themes, at both widths."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, Desk, Theme, check_fits
from tests.support.gateway import Gateway
from tests.support.rest import RestClient

API = {"Name": "rooms", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
PATHS = ("/users", "/users/new", "/access-keys", "/access-keys/new", "/tokens", "/tokens/new", "/profile", "/signin")


@pytest.fixture(scope="module")
def viola(gateway: Gateway, ann: RestClient) -> int:
    """Someone with a role on an API; with her there is one of everything that the pages list. Her id."""
    api_id = gateway.management.create_api(**API)["ApiId"]
    ann.post("access-keys", {"name": "old", "permissions": [{"action": "apigateway:GET", "resource": "/apis/*"}]})
    roles = [{"role": "viewer", "apiId": api_id}]
    return int(ann.post("users", {"username": "viola", "password": PASSWORD, "roles": roles})["userId"])


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_pages_fit_and_are_accessible(desk: Desk, viola: int, theme: Theme, width: int) -> None:
    page = desk.open("/", theme=theme, width=width)
    for path in (*PATHS, f"/users/{viola}", f"/users/{viola}/delete"):
        page.goto(f"{desk.gateway.endpoint}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        check_fits(page)
        desk.check_accessibility(page)


def test_a_user_is_made_and_deleted_with_the_keyboard_only(desk: Desk, viola: int) -> None:
    page = desk.open("/users")
    press(page, "New user", "link")
    page.get_by_label("Username").focus()
    for text in ("bruno", PASSWORD, PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.type("Operator")
    for _ in range(2):
        press(page, "Another API", "button")
    expect(page.get_by_label("API", exact=True)).to_have_count(3)
    last = page.get_by_label("API", exact=True).nth(2)
    expect(last).to_be_focused()
    last.select_option(label=last.locator("option", has_text="rooms").inner_text())
    page.keyboard.press("Tab")
    page.keyboard.type("Editor")
    press(page, "Create user", "button")

    expect(page.get_by_text("bruno can sign in now.")).to_be_visible()
    expect(page.get_by_label("Role over all APIs")).to_have_value("operator")
    expect(page.get_by_label("Role on this API").first).to_have_value("editor")
    press(page, re.compile("Delete bruno"), "link")
    page.get_by_label("Type bruno to go on").focus()
    page.keyboard.type("bruno")
    page.keyboard.press("Enter")
    expect(page.get_by_text("bruno is gone")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("bruno"))).to_have_count(0)


def test_an_access_key_is_made_for_one_api_and_revoked(desk: Desk, viola: int) -> None:
    page = desk.open("/access-keys/new")
    api, resource = page.get_by_label("API", exact=True), page.get_by_label("Resource", exact=True)
    expect(api).to_be_visible()
    expect(resource).to_be_hidden()
    page.get_by_text("As I say").click()
    expect(resource).to_be_visible()
    expect(api).to_be_hidden()
    page.get_by_text("Push to the clients of one API").click()
    page.get_by_label("Name").fill("rooms backend")
    api.select_option(label=api.locator("option", has_text="rooms").first.inner_text())
    page.get_by_role("button", name="Create access key").click()

    expect(page.get_by_text("it is shown this once")).to_be_visible()
    profile = page.locator(".snippet-panel code").first.inner_text()
    assert re.search(r"(?m)^\[profile nopal-rooms-backend\]$", profile)
    desk.check_accessibility(page)
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Revoke rooms backend").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("rooms backend is revoked")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("rooms backend"))).to_contain_text("revoked")


def test_a_token_is_made_that_calls_the_rest_api(desk: Desk) -> None:
    page = desk.open("/tokens/new")
    page.get_by_label("Name").fill("report")
    page.get_by_label("tokens:manage").check()
    page.get_by_role("button", name="Create token").click()

    token = page.locator(".secret code").first.inner_text()
    answer = desk.gateway.http("GET", "/api/v1/tokens", b"", {"Authorization": f"Bearer {token}"})
    assert answer.status == 200
    desk.check_accessibility(page)
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("row", name=re.compile("report"))).to_contain_text("active")


def test_someone_with_few_rights_sees_few_pages_and_signs_out_everywhere(desk: Desk, viola: int) -> None:
    here, elsewhere = sign_in(desk, "viola"), sign_in(desk, "viola")
    menu = here.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="API tokens")).to_be_visible()
    for page in ("Users", "Access keys"):
        expect(menu.get_by_role("link", name=page)).to_have_count(0)

    menu.get_by_role("link", name="viola").click()
    expect(here.locator(".sessions > li")).to_have_count(2)
    expect(here.get_by_text("of rooms: sees APIs, connections and traffic")).to_be_visible()
    here.get_by_role("button", name="Sign out everywhere").click()
    expect(here.get_by_role("heading", name="Sign in")).to_be_visible()
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()


def press(page: Page, name: str | re.Pattern[str], role: str) -> None:
    """Use a control as the keyboard does."""
    page.get_by_role(role, name=name).focus()  # type: ignore[arg-type]
    page.keyboard.press("Enter")


def sign_in(desk: Desk, username: str) -> Page:
    page = desk.tabs.open(f"{desk.gateway.endpoint}/signin", viewport={"width": 1440, "height": 900})
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()
    return page
