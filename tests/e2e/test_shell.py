"""The frame of all pages: menu, themes, the keyboard, and that it fits and can be read by everyone."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk, Theme, check_fits


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_frame_fits_and_is_accessible(desk: Desk, theme: Theme, width: int) -> None:
    page = desk.open("/", theme=theme, width=width)

    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)


def test_a_theme_is_chosen_and_kept(desk: Desk) -> None:
    page = desk.open("/", theme="light")
    menu = page.get_by_role("navigation", name="Main")

    menu.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(menu.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")

    menu.get_by_role("button", name="As the system").click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", re.compile(".*"))


def test_on_a_narrow_screen_the_menu_opens_by_keyboard_and_closes_on_escape(desk: Desk) -> None:
    page = desk.open("/", width=390)
    menu = page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()

    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    desk.check_accessibility(page)
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_the_keyboard_skips_to_the_content(desk: Desk) -> None:
    page = desk.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
