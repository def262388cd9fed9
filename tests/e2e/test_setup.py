"""The first minutes: from the set-up link to the overview."""

import sqlite3
from contextlib import closing
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Served, Tab

GONE = 410


def test_the_set_up_link_leads_to_the_overview_of_the_demo(served: Served, tab: Tab) -> None:
    page = tab(served.setup_link)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password", exact=True).fill("a-cactus-in-the-sun")
    page.get_by_label("Password, once more").fill("a-cactus-in-the-sun")
    page.get_by_role("button", name="Create administrator").click()

    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_role("article", name="chat")).to_be_visible()
    expect(page.get_by_text(served.websocket_url, exact=True)).to_be_visible()

    assert _status(served.setup_link) == GONE, "a link works once"

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("a-cactus-in-the-sun")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_an_expired_link_is_refused(served: Served) -> None:
    with closing(sqlite3.connect(served.data_dir / "nopal.sqlite3", timeout=10)) as database, database:
        database.execute("UPDATE dashboard_setuptoken SET expires_at = datetime('now', '-1 second')")

    assert _status(served.setup_link) == GONE


def _status(url: str) -> int:
    with pytest.raises(HTTPError) as refused:
        urlopen(url)
    with refused.value as answer:
        return answer.code
