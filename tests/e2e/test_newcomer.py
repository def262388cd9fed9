"""From an empty database to people who talk: one person, who knows nothing but what stands on the screen."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.e2e.conftest import PASSWORD, ROOT, Served, Tab, serving
from tests.support.gateway import wait_until
from tests.support.ports import free_port, listens

ROUTES = {
    "$connect": "connect",
    "$disconnect": "disconnect",
    "$default": "default",
    "join": "join",
    "send": "send",
    "who": "who",
}
"""The chat's routes, and the paths of its application that they lead to."""
TWO_WAY = ("$default", "who")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    """A gateway that nobody has used yet."""
    with serving(tmp_path / "data") as served:
        yield served


def test_a_newcomer_builds_a_chat_tests_it_deploys_it_and_sees_it_live(empty: Served, tab: Tab) -> None:
    page = tab(empty.setup_link)
    enter(page)
    make_api(page)
    port = free_port()
    for key, path in ROUTES.items():
        add_route(page, key, f"http://127.0.0.1:{port}/{path}")
    for key in TWO_WAY:
        make_two_way(page, key)
    try_a_message(page)
    deploy(page, "dev")
    websocket_url, callback_url = addresses(page)
    key = access_key(page)
    with chat_application(port, callback_url, key):
        watch_and_talk(page, websocket_url)


def enter(page: Page) -> None:
    """Become the administrator."""
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def make_api(page: Page) -> None:
    """An API with nothing in it, in the designer."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="APIs").click()
    page.get_by_role("link", name="New API").first.click()
    page.get_by_label("Name", exact=True).fill("chat")
    page.get_by_label("Route selection expression").fill("$request.body.action")
    page.get_by_role("button", name="Create API").click()
    page.get_by_role("link", name="Designer").first.click()
    expect(page.get_by_text("No routes yet.")).to_be_visible()


def add_route(page: Page, key: str, address: str) -> None:
    """A route that leads to a new integration."""
    page.get_by_role("button", name="New route").first.click()
    page.get_by_role("combobox", name="Key of the new route").fill(key)
    page.keyboard.press("Enter")
    node(page, key).click()
    panel(page).get_by_role("button", name="Connect…").click()
    page.get_by_role("option", name="New integration…").click()
    panel(page).get_by_label("Address").fill(address)
    panel(page).get_by_role("button", name="Create").click()
    path = address.rpartition("/")[2]
    expect(page.get_by_role("button", name=f"Integration HTTP_PROXY POST /{path}, used by {key}")).to_be_visible()


def make_two_way(page: Page, key: str) -> None:
    node(page, key).click()
    panel(page).get_by_role("switch", name="Two-way").check()
    expect(node(page, key)).to_have_accessible_name(re.compile("two-way"))


def try_a_message(page: Page) -> None:
    """See what a message would do, and keep it as a test case."""
    page.get_by_role("button", name="Test", exact=True).click()
    page.get_by_label("Message from a client").fill('{"action": "send", "text": "hello"}')
    page.get_by_role("button", name="Dry run", exact=True).click()
    result = page.get_by_role("article", name="Result")
    expect(result.get_by_role("heading", name="Takes route send")).to_be_visible()
    expect(result).to_contain_text("/send")
    page.get_by_role("button", name="Save as test case…").click()
    dialog = page.get_by_role("dialog", name="Save as test case")
    dialog.get_by_label("Name").fill("hello is sent")
    dialog.get_by_role("button", name="Save").click()
    expect(panel(page).get_by_text("It passed.")).to_be_visible()


def deploy(page: Page, stage: str) -> None:
    page.get_by_role("button", name="Deploy…").click()
    dialog = page.get_by_role("dialog", name="Deploy the draft")
    expect(dialog).to_contain_text("The test case passes.")
    dialog.get_by_label("Name of the new stage").fill(stage)
    dialog.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("button", name=f"{stage} up to date")).to_be_visible()


def addresses(page: Page) -> tuple[str, str]:
    """Where clients connect, and the base that the backend pushes to, as they stand in the panel."""
    page.get_by_role("button", name=re.compile("^Clients")).click()
    panel(page).get_by_role("tab", name="Details").click()
    websocket_url = panel(page).get_by_text(re.compile("^ws://")).inner_text()
    callbacks = panel(page).get_by_text(re.compile("^http://")).inner_text()
    return websocket_url, callbacks.removesuffix("/@connections")


def access_key(page: Page) -> tuple[str, str]:
    """A key for the application, made on its page; back to the designer then."""
    designer = page.url
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Access keys").click()
    page.get_by_role("link", name="New access key").first.click()
    page.get_by_label("Name", exact=True).fill("chat application")
    page.get_by_label("API", exact=True).select_option(index=1)
    page.get_by_role("button", name="Create access key").click()
    made = [page.get_by_role("button", name=f"Copy {what}") for what in ("access key ID", "secret access key")]
    key_id, secret = (str(each.get_attribute("data-copy")) for each in made)
    page.goto(designer)
    return key_id, secret


def watch_and_talk(page: Page, url: str) -> None:
    """Two people talk while the traffic is laid over the picture."""
    page.get_by_role("switch", name="Show live traffic").check()
    with connect(url, compression=None) as ann, connect(url, compression=None) as bob:
        for client, name in ((ann, "ann"), (bob, "bob")):
            say(client, action="join", name=name, room="cacti")
            heard(client, type="joined", name=name, room="cacti")
        say(ann, action="send", text="do you see me?")
        assert heard(bob, type="message")["text"] == "do you see me?"
        say(bob, action="who")
        assert heard(bob, type="members")["members"] == ["ann", "bob"]
        say(bob, action="unheard of")
        heard(bob, type="help")
        expect(page.get_by_role("button", name=re.compile("^Clients"))).to_contain_text("2 connected")
        expect(node(page, "send")).to_contain_text("/s")


def say(client: ClientConnection, **message: str) -> None:
    client.send(json.dumps(message))


def heard(client: ClientConnection, **members: str) -> dict[str, Any]:
    """The next frame with these members."""
    while True:
        frame: dict[str, Any] = json.loads(client.recv(15))
        if frame.items() >= members.items():
            return frame


@contextmanager
def chat_application(port: int, callback_url: str, key: tuple[str, str]) -> Iterator[None]:
    """The application behind the gateway, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "examples/chat/server.py", "--port", str(port), "--gateway", callback_url],
        cwd=ROOT,
        env={**os.environ, "AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]},
    )
    try:
        wait_until(lambda: listens(port))
        yield
    finally:
        process.terminate()
        process.wait(10)


def panel(page: Page) -> Locator:
    return page.get_by_role("complementary", name="About what is selected")


def node(page: Page, route_key: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^Route {route_key.replace('$', '.')},"))
