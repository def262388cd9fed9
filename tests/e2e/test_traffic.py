"""Traffic while it passes: rows, waterfalls, filters, pause, and doing a message again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.e2e.conftest import Desk, Theme, check_fits
from tests.support.gateway import Api, Gateway, answer, http_proxy, mock, one_way, two_way
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Api:
    return gateway.api(
        integrations={
            "greets": mock(IntegrationResponses=[answer(template='{"said": "hello"}')]),
            "down": http_proxy(f"http://127.0.0.1:{free_port()}/"),
        },
        routes={"hello": two_way("greets"), "fail": one_way("down")},
    )


@pytest.fixture
def client(api: Api) -> Iterator[ClientConnection]:
    with connect(api.url, compression=None) as client:
        yield client


def say(client: ClientConnection, action: str, **members: str) -> None:
    client.send(json.dumps({"action": action, **members}))
    client.recv(15)


def watch(desk: Desk, api: Api, more: str = "", *, theme: Theme = "light", width: int = 1440) -> Page:
    """The page, once its socket is open; it is told of everything since it was asked for."""
    page = desk.open("/", theme=theme, width=width)
    with page.expect_websocket(lambda socket: "/live/traffic/" in socket.url) as opened:
        page.goto(f"{desk.gateway.endpoint}/traffic?api={api.api_id}{more}")
    assert not opened.value.is_closed()
    return page


def test_a_message_appears_and_opens_step_by_step(desk: Desk, api: Api, client: ClientConnection) -> None:
    page = watch(desk, api)
    rows = page.get_by_role("row").filter(has_text="hello")
    say(client, "hello", secret="a-secret-value")
    expect(rows.first).to_contain_text("200")

    rows.first.click()
    trace = page.get_by_role("article")
    for step in ("Received", "Route selected", "Request mapped", "Integration called", "Response mapped"):
        expect(trace.get_by_text(step, exact=True)).to_be_visible()
    trace.get_by_text("Route selected").click()
    expect(trace.get_by_text("$request.body.action = hello")).to_be_visible()
    expect(trace.get_by_text('{"said": "hello"}').last).to_be_visible()

    trace.get_by_role("link", name="Permalink").click()
    expect(page.get_by_role("heading", name="Trace", level=1)).to_be_visible()
    expect(page.get_by_text("Route selected")).to_be_visible()


def test_a_failure_says_which_step_failed_and_why(desk: Desk, api: Api, client: ClientConnection) -> None:
    page = watch(desk, api, "&failed=on")
    say(client, "hello")
    say(client, "fail")
    row = page.get_by_role("row").filter(has_text="fail")
    expect(row).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="hello")).to_have_count(0)

    row.click()
    expect(page.get_by_role("article").get_by_role("listitem").filter(has_text="Integration called")).to_contain_text(
        "Connect call failed"
    )


def test_pausing_holds_what_comes_until_one_asks_for_it(desk: Desk, api: Api, client: ClientConnection) -> None:
    page = watch(desk, api, "&route=hello&kind=message")
    before = page.get_by_role("row").count()
    page.get_by_role("button", name="Pause").click()
    for _ in range(3):
        say(client, "hello")
    expect(page.get_by_role("button", name="3 new")).to_be_visible()
    assert page.get_by_role("row").count() == before
    page.get_by_role("button", name="3 new").click()
    expect(page.get_by_role("row")).to_have_count(before + 3)


def test_a_json_path_finds_its_message(desk: Desk, api: Api, client: ClientConnection) -> None:
    watch(desk, api)
    say(client, "hello", room="blue")
    say(client, "hello", room="red")
    page = desk.open(f"/traffic?api={api.api_id}&path=room&equals=red")
    expect(page.get_by_role("row").filter(has_text='"red"')).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text='"blue"')).to_have_count(0)

    page = desk.open("/traffic?path=room")
    expect(page.get_by_text("Say what must stand at the path.")).to_be_visible()


def test_a_message_is_done_again_changed_and_its_trace_is_shown(desk: Desk, api: Api, client: ClientConnection) -> None:
    page = watch(desk, api)
    say(client, "hello", first="yes")
    page.get_by_role("row").filter(has_text="first").click()
    again = page.get_by_role("region", name="Do it again")
    again.get_by_label("Message").fill('{"action": "hello", "again": true}')
    again.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("region", name="What it would do now")).to_contain_text("$request.body.action = hello")

    again.get_by_label("Message").fill('{"action": "hello", "again": true}')
    again.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", name="Trace", level=1)).to_be_visible()
    expect(page.get_by_text("replay", exact=True)).to_be_visible()
    assert json.loads(client.recv(15)) == {"said": "hello"}


def test_replaying_to_a_connection_that_is_none_says_so(desk: Desk, api: Api, client: ClientConnection) -> None:
    page = watch(desk, api)
    say(client, "hello", mark="here")
    page.get_by_role("row").filter(has_text="here").click()
    again = page.get_by_role("region", name="Do it again")
    again.get_by_label("As if it came from").fill("AAAAAAAAAAAAAAA=")
    again.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no connection AAAAAAAAAAAAAAA=.")


def test_the_traces_are_exported_as_lines_of_json(desk: Desk, api: Api, client: ClientConnection) -> None:
    page = watch(desk, api, "&route=hello")
    say(client, "hello", mark="exported")
    expect(page.get_by_role("row").filter(has_text="exported")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert any("exported" in line["received"]["text"] for line in lines)
    assert {line["routeKey"] for line in lines} == {"hello"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_fit_and_are_accessible(
    desk: Desk, api: Api, client: ClientConnection, theme: Theme, width: int
) -> None:
    page = watch(desk, api, theme=theme, width=width)
    say(client, "hello")
    say(client, "fail")
    row = page.get_by_role("row").filter(has_text="fail").first
    expect(row).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)
