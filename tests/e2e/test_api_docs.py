"""The description of the REST API in Swagger UI: served from here, under the same rules as every page."""

from playwright.sync_api import expect

from tests.e2e.conftest import Served, Tab


def test_the_viewer_shows_the_operations_and_calls_them_with_the_session(served: Served, tab: Tab) -> None:
    page = tab(served.setup_link)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password", exact=True).fill("a-cactus-in-the-sun")
    page.get_by_label("Password, once more").fill("a-cactus-in-the-sun")
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.goto(f"{served.url}/api/v1/docs/")
    page.get_by_role("button", name="POST /api/v1/tokens").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("201")
