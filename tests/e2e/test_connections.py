"""The pages of connections with real clients: what changes in place, what is sent, how they are closed, for whom."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.e2e.conftest import Desk, Theme, check_fits
from tests.support.gateway import PATIENCE, Api, Gateway, answer, mock, one_way, two_way, wait_until
from tests.support.rawsocket import RawClient
from tests.support.rest import RestClient


@dataclass
class Client:
    """A WebSocket client, and the id of its connection."""

    socket: ClientConnection
    connection_id: str

    def next(self) -> str | bytes:
        return self.socket.recv(timeout=PATIENCE)

    def close_of(self) -> tuple[int, str]:
        """The code and the reason of the gateway's close frame."""
        with pytest.raises(ConnectionClosed) as closed:
            self.socket.recv(timeout=PATIENCE)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason


Join = Callable[..., Client]


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Api:
    return gateway.api(
        integrations={
            "who": mock(IntegrationResponses=[answer(template='{"you": 1}')]),
            "failing": mock('{"statusCode": 500}', IntegrationResponses=[answer()]),
        },
        routes={
            "who": two_way("who"),
            "$default": one_way("who"),
            "fail": one_way("failing"),
            "$disconnect": one_way("who"),
        },
    )


@pytest.fixture
def join(api: Api, ann: RestClient) -> Iterator[Join]:
    """Connects clients, which leave in the end; returns once the list knows them, and in the end once it is empty.

    Each connects in a millisecond of its own, so that the list has them in this order.
    """
    with ExitStack() as clients:
        known: set[str] = set()

        def make(query: str = "", **options: str) -> Client:
            url = f"{api.url}?{query}" if query else api.url
            socket = clients.enter_context(
                connect(url, compression=None, ping_interval=None, close_timeout=1, **options)
            )
            new = wait_until(lambda: ids_of(ann, api) - known)
            known.update(new)
            [connection_id] = new
            joined = time.time_ns() // 10**6
            wait_until(lambda: time.time_ns() // 10**6 > joined)
            return Client(socket, connection_id)

        yield make
    wait_until(lambda: not ids_of(ann, api))


def ids_of(ann: RestClient, api: Api) -> set[str]:
    return {each["connectionId"] for each in ann.get(f"connections?apiId={api.api_id}&pageSize=100")["items"]}


def row(page: Page, client: Client) -> Locator:
    return page.locator(f'tr[data-id="{client.connection_id}"]')


def cell(page: Page, client: Client, name: str) -> Locator:
    return row(page, client).locator(f'[data-cell="{name}"]')


def open_list(desk: Desk, api: Api, query: str = "", *, theme: Theme = "light", width: int = 1440) -> Page:
    return desk.open(f"/connections?api={api.api_id}{query}", theme=theme, width=width)


def open_one(desk: Desk, client: Client, *, theme: Theme = "light", width: int = 1440) -> Page:
    return desk.open(f"/connections/{client.connection_id}", theme=theme, width=width)


# the list


def test_rows_change_in_place_new_ones_wait_and_ended_ones_stay(desk: Desk, api: Api, join: Join) -> None:
    first, second = join(), join()
    page = open_list(desk, api)
    expect(page.locator("tr[data-id]")).to_have_count(2)
    expect(cell(page, first, "in")).to_have_text("0")

    first.socket.send('{"action":"who"}')
    expect(cell(page, first, "in")).to_have_text("1")
    expect(cell(page, first, "route")).to_have_text("who")
    expect(cell(page, first, "status")).to_have_text("200")
    first.socket.send('{"action":"fail"}')
    expect(cell(page, first, "errors")).to_have_text("1")
    expect(cell(page, first, "status")).to_have_attribute("data-tone", "bad")

    second.socket.close()
    expect(row(page, second)).to_have_class(re.compile("ended"))
    expect(row(page, second)).to_contain_text(re.compile(r"closed \d+s ago"))
    expect(row(page, second).get_by_role("checkbox")).to_be_disabled()

    third = join()
    bar = page.get_by_role("link", name="1 new connection: load the list again")
    expect(bar).to_be_visible()
    expect(row(page, third)).to_have_count(0)
    bar.click()
    expect(row(page, third)).to_be_visible()
    expect(row(page, second)).to_have_count(0)


def test_without_auto_refresh_nothing_changes(desk: Desk, api: Api, join: Join) -> None:
    client = join()
    page = open_list(desk, api)
    page.get_by_role("switch", name="Auto refresh").click()
    page.wait_for_url("**live=off**")
    expect(page.get_by_role("switch", name="Auto refresh")).to_have_attribute("aria-checked", "false")
    assert page.locator("connection-list").get_attribute("hx-ws:connect") is None

    client.socket.send('{"action":"who"}')
    client.next()
    expect(cell(page, client, "in")).to_have_text("0")
    page.get_by_role("link", name="Refresh", exact=True).click()
    expect(cell(page, client, "in")).to_have_text("1")


def test_cells_filter_chips_are_taken_away_and_back_goes_back(desk: Desk, api: Api, join: Join) -> None:
    odd = join(user_agent_header="Odd/1.0")
    even = join(user_agent_header="Even/2.0")
    page = open_list(desk, api)
    expect(row(page, even)).to_be_visible()

    row(page, odd).get_by_text("Odd/1.0").hover()
    row(page, odd).get_by_role("link", name="Only user agent Odd/1.0").click()
    page.wait_for_url("**agent=Odd**")
    expect(row(page, odd)).to_be_visible()
    expect(row(page, even)).to_have_count(0)
    page.go_back()
    expect(row(page, even)).to_be_visible()
    page.go_forward()
    page.get_by_role("link", name="Remove the filter User agent contains").click()
    expect(row(page, even)).to_be_visible()


def test_a_view_is_saved_and_used(desk: Desk, api: Api, join: Join) -> None:
    fine, failing = join(), join()
    failing.socket.send('{"action":"fail"}')
    page = open_list(desk, api)
    expect(cell(page, failing, "errors")).to_have_text("1")

    page.get_by_text("More filters").click()
    page.get_by_label("Has errors").check()
    page.get_by_role("button", name="Filter").click()
    expect(row(page, fine)).to_have_count(0)
    page.locator("summary", has_text="Views").click()
    page.get_by_role("button", name="Save these filters").click()
    page.get_by_label("Name").fill("Failing <b>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The view “Failing <b>” is in the menu of views.")).to_be_visible()

    page.goto(f"{desk.gateway.endpoint}/connections")
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="Failing <b>").click()
    expect(row(page, failing)).to_be_visible()
    expect(row(page, fine)).to_have_count(0)
    page.locator("summary", has_text="Failing <b>").click()
    page.get_by_role("button", name="Delete the view Failing <b>").click()
    page.locator("summary", has_text="Views").click()
    expect(page.get_by_role("link", name="Failing <b>")).to_have_count(0)


