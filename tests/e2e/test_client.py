"""The test client: a person connects, talks and closes, with what no browser could send, and only to our own stages."""

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Desk, Theme, check_fits
from tests.support.gateway import Api, Gateway, answer, mock, one_way, two_way
from tests.support.rest import RestClient


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Api:
    """Answers `hello`, keeps silent on `quiet`."""
    greets = mock(IntegrationResponses=[answer(template='{"said": "hello to you"}')])
    return gateway.api(
        integrations={"greets": greets, "silent": mock()},
        routes={"hello": two_way("greets"), "quiet": one_way("silent")},
    )


def open_client(desk: Desk, api: Api, *, theme: Theme = "light", width: int = 1440) -> Page:
    return desk.open(f"/client?api={api.api_id}&stage={api.stage}", theme=theme, width=width)


def connect(page: Page) -> Locator:
    """Connect, and give the log."""
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("status").get_by_text("connected", exact=True)).to_be_visible()
    return page.get_by_role("log")


def test_a_message_goes_out_and_its_answer_comes_back_with_the_keyboard_alone(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    page.get_by_role("button", name="Connect").focus()
    page.keyboard.press("Enter")
    log = page.get_by_role("log")
    expect(log.get_by_text("Connected")).to_be_visible()

    page.get_by_label("Message", exact=True).focus()
    page.keyboard.press("Control+Enter")
    expect(log.get_by_text('"said": "hello to you"')).to_be_visible()

    page.get_by_role("button", name="Pretty").press("Space")
    expect(log.get_by_text('{"said": "hello to you"}', exact=True)).to_be_visible()
    page.get_by_role("button", name="Ping").press("Enter")
    expect(log.get_by_text("Pong")).to_be_visible()


def test_what_is_sent_while_it_connects_goes_out_once_it_is_connected(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    connect_and_send_at_once(page)
    expect(page.get_by_role("log").get_by_text('"said": "hello to you"')).to_be_visible()


def test_what_was_sent_and_never_connected_is_told_of(desk: Desk, gateway: Gateway) -> None:
    page = open_client(desk, gateway.api(integrations={"guard": mock()}, routes={"$connect": one_way("guard")}))
    page.get_by_label("Stage").evaluate("select => { select.add(new Option('gone')); select.value = 'gone'; }")
    connect_and_send_at_once(page)
    expect(page.get_by_role("log").get_by_text('Not sent for want of a connection: {"action"')).to_be_visible()


def connect_and_send_at_once(page: Page) -> None:
    """Before any answer can have come."""
    page.evaluate(
        "document.querySelectorAll('[data-open], [data-send-form] [type=submit]').forEach(button => button.click())"
    )


def test_headers_query_and_agent_reach_the_gateway_as_they_were_set(desk: Desk, api: Api, ann: RestClient) -> None:
    page = open_client(desk, api)
    for kind, name, value in (
        ("Query", "room", "a b&c"),
        ("Headers", "X-Team", "blue"),
        ("Headers", "User-Agent", "no browser at all"),
        ("Headers", "Origin", "https://elsewhere.example"),
    ):
        section = page.get_by_role("group").filter(has_text=kind)
        if not section.evaluate("section => section.open"):
            section.locator("summary").click()
        section.get_by_role("button", name="Add").click()
        section.get_by_placeholder("Name").last.fill(name)
        section.get_by_placeholder("Value").last.fill(value)
    expect(page.get_by_text("?room=a+b%26c")).to_be_visible()
    connect(page)

    [connection] = ann.get(f"connections?apiId={api.api_id}&userAgent=no%20browser")["items"]
    handshake = ann.get(f"connections/{connection['connectionId']}")["handshake"]
    headers = {header["name"].lower(): header["value"] for header in handshake["headers"]}
    assert headers["x-team"] == "blue"
    assert headers["origin"] == "https://elsewhere.example"
    assert handshake["queryString"] == "room=a%20b%26c"


def test_a_close_reaches_both_sides_with_its_code_and_reason(desk: Desk, api: Api, ann: RestClient) -> None:
    page = open_client(desk, api)
    log = connect(page)
    page.get_by_text("Close", exact=True).first.click()
    page.get_by_label("Code").fill("4001")
    page.get_by_label("Reason").fill("lunch")
    page.get_by_role("button", name="Close the connection").click()
    expect(log.get_by_text("with 4001: lunch")).to_be_visible()

    log = connect(page)
    [connection] = ann.get(f"connections?apiId={api.api_id}")["items"]
    ann("DELETE", f"connections/{connection['connectionId']}?code=4002&reason=bye")
    expect(log.get_by_text("with 4002: bye")).to_be_visible()
    expect(page.get_by_role("status").get_by_text("closed with 4002")).to_be_visible()


def test_a_refused_handshake_shows_status_headers_and_body(desk: Desk, gateway: Gateway) -> None:
    refusing = mock('{"statusCode": 403}', IntegrationResponses=[answer("/403/", '{"why": "not today"}'), answer()])
    api = gateway.api(integrations={"no": refusing}, routes={"$connect": one_way("no")})
    page = open_client(desk, api)
    page.get_by_role("button", name="Connect").click()

    expect(page.get_by_role("status").get_by_text("refused with 403")).to_be_visible()
    expect(page.get_by_role("log").get_by_text("Refused")).to_be_visible()


def test_binary_frames_are_checked_and_sent(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    log = connect(page)
    page.get_by_label("Kind of message").select_option("base64")
    page.get_by_label("Message", exact=True).fill("not base64!")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("This is not Base64")).to_be_visible()

    page.get_by_label("Message", exact=True).fill(base64.b64encode(b"\x00\x01").decode())
    page.get_by_role("button", name="Send").click()
    expect(log.get_by_text("2 B binary")).to_be_visible()
    expect(log.get_by_text("with 1003")).to_be_visible()


def test_json_tells_where_its_mistake_is(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    page.get_by_label("Kind of message").select_option("json")
    page.get_by_label("Message", exact=True).fill('{\n  "action": hello\n}')
    expect(page.get_by_text("line 2, column 13")).to_be_visible()


def test_a_large_message_reaches_the_gateway(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    log = connect(page)
    page.get_by_label("Message", exact=True).fill(json.dumps({"action": "hello", "filling": "x" * 100_000}))
    page.get_by_role("button", name="Send").click()
    expect(log.get_by_text("hello to you")).to_be_visible()


def test_the_log_is_filtered_downloaded_and_follows_until_one_scrolls_up(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    log = connect(page)
    for _ in range(12):
        page.get_by_role("button", name="Send").click()
    expect(log.get_by_text("hello to you")).to_have_count(12)
    assert _gap(log) < 24

    # The log learns of it from an event of the next frame.
    log.evaluate("""log => new Promise((scrolled) => {
      log.addEventListener("scroll", scrolled, { once: true });
      log.scrollTop = 0;
    })""")
    page.get_by_role("button", name="Send").click()
    follow = page.get_by_role("button", name=re.compile(r"^\d+ new$"))
    expect(follow).to_be_visible()
    assert log.evaluate("log => log.scrollTop") == 0
    follow.click()
    expect(follow).to_be_hidden()
    assert _gap(log) < 24

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    events = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert [event["event"] for event in events].count("sent") == 13

    page.get_by_label("Filter the log").fill("said")
    expect(log.locator("> div:visible")).to_have_count(13)


def test_messages_are_kept_and_two_tabs_are_two_connections(desk: Desk, api: Api, ann: RestClient) -> None:
    page = open_client(desk, api)
    page.get_by_label("Message", exact=True).fill('{"action": "hello", "kept": true}')
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Name", exact=True).fill("a greeting")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    connect(page)

    page.get_by_role("button", name="New tab").click()
    expect(page.get_by_role("tab", name="Connection 2")).to_have_attribute("aria-selected", "true")
    panel = page.get_by_role("tabpanel", name="Connection 2")
    panel.get_by_role("button", name="Connect").click()
    expect(panel.get_by_role("log").get_by_text("Connected")).to_be_visible()
    assert ann.get(f"connections?apiId={api.api_id}")["total"] == 2

    panel.get_by_label("Message", exact=True).fill("")
    panel.get_by_text("Saved").click()
    panel.get_by_role("button", name="a greeting", exact=True).click()
    expect(panel.get_by_label("Message", exact=True)).to_have_value('{"action": "hello", "kept": true}')

    page.reload()
    page.get_by_text("Saved").click()
    page.get_by_role("button", name="Delete a greeting").click()
    expect(page.get_by_text("Nothing saved yet")).to_be_visible()


def test_headers_of_the_handshake_itself_are_refused_in_words(desk: Desk, api: Api) -> None:
    page = open_client(desk, api)
    section = page.get_by_role("group").filter(has_text="Headers")
    section.locator("summary").click()
    section.get_by_role("button", name="Add").click()
    section.get_by_placeholder("Name").fill("Host")
    section.get_by_placeholder("Value").fill("elsewhere.example")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("log").get_by_text("belongs to the handshake itself")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_and_is_accessible(desk: Desk, api: Api, theme: Theme, width: int) -> None:
    page = open_client(desk, api, theme=theme, width=width)
    connect(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_text("hello to you")).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)


def _gap(log: Locator) -> float:
    """How far the log is from its end."""
    return float(log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight"))
