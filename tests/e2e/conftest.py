"""The real gateway with its demo, and real browsers; nothing leaves this machine."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
LAST_LINE = "Stop with Ctrl+C."

Tab = Callable[[str], Page]
"""Opens a URL in a tab with cookies of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
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
    data_dir = tmp_path / "data"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NOPAL_", "DJANGO_"))}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--demo", "--port", "0"],
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
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
        )


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Opens tabs, and sees to it that no page complained on its console or asked another machine for anything."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def open_tab(url: str) -> Page:
        contexts.append(browser.new_context(locale="en-GB"))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if "//127.0.0.1:" in request.url else complaints.append(request.url))
        page.goto(url)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert complaints == []