def test_columns_are_put_in_order_with_the_keyboard_and_stay_so(desk: Desk, api: Api, join: Join) -> None:
    join()
    page = open_list(desk, api)
    titles = page.locator("thead th")
    before = titles.all_inner_texts()
    assert before[2:5] == ["API", "Stage", "Principal"]

    page.locator("summary", has_text="Columns").click()
    up = page.get_by_role("button", name="Move Principal up")
    up.focus()
    page.keyboard.press("Enter")
    expect(up).to_be_focused()
    expect(page.get_by_text("Principal is 2 of 14.")).to_be_attached()
    page.keyboard.press("Space")
    page.keyboard.press("Space")  # it is the first already
    expect(page.get_by_text("Principal is 1 of 14.")).to_be_attached()
    page.get_by_role("checkbox", name="Stage", exact=True).uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(titles).to_have_count(len(before) - 1)
    page.reload()
    assert titles.all_inner_texts()[2:5] == ["Principal", "API", "Source IP"]

    page.locator("summary", has_text="Columns").click()
    page.get_by_role("button", name="Move Principal down").click()
    page.get_by_role("checkbox", name="Stage", exact=True).check()
    for _ in range(12):
        page.get_by_role("button", name="Move Stage up").click()
    page.get_by_role("button", name="Show these").click()
    expect(titles.nth(2)).to_have_text("Stage")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_columns_are_chosen_on_a_phone(desk: Desk, api: Api, join: Join, theme: Theme) -> None:
    join()
    page = open_list(desk, api, theme=theme, width=390)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("summary", has_text="Columns").click()
    menu, button = page.locator(".columns-menu"), page.get_by_role("button", name="Show these")
    expect(button).to_be_in_viewport(ratio=1)
    assert is_inside(button, menu)
    check_fits(page)

    # It stays in its place while the list above it scrolls.
    place = button.bounding_box()
    last = page.get_by_role("checkbox", name="Node", exact=True)
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport(ratio=1)
    assert button.bounding_box() == place
    desk.check_accessibility(page)


