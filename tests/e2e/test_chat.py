"""The demo: tabs talk to each other through the gateway and an application that only speaks HTTP."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Served, Tab
from tests.support.gateway import wait_until
from tests.support.ports import listens


def test_two_tabs_talk_to_each_other(served: Served, tab: Tab) -> None:
    ann = _enter(tab, served, "ann")
    bob = _enter(tab, served, "bob")
    expect(ann.get_by_text("bob joined")).to_be_visible()
    expect(_members(ann)).to_have_text(["ann (you)", "bob"])
    expect(_members(bob)).to_have_text(["ann", "bob (you)"])

    _say(ann, "hello <b>bob</b> 🌵")
    expect(_message(bob, "hello <b>bob</b> 🌵")).to_contain_text("ann")
    _say(bob, "hello ann")
    expect(_message(ann, "hello ann")).to_contain_text("bob")
    expect(_message(bob, "hello ann")).to_contain_text("You")

    bob.close()
    expect(ann.get_by_text("bob left")).to_be_visible()
    expect(_members(ann)).to_have_text(["ann (you)"])


def test_a_name_is_asked_for_once(served: Served, tab: Tab) -> None:
    page = tab(served.chat_url)
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Join the room").click()
    expect(_members(page)).to_have_text(["ann (you)"])

    page.reload()
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_connections_outlive_a_restart_of_the_application(served: Served, tab: Tab) -> None:
    ann = _enter(tab, served, "ann")
    opened: list[object] = []
    ann.on("websocket", lambda socket: opened.append(socket))

    with _application_restarted(served):
        _say(ann, "are you back?")
        expect(ann.get_by_text("guest is now ann")).to_be_visible()
        expect(_members(ann)).to_have_text(["ann (you)"])

    assert opened == [], "the page kept its connection"


def test_an_application_that_is_gone_is_said_so(served: Served, tab: Tab) -> None:
    ann = _enter(tab, served, "ann")
    _end(_application(served))

    _say(ann, "hello?")

    expect(ann.get_by_text("The gateway answered: Internal server error")).to_be_visible()
    expect(ann.get_by_role("status")).to_have_text("Connected")


def _enter(tab: Tab, served: Served, name: str) -> Page:
    page = tab(f"{served.chat_url}?name={name}")
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(_members(page)).not_to_have_count(0)
    return page


def _say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").click()


def _message(page: Page, text: str) -> Locator:
    return page.get_by_role("log").get_by_role("listitem").filter(has_text=text)


def _members(page: Page) -> Locator:
    return page.locator("#members li")


def _application(served: Served) -> psutil.Process:
    [application] = psutil.Process(served.process_id).children()
    return application


@contextmanager
def _application_restarted(served: Served) -> Iterator[None]:
    """Another chat application in the place of the present one, as after a deployment."""
    application = _application(served)
    command, environment = application.cmdline(), application.environ()
    _end(application)
    successor = subprocess.Popen(command, env=environment)
    try:
        wait_until(lambda: listens(_port(command)))
        yield
    finally:
        successor.terminate()
        successor.wait(10)


def _end(application: psutil.Process) -> None:
    """Return when nothing takes connections any more; the process itself stays as the gateway's zombie."""
    port = _port(application.cmdline())
    application.terminate()
    wait_until(lambda: not listens(port))


def _port(command: list[str]) -> int:
    return int(command[command.index("--port") + 1])
