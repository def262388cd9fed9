"""Take the pictures of docs/images again: two people in the demo's chat, and the dashboard's pages in both themes.

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

from playwright.sync_api import Browser, Page, StorageState, sync_playwright
from websockets.sync.client import connect

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1120, "height": 640}
WIDE = {"width": 1440, "height": 900}


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("No Chromium: install one, or set CHROMIUM to its path.")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with served() as greeting, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-dev-shm-usage"])
        take_chat(browser, found(r"Chat demo.*\n\s+(http\S+)", greeting))
        take_dashboard(browser, found(r"(http\S+/setup/\S+)", greeting), found(r"(ws://[^\s?\"]+)", greeting))


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


def take_dashboard(browser: Browser, setup_link: str, websocket_url: str) -> None:
    """Every page that is worth a picture, light and dark, while three people chat."""
    base, api_id = re.match(r"http://[^/]+", setup_link), re.search(r"/ws/(\w+)/", websocket_url)
    assert base is not None
    assert api_id is not None
    pages = {
        "overview": "/",
        "connections": "/connections",
        "traffic": "/traffic",
        "client": f"/client?api={api_id[1]}",
        "designer": f"/apis/{api_id[1]}/designer",
    }
    session = sign_in(browser, setup_link)
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
            for name, path in pages.items():
                page.goto(base[0] + path)
                for client in chatting:
                    client.send(json.dumps({"action": "send", "text": f"Hello, this is about {name}."}))
                page.wait_for_timeout(3000)
                page.screenshot(path=IMAGES / f"{name}-{theme}.png")


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