def is_inside(inner: Locator, outer: Locator) -> bool:
    small, large = inner.bounding_box(), outer.bounding_box()
    assert small is not None
    assert large is not None
    return (
        large["x"] >= 0
        and large["x"] <= small["x"]
        and large["y"] <= small["y"]
        and small["x"] + small["width"] <= large["x"] + large["width"]
        and small["y"] + small["height"] <= large["y"] + large["height"]
    )


# what is done to connections


def test_a_message_goes_to_those_that_are_ticked(desk: Desk, api: Api, join: Join, ann: RestClient) -> None:
    clients = [join() for _ in range(4)]
    page = open_list(desk, api)
    # Youngest first: a range from the first row to the third leaves out the oldest.
    page.locator("input[name=ids]").nth(0).click()
    page.locator("input[name=ids]").nth(2).click(modifiers=["Shift"])
    expect(page.get_by_role("status").filter(has_text="3 selected")).to_be_visible()
    page.get_by_role("button", name="Send…").click()

    dialog = page.get_by_role("dialog", name="Send to 3 connections")
    send = dialog.get_by_role("button", name="Send", exact=True)
    message = dialog.get_by_label("Message")
    message.fill('{"news":\n  oops}')
    expect(dialog.get_by_role("status")).to_contain_text("Not JSON: line 2, column 3")
    dialog.get_by_label("Type that number").fill("4")
    expect(send).to_be_disabled()
    message.fill('{"news": 1}')
    dialog.get_by_label("Type that number").fill("3")
    clients[2].socket.close()
    expect(row(page, clients[2])).to_have_class(re.compile("ended"))
    send.click()

    expect(dialog.get_by_role("heading", name="Sent: 2 of 3")).to_be_visible()
    expect(dialog.locator("[data-result=gone]")).to_have_text("1")
    expect(dialog.get_by_role("row", name=f"{clients[2].connection_id} gone")).to_be_visible()
    assert [clients[1].next(), clients[3].next()] == ['{"news": 1}'] * 2
    [entry] = ann.get("audit-entries?action=Broadcast&pageSize=1")["items"]
    assert entry["after"]["results"]["accepted"] == 2
    assert entry["actor"]["name"] == "ann"


def test_all_that_match_are_disconnected_with_a_code_and_a_reason(desk: Desk, api: Api, join: Join) -> None:
    clients = [join() for _ in range(27)]
    page = open_list(desk, api, "&size=25")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Select all 27 that match").click()
    page.get_by_role("button", name="Disconnect…").click()

    dialog = page.get_by_role("dialog", name="Disconnect 27 connections")
    dialog.get_by_role("radio", name="A code of your own").check()
    dialog.get_by_label("Your code").fill("4001")
    reason = dialog.get_by_label("Reason, for the client")
    reason.fill("ü" * 62)
    expect(dialog.get_by_role("status")).to_have_text("1 bytes too many: at most 123 in UTF-8.")
    reason.fill("Maintenance ü")
    dialog.get_by_label("Type that number").fill("27")
    late = join()
    dialog.get_by_role("button", name="Disconnect", exact=True).click()

    dialog = page.get_by_role("dialog", name="Disconnect 28 connections")
    expect(dialog.get_by_role("alert")).to_contain_text("28 connections match, not 27: nothing was done")
    expect(dialog.get_by_role("button", name="Disconnect", exact=True)).to_be_disabled()
    dialog.get_by_label("Type that number").fill("28")
    dialog.get_by_role("button", name="Disconnect", exact=True).click()
    expect(dialog.get_by_role("heading", name="Disconnected: 28 of 28")).to_be_visible()
    assert {client.close_of() for client in [*clients, late]} == {(4001, "Maintenance ü")}
    dialog.get_by_role("button", name="Done").click()
    expect(page.locator("tr.ended")).to_have_count(25, timeout=20_000)


