"""Take the pictures of docs/images again: two people in the demo's chat, and the dashboard's pages in both themes.

    scripts/screenshots.py [NAME …]     all of them, or those with these names, such as `chat` and `designer-live`

Starts a gateway of its own with a data directory that is thrown away; needs Chromium (or CHROMIUM, its path).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, Locator, Page, StorageState, sync_playwright
from websockets.sync.client import connect

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1120, "height": 640}
WIDE = {"width": 1440, "height": 900}
CHOSEN = frozenset(sys.argv[1:])
"""The names of those that are taken; all, where there are none."""


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("No Chromium: install one, or set CHROMIUM to its path.")
    IMAGES.mkdir(parents=True, exist_ok=True)
    check_names()
    with served() as greeting, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-dev-shm-usage"])
        if is_chosen("chat"):
            take_chat(browser, found(r"Chat demo.*\n\s+(http\S+)", greeting))
        session = sign_in(browser, found(r"(http\S+/setup/\S+)", greeting))
        websocket_url = found(r"(ws://[^\s?\"]+)", greeting)
        take_dashboard(browser, session, websocket_url)
        take_designer(browser, session, websocket_url)


def check_names() -> None:
    known = {path.stem.removesuffix("-light").removesuffix("-dark") for path in IMAGES.glob("*.png")}
    if unknown := sorted(CHOSEN - known):
        sys.exit(f"There is no picture {', '.join(unknown)}. There are {', '.join(sorted(known))}.")


def is_chosen(name: str) -> bool:
    return not CHOSEN or name in CHOSEN


@contextmanager
def served() -> Iterator[str]:
    """A gateway with its demo: what it says once it is ready."""
    with tempfile.TemporaryDirectory() as data_dir:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--demo", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "NOPAL_DATA_DIR": data_dir, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield "".join(iter(process.stdout.readline, "Stop with Ctrl+C.\n"))
        finally:
            process.terminate()
            process.wait(30)


def take_chat(browser: Browser, url: str) -> None:
    ann, bob = (new_page(browser, f"{url}?name={name}") for name in ("ann", "bob"))
    say(ann, "Hello! Is anyone here?")
    say(bob, "Yes. The gateway holds my socket, the application behind it only ever sees HTTP.")
    say(bob, "It pushed this to you through @connections.")
    say(ann, "And every frame is there on the right.")
    ann.screenshot(path=IMAGES / "chat.png")


def take_dashboard(browser: Browser, session: StorageState, websocket_url: str) -> None:
    """Every page that is worth a picture, light and dark, while three people chat."""
    base, api_id = places(websocket_url)
    pages = {
        "overview": "/",
        "connections": "/connections",
        "traffic": "/traffic",
        "client": f"/client?api={api_id}",
        "designer": f"/apis/{api_id}/designer",
    }
    with ExitStack() as clients:
        chatting = [
            clients.enter_context(connect(f"{websocket_url}?name={name}", ping_interval=None))
            for name in ("ann", "bob", "eve")
        ]
        for theme in ("light", "dark"):
            context = browser.new_context(
                viewport=WIDE, color_scheme=theme, locale="en-GB", timezone_id="UTC", storage_state=session
            )
            page = context.new_page()
            for name, path in filter(lambda each: is_chosen(each[0]), pages.items()):
                page.goto(base + path)
                for client in chatting:
                    client.send(json.dumps({"action": "send", "text": f"Hello, this is about {name}."}))
                page.wait_for_timeout(3000)
                page.screenshot(path=IMAGES / f"{name}-{theme}.png")


def take_designer(browser: Browser, session: StorageState, websocket_url: str) -> None:
    """What the designer shows while one works with it: the pictures of docs/designer.md."""
    base, api_id = places(websocket_url)
    context = browser.new_context(viewport=WIDE, locale="en-GB", timezone_id="UTC", storage_state=session)
    page = context.new_page()
    page.goto(f"{base}/apis/{api_id}/designer")
    node(page, "Route who,").click()
    page.get_by_label("Route key").wait_for()
    page.get_by_role("button", name="Show everything").click()
    take(page, "designer-route")

    page.get_by_role("button", name="Test", exact=True).click()
    page.get_by_label("Message from a client").fill('{"action": "send", "text": "Hello"}')
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Takes route send").wait_for()
    page.get_by_role("button", name="Show everything").click()
    take(page, "designer-test")

    document = yaml.safe_load(page.request.get(f"{base}/apis/{api_id}/interchange/nopal").text())
    document["integrations"]["archive"] = {
        **document["integrations"]["send"],
        "integrationUri": "http://127.0.0.1:1024/",
    }
    document["routes"]["archive"] = {"integration": "archive", "routeResponses": {"$default": {}}}
    give(page, f"{base}/apis/{api_id}/interchange", document)
    page.get_by_role("button", name="Change chat").click()
    take_live(page, f"{base}/apis/{api_id}/designer", websocket_url)

    del document["routes"]["join"]
    document["routes"]["send"]["routeResponses"] = {"$default": {}}
    document["routes"]["typing"] = {"integration": "send"}
    message = {"message": '{"action": "join"}', "expectations": {"routeKey": "join"}}
    document["tests"] = {"joining reaches the room": message}
    give(page, f"{base}/apis/{api_id}/interchange", document, draft=True)
    take(page, "import-preview")
    page.get_by_role("button", name="Change chat").click()
    page.goto(f"{base}/apis/{api_id}/designer")
    page.get_by_role("button", name=re.compile("undeployed change")).click()
    node(page, "Route typing,").wait_for()
    page.get_by_role("button", name="Show everything").click()
    take(page, "designer-changes")
    page.get_by_role("button", name="Deploy…").click()
    dialog = page.get_by_role("dialog", name="Deploy the draft")
    dialog.get_by_text("joining reaches the room").wait_for()
    take(page, "designer-deploy")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="History").click()
    page.get_by_role("dialog", name="What stages served").get_by_role("listitem").nth(1).wait_for()
    take(page, "designer-history")

    empty = {"nopal": 1, "api": {"name": "empty", "routeSelectionExpression": "$request.body.action"}}
    give(page, f"{base}/apis/import", empty)
    page.get_by_role("button", name="Make the API").click()
    page.get_by_role("link", name="Designer").click()
    page.get_by_text("No routes yet.").wait_for()
    take(page, "designer-empty")


def take_live(page: Page, url: str, websocket_url: str) -> None:
    """The traffic of people who chat, and of one whose messages fail."""
    with ExitStack() as clients:
        chatting = [
            clients.enter_context(connect(f"{websocket_url}?name={name}", ping_interval=None))
            for name in ("ann", "bob")
        ]
        page.goto(url)
        page.get_by_role("switch", name="Show live traffic").check()
        for _ in range(12):
            for client in chatting:
                client.send(json.dumps({"action": "send", "text": "Is it in the archive?"}))
                client.send(json.dumps({"action": "who"}))
            chatting[0].send(json.dumps({"action": "archive"}))
            page.wait_for_timeout(250)
        node(page, "Route archive,").click()
        page.get_by_text("last error").wait_for()
        page.get_by_role("button", name="Show everything").click()
        take(page, "designer-live")


def give(page: Page, url: str, document: dict[str, Any], *, draft: bool = False) -> None:
    """See what importing the document would change."""
    page.goto(url)
    page.get_by_label("Document", exact=True).fill(json.dumps(document))
    page.get_by_label("The draft only").set_checked(draft)
    page.get_by_role("button", name="Show what it would change").click()
    page.get_by_role("heading", name="What this would change").wait_for()


def node(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{name}"))


def take(page: Page, name: str) -> None:
    """The page as it is now, in both themes; what moves has come to rest."""
    if not is_chosen(name):
        return
    page.wait_for_timeout(600)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=IMAGES / f"{name}-{theme}.png", animations="disabled")


def places(websocket_url: str) -> tuple[str, str]:
    """Where the dashboard is, and the demo's API."""
    place = re.match(r"ws(://[^/]+)/ws/(\w+)/", websocket_url)
    assert place is not None
    return f"http{place[1]}", place[2]


def sign_in(browser: Browser, setup_link: str) -> StorageState:
    context = browser.new_context()
    page = context.new_page()
    page.goto(setup_link)
    page.get_by_label("Username").fill("ann")
    for label in ("Password", "Password, once more"):
        page.get_by_label(label, exact=True).fill("a-cactus-in-the-sun")
    page.get_by_role("button", name="Create administrator").click()
    page.get_by_role("heading", name="Overview").wait_for()
    return context.storage_state()


def new_page(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport=SIZE, color_scheme="light", locale="en-GB").new_page()
    page.goto(url)
    return page


def say(page: Page, text: str) -> None:
    page.get_by_role("status").get_by_text("Connected").wait_for()
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    page.get_by_role("log").get_by_text(text).wait_for()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        sys.exit(f"The gateway did not start as expected:\n{text}")
    return match[1]


if __name__ == "__main__":
    main()
