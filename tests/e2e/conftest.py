"""The real gateway with its demo, and real browsers; nothing leaves this machine."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    expect,
    sync_playwright,
)

from tests.support.gateway import PATIENCE, Gateway
from tests.support.rest import RestClient, administrator

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
LAST_LINE = "Stop with Ctrl+C."

PASSWORD = "a-cactus-in-the-sun"

Theme = Literal["light", "dark"]
Tab = Callable[[str], Page]
"""Opens a URL in a tab with cookies of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.timeout(300))  # some press hundreds of keys, each drawn by the processor
            item.add_marker(pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install it or set CHROMIUM"))


@dataclass(frozen=True, slots=True)
class Served:
    """A running gateway: what it said when it was ready, and where its state is."""

    greeting: str
    data_dir: Path
    process_id: int

    @property
    def url(self) -> str:
        return self._found(r"Nopal serves (\S+)")

    @property
    def setup_link(self) -> str:
        return self._found(r"(http\S+/setup/\S+)")

    @property
    def chat_url(self) -> str:
        return self._found(r"Chat demo.*\n\s+(http\S+)")

    @property
    def websocket_url(self) -> str:
        return self._found(r"(ws://[^\s?]+)")

    def _found(self, pattern: str) -> str:
        found = re.search(pattern, self.greeting)
        assert found is not None, self.greeting
        return found[1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "data", "--demo") as served:
        yield served


@contextmanager
def serving(data_dir: Path, *arguments: str) -> Iterator[Served]:
    """A gateway as one starts it for the first time, on a free port."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NOPAL_", "DJANGO_"))}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", *arguments, "--port", "0"],
        cwd=ROOT,
        env={**inherited, "NOPAL_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    greeting = _read_greeting(process.stdout)
    rest = threading.Thread(target=process.stdout.read, daemon=True)
    rest.start()
    yield Served(greeting, data_dir, process.pid)
    process.terminate()
    ended = process.wait(30)
    rest.join()
    process.stdout.close()
    assert ended == 0


def _read_greeting(output: IO[str]) -> str:
    """What the gateway says until it is ready, or ends."""
    lines = []
    for line in output:
        lines.append(line)
        if line.startswith(LAST_LINE):
            break
    return "".join(lines)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """For these tests only: while Playwright is open its event loop runs, and no other test could run one."""
    expect.set_options(timeout=3 * PATIENCE * 1000)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
        )


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Opens tabs, and sees to it that no page complained on its console or asked another machine for anything."""
    with tabs(browser) as opened:
        yield opened.open


class Tabs:
    """Opens tabs and notes what their pages complain of."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._opened: list[BrowserContext | Page] = []
        self.examined: set[Page] = set()
        self.complaints: list[str] = []

    def open(self, url: str, **context: Any) -> Page:
        """A tab with cookies of its own.

        `context` are Playwright's options of a browser context, such as `color_scheme` and `viewport`.
        """
        opened = new_context(self._browser, **context)
        self._opened.append(opened)
        return self._show(opened.new_page(), url)

    def open_in(self, context: BrowserContext, url: str, theme: Theme, width: int) -> Page:
        """One more tab of a browser context that others use too, which saves a second each time."""
        page = context.new_page()
        self._opened.append(page)
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        return self._show(page, url)

    def close(self) -> None:
        for each in self._opened:
            each.close()

    def _show(self, page: Page, url: str) -> Page:
        page.set_default_timeout(3 * PATIENCE * 1000)
        page.on("console", lambda message: self._note(page, message))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note_request)
        page.goto(url)
        return page

    def _note(self, page: Page, message: ConsoleMessage) -> None:
        # axe itself tries inline styles, which a page's policy refuses, now or a moment later.
        examined = page in self.examined and "inline style" in message.text
        # htmx closes the sockets of a page that is left; one that is still connecting, Chromium calls failed.
        left = message.text.endswith("WebSocket is closed before the connection is established.")
        if message.type in ("error", "warning") and not examined and not left:
            self.complaints.append(f"{message.text} {message.location['url']}")

    def _note_request(self, request: Request) -> None:
        # data: and blob: are pictures and downloads that a page makes itself.
        if "//127.0.0.1:" not in request.url and not request.url.startswith(("data:", "blob:")):
            self.complaints.append(request.url)


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    return browser.new_context(**{"locale": "en-GB", **options})


@contextmanager
def tabs(browser: Browser) -> Iterator[Tabs]:
    """Tabs that are closed in the end; no page may have complained or asked another machine for anything."""
    opened = Tabs(browser)
    try:
        yield opened
    finally:
        opened.close()
    assert opened.complaints == [], "\n".join(opened.complaints)


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that the tests of the dashboard share; each builds the APIs that it is about."""
    with Gateway(tmp_path_factory.mktemp("e2e") / "data") as gateway:
        yield gateway


@pytest.fixture(scope="package")
def ann(gateway: Gateway) -> RestClient:
    """The administrator, as a caller of the REST API."""
    return administrator(gateway, "ann")


@pytest.fixture(scope="package")
def session(gateway: Gateway, ann: RestClient, browser: Browser) -> StorageState:
    """The cookies of Ann, who has signed in."""
    return sign_in(browser, gateway, "ann")


@pytest.fixture(scope="package")
def profile(browser: Browser, session: StorageState) -> Iterator[BrowserContext]:
    """Ann's browser, with a cache that is warm. The dashboard stores nothing in it but cookies."""
    profile = new_context(browser, storage_state=session)
    yield profile
    profile.close()


def sign_in(browser: Browser, gateway: Gateway, username: str) -> StorageState:
    """The cookies of someone who has signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gateway.endpoint}/signin")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()
    state = context.storage_state()
    context.close()
    return state


@dataclass(frozen=True, slots=True)
class Desk:
    """Where Ann sits: opens pages of the dashboard in tabs where she is signed in."""

    gateway: Gateway
    tabs: Tabs
    profile: BrowserContext

    def open(self, path: str, *, theme: Theme = "light", width: int = 1440) -> Page:
        return self.tabs.open_in(self.profile, f"{self.gateway.endpoint}{path}", theme, width)

    def check_accessibility(self, page: Page, *, rules: Sequence[str] = ()) -> None:
        """No rule of axe, or none of these, is broken that it calls serious or critical."""
        self.tabs.examined.add(page)
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        options = {"resultTypes": ["violations"], "preload": False, **only}
        violations = Axe().run(page, options=options).response["violations"]
        grave = {
            violation["id"]: [node["html"] for node in violation["nodes"]]
            for violation in violations
            if violation["impact"] in ("serious", "critical")
        }
        assert grave == {}


@pytest.fixture
def afterwards() -> Iterator[ExitStack]:
    """What is cleared away once a test's tabs are closed: an open page would ask for what is gone, and complain."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def desk(
    gateway: Gateway, session: StorageState, profile: BrowserContext, browser: Browser, afterwards: ExitStack
) -> Iterator[Desk]:
    with tabs(browser) as opened:
        yield Desk(gateway, opened, profile)
    profile.clear_cookies()
    profile.add_cookies(session["cookies"])


def check_fits(page: Page) -> None:
    """The page is no wider than its window, once it has its styles."""
    page.wait_for_load_state()
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0, f"{page.url} is {width} px too wide"