def test_what_is_stopped_tells_what_was_not_done(desk: Desk, api: Api, join: Join, ann: RestClient) -> None:
    clients = [join() for _ in range(3)]
    page = open_list(desk, api)
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Disconnect…").click()
    dialog = page.get_by_role("dialog", name="Disconnect 3 connections")
    dialog.get_by_label("Type that number").fill("3")
    # Both in one turn, so that it is stopped before anything is done.
    dialog.evaluate("""each => {
      each.querySelector("button[type=submit]").click();
      each.querySelector("[data-stop]").click();
    }""")

    expect(dialog.get_by_role("heading", name="Stopped. Disconnected: 0 of 3")).to_be_focused()
    expect(dialog.locator("[data-result=notDone]")).to_have_text("3")
    expect(dialog.get_by_role("row", name=f"{clients[0].connection_id} not done")).to_be_visible()
    expect(dialog.get_by_role("button", name="Stop")).to_be_hidden()
    assert ids_of(ann, api) == {client.connection_id for client in clients}
    [entry] = ann.get("audit-entries?action=DisconnectAll&pageSize=1")["items"]
    assert entry["after"]["notDone"] == 3
    dialog.get_by_role("button", name="Done").click()

    # The rest can be done afterwards.
    page.get_by_role("button", name="Disconnect…").click()
    dialog.get_by_label("Type that number").fill("3")
    dialog.get_by_role("button", name="Disconnect", exact=True).click()
    expect(dialog.get_by_role("heading", name="Disconnected: 3 of 3")).to_be_visible()
    expect(dialog.get_by_text("not done")).to_be_hidden()


def test_those_that_do_not_read_are_busy_and_tried_again(desk: Desk, gateway: Gateway, ann: RestClient) -> None:
    small = gateway.api(
        routes={"x": one_way()}, limits={"sendBuffer": 20_000, "slowClientTimeout": 0, "pingInterval": 0}
    )
    with RawClient(gateway.port, receive_buffer=4096) as raw:
        assert raw.upgrade(f"/ws/{small.api_id}/{small.stage}").status == 101
        [connection_id] = wait_until(lambda: ids_of(ann, small))
        page = open_list(desk, small)
        dialog = page.get_by_role("dialog")
        for size in (15_000, 1_000, 100, 14):
            wait_until(lambda size=size: all(send(ann, connection_id, size) == "busy" for _ in range(3)))
        page.get_by_role("button", name=f"Send to {connection_id}").click()
        dialog.get_by_role("radio", name="Text", exact=True).check()
        dialog.get_by_label("Message").fill("are you there?")
        dialog.get_by_label("Message").press("Control+Enter")
        expect(dialog.locator("[data-result=busy]")).to_have_text("1")

        reader = threading.Thread(target=read_until_closed, args=(raw,))
        reader.start()
        wait_until(lambda: ann.get(f"connections/{connection_id}")["live"]["waiting"] == 0)
        dialog.get_by_role("button", name="Retry those that were busy").click()
        expect(dialog.locator("[data-result=accepted]")).to_have_text("1")
        ann("DELETE", f"connections/{connection_id}")
        reader.join(PATIENCE)


def send(ann: RestClient, connection_id: str, size: int) -> str:
    return str(ann.post(f"connections/{connection_id}/send", {"text": "x" * size})["result"])


def read_until_closed(raw: RawClient) -> None:
    while raw.socket.recv(65_536):
        pass


def test_the_keyboard_does_it_all(desk: Desk, api: Api, join: Join) -> None:
    client = join()
    page = open_list(desk, api)
    expect(row(page, client)).to_be_visible()
    keyboard = page.keyboard

    keyboard.press("/")
    expect(page.get_by_label("Connection id")).to_be_focused()
    keyboard.type(f"{client.connection_id[:6]}*")
    keyboard.press("Enter")
    page.wait_for_url("**id=**")
    row(page, client).get_by_role("checkbox").focus()
    keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Send…"))
    keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Message")).to_be_focused()
    keyboard.type('"hi"')
    keyboard.press("Control+Enter")
    expect(dialog.get_by_role("heading", name="Sent: 1 of 1")).to_be_focused()
    assert client.next() == '"hi"'
    keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def tab_to(page: Page, goal: Locator) -> None:
    """Press Tab until it has the focus."""
    for _ in range(60):
        if goal.evaluate("each => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")


# one connection


def test_a_connections_page_follows_it_until_it_ends(desk: Desk, api: Api, join: Join) -> None:
    client = join("room=blue&token=hidden", additional_headers={"Authorization": "Bearer hidden"})
    page = open_one(desk, client)
    expect(page.get_by_text("room=blue&token=********")).to_be_visible()
    expect(page.get_by_text("hidden")).to_have_count(0)
    client.socket.send('{"action":"who"}')
    expect(page.locator("[data-cell=in]")).to_have_text("1")
    expect(page.locator("[data-cell=answer]")).to_contain_text('"sourceIp": "127.0.0.1"')

    page.get_by_label("Message").fill('{"hello": "you"}')
    page.get_by_label("Message").press("Control+Enter")
    expect(page.get_by_text("Sent: it is in the connection's send buffer.")).to_be_visible()
    client.next()
    assert client.next() == '{"hello": "you"}'

    page.get_by_role("button", name="Disconnect…").click()
    page.get_by_role("radio", name="1008").check()
    page.get_by_label("Reason, for the client").fill("enough")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect", exact=True).click()
    assert client.close_of() == (1008, "enough")


def test_a_page_says_that_its_connection_has_ended(desk: Desk, join: Join) -> None:
    client = join()
    page = open_one(desk, client)
    expect(page.get_by_text("open", exact=True)).to_be_visible()
    client.socket.close()
    expect(page.get_by_text("This connection has ended")).to_be_visible()
    expect(page.get_by_role("button", name="Disconnect…")).to_have_count(0)
    expect(page.get_by_text("closed", exact=True)).to_be_visible()


def test_frames_are_shown_as_they_come_and_are_known_for_a_while(desk: Desk, join: Join, ann: RestClient) -> None:
    client = join()
    page = open_one(desk, client)
    expect(page.get_by_text("Nothing yet: send something")).to_be_visible()
    frames = page.get_by_role("list", name="Frames").get_by_role("listitem")

    client.socket.send('{"action":"who","list":[1]}')
    expect(frames.nth(0)).to_contain_text(re.compile(r"in.*message.*who.*MOCK.*200.*ms", re.DOTALL))
    expect(frames.nth(0).locator("pre")).to_have_text('{\n  "action": "who",\n  "list": [\n    1\n  ]\n}')
    expect(frames.nth(1)).to_contain_text(re.compile(r"out.*answer.*\{.*you", re.DOTALL))
    page.get_by_label("Pretty JSON").uncheck()
    expect(frames.nth(0).locator("pre")).to_have_text('{"action":"who","list":[1]}')

    page.get_by_role("button", name="Pause").click()
    ann.post(f"connections/{client.connection_id}/send", {"text": "from the API"})
    page.get_by_role("button", name="Resume (1)").click()
    expect(frames.nth(2)).to_contain_text(re.compile(r"out.*push.*from the API", re.DOTALL))

    client.socket.close(4000, "enough <b>")
    expect(page.get_by_text("This connection has ended")).to_be_visible()
    expect(frames.last).to_contain_text("4000 enough <b>")
    wait_until(lambda: ann("GET", f"connections/{client.connection_id}").status == 404)
    gone = page.request.get(page.url)
    assert gone.status == 404
    assert "Its last frames" in gone.text()
    assert "4000 enough &lt;b&gt;" in gone.text()


def test_what_is_copied_works(desk: Desk, gateway: Gateway, join: Join) -> None:
    client = join()
    page = open_one(desk, client)
    texts = {}
    for name in ("curl", "boto3", "AWS CLI", "wscat"):
        page.get_by_role("tab", name=name).click()
        texts[name] = page.get_by_role("tabpanel").get_by_role("code").inner_text()
    environment = {**gateway.credentials(), "PATH": os.environ["PATH"]}
    for command in (["sh", "-c", texts["curl"]], ["python", "-c", texts["boto3"]]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=6 * PATIENCE)
        assert done.returncode == 0, done.stderr + done.stdout
        assert json.loads(client.next()) == {"hello": "world"}
    assert f"--connection-id={client.connection_id}" in texts["AWS CLI"].replace("'", "")
    assert texts["wscat"].startswith("npx wscat --connect ws://")


# how it looks, and that nothing gets out of its place


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_and_are_accessible(desk: Desk, api: Api, join: Join, theme: Theme, width: int) -> None:
    client = join("room=blue", user_agent_header="Probe/1.0 " + "x" * 400)
    client.socket.send('{"action":"fail"}')
    page = open_list(desk, api, "&agent=probe", theme=theme, width=width)
    expect(cell(page, client, "errors")).to_have_text("1")
    page.get_by_label("Select all on this page").check()
    check_fits(page)
    desk.check_accessibility(page)
    page.get_by_role("button", name="Disconnect…").click()
    desk.check_accessibility(page)

    page = open_one(desk, client, theme=theme, width=width)
    expect(page.locator("[data-cell=errors]")).to_have_text("1")
    check_fits(page)
    desk.check_accessibility(page)


VECTORS = [
    "<script>executed=1</script>",
    "<img src=x onerror=executed=1>",
    "<svg onload=executed=1>",
    "<svg><script>executed=1</script></svg>",
    "<iframe srcdoc='<script>parent.executed=1</script>'></iframe>",
    "<details open ontoggle=executed=1>",
    "<input autofocus onfocus=executed=1>",
    "<video><source onerror=executed=1></video>",
    "<body onload=executed=1>",
    "<a href=javascript:executed=1>x</a>",
    "<math><mi xlink:href=javascript:executed=1>x</mi></math>",
    "<object data=javascript:executed=1></object>",
    "<style>@import 'javascript:executed=1'</style>",
    "<template><script>executed=1</script></template>",
    "<div hx-get=/ hx-trigger=load hx-on::load=executed=1>",
    "<b hx-on:click=executed=1 hx-trigger=load>",
    "javascript:executed=1",
    "onmouseover=executed=1",
    "{{constructor.constructor('executed=1')()}}",
    "${executed=1}",
]
BREAKS = [
    "",
    '">',
    "'>",
    "</td></tr></table>",
    "-->",
    "</title>",
    "</textarea>",
    "`",
    "\\u003c",
    '" autofocus onfocus="',
]


def test_nothing_that_a_client_wrote_is_executed(desk: Desk, api: Api, gateway: Gateway, ann: RestClient) -> None:
    payloads = [f"{before}{vector}" for before in BREAKS for vector in VECTORS]
    assert len(payloads) == 200
    with ExitStack() as clients:
        for payload in payloads:
            options = {"user_agent_header": payload, "compression": None, "ping_interval": None, "close_timeout": 1}
            clients.enter_context(connect(f"{api.url}?q={quote(payload)}&raw={payload_in_query(payload)}", **options))
        wait_until(lambda: ann.get(f"connections?apiId={api.api_id}")["total"] == 200)
        # What an authorizer would have said of each.
        name_principals(gateway, api)
        page = open_list(desk, api, "&size=100&sort=oldest")
        page.evaluate("executed = 0")
        shown: list[str] = []
        for number in range(2):
            expect(page.locator("tr[data-id]")).to_have_count(100)
            shown += page.locator("tbody td.agent bdi").all_inner_texts()
            assert page.evaluate("executed") == 0
            assert page.locator("main :is(script, img, iframe, video, object, [onerror], [onload])").count() == 0
            ids = page.locator("tr[data-id]").evaluate_all("rows => rows.map((row) => row.dataset.id)")
            for connection_id in ids[3::50]:
                one = desk.open(f"/connections/{connection_id}")
                expect(one.locator("[data-cell=answer]")).to_be_visible()
                assert one.evaluate("window.executed") is None
                assert one.locator("main :is(script, img, iframe, video, object, [onerror], [onload])").count() == 0
            if number == 0:
                page.get_by_role("link", name="Next").click()
                page.wait_for_url("**after=**")
                page.evaluate("executed = 0")
        # Not in the order of connecting: several may connect within the millisecond that the list sorts by.
        assert sorted(shown) == sorted(payload[:120] for payload in payloads)
    wait_until(lambda: not ids_of(ann, api))


def test_no_message_of_a_client_is_executed(desk: Desk, join: Join) -> None:
    client = join()
    page = open_one(desk, client)
    page.evaluate("executed = 0")
    for before in BREAKS:
        for vector in VECTORS:
            client.socket.send(f"{before}{vector}")
    frames = page.get_by_role("list", name="Frames").get_by_role("listitem")
    expect(frames.filter(has_text=f"{BREAKS[-1]}{VECTORS[-1]}")).to_be_visible()
    assert page.evaluate("executed") == 0
    assert page.locator("main :is(script, img, iframe, video, object, [onerror], [onload])").count() == 0


def payload_in_query(payload: str) -> str:
    """As a client would send it that encodes nothing but what no request line may hold."""
    return quote(payload, safe="<>\"'`{}=:;/\\$&")


def name_principals(gateway: Gateway, api: Api) -> None:
    gateway._run("-c", _NAME_PRINCIPALS, api.api_id)


_NAME_PRINCIPALS = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "gatewayapp.settings"
import django
django.setup()
from gatewayapp.models import Connection
for row in Connection.objects.filter(api_id=sys.argv[1]):
    row.authorizer = {"principalId": row.user_agent, row.user_agent: row.user_agent}
    row.save()
"""
