"""The overview while things go on, and the first five minutes from an empty gateway."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from websockets.sync.client import connect

from tests.e2e.conftest import Desk, Theme, check_fits, sign_in, tabs
from tests.support.gateway import Gateway, answer, http_proxy, mock, one_way, two_way
from tests.support.ports import free_port
from tests.support.rest import administrator


@pytest.fixture(scope="module")
def api_url(gateway: Gateway) -> str:
    api = gateway.api(
        integrations={
            "greets": mock(IntegrationResponses=[answer(template='{"said": "hello"}')]),
            "down": http_proxy(f"http://127.0.0.1:{free_port()}/"),
        },
        routes={"hello": two_way("greets"), "fail": one_way("down")},
        stage="live",
    )
    return api.url


def test_figures_change_while_one_looks_on(desk: Desk, api_url: str) -> None:
    page = desk.open("/?range=5m")
    api_id, stage = api_url.split("/")[-2:]
    connected = page.locator(f'[data-figure="{api_id}/{stage} connections"]')
    expect(connected).to_have_text("0")

    with connect(api_url, compression=None) as client:
        expect(connected).to_have_text("1", timeout=15_000)
        for _ in range(30):
            client.send(json.dumps({"action": "hello"}))
            client.recv(15)
        expect(page.locator(f'[data-figure="{api_id}/{stage} messages_in"]')).not_to_have_text("0.0", timeout=15_000)
    expect(connected).to_have_text("0", timeout=15_000)


def test_errors_need_attention_and_lead_to_their_connections(desk: Desk, api_url: str) -> None:
    with connect(api_url, compression=None) as client:
        client.send(json.dumps({"action": "fail"}))
        client.recv(15)
        page = desk.open("/")
        attention = page.get_by_role("region", name="Needs attention").get_by_role("listitem")
        ours = attention.filter(has_text=re.compile(r"stage live: \d+ integration error"))
        while not ours.count():
            page.wait_for_timeout(200)
            page.reload()
        ours.get_by_role("link", name="Show them").click()
        expect(page.get_by_role("heading", name="Connections", level=1)).to_be_visible()
        expect(page.get_by_role("table")).to_contain_text("fail")


def test_calls_to_backends_are_listed_and_updated(desk: Desk, gateway: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as backend:
        url = f"http://127.0.0.1:{backend.getsockname()[1]}"
        api = gateway.api(integrations={"slow": http_proxy(url)}, routes={"slow": two_way("slow")}, stage="live")
        with connect(api.url, compression=None) as client:
            client.send(json.dumps({"action": "slow"}))
            call, _ = backend.accept()
            page = desk.open("/")
            table = page.get_by_role("table", name="Calls in progress to each backend, by API")
            expect(table.get_by_role("row").filter(has_text=url)).to_be_visible()
            under_way = page.locator(f'[data-figure="{api.api_id}/{url} active"]')
            expect(under_way).to_have_text("1")
            call.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
            assert client.recv(15) == "fine"
            expect(under_way).to_have_text("0", timeout=15_000)
        call.close()


def test_refused_calls_need_attention(browser: Browser, tmp_path: Path) -> None:
    settings = {"NOPAL_OUTBOUND_CONNECTIONS": "1", "NOPAL_OUTBOUND_QUEUE_LENGTH": "0"}
    with Gateway(tmp_path / "data", **settings) as gateway, socket.create_server(("127.0.0.1", 0)) as backend:
        administrator(gateway, "ann")
        url = f"http://127.0.0.1:{backend.getsockname()[1]}"
        api = gateway.api(integrations={"slow": http_proxy(url)}, routes={"slow": two_way("slow")}, stage="live")
        with connect(api.url, compression=None) as client:
            for _ in range(3):
                client.send(json.dumps({"action": "slow"}))
            for _ in range(2):
                assert json.loads(client.recv(15))["message"] == "Internal server error"
            with tabs(browser) as opened:
                page = opened.open(f"{gateway.endpoint}/", storage_state=sign_in(browser, gateway, "ann"))
                attention = page.get_by_role("region", name="Needs attention")
                expect(attention).to_contain_text(f"2 calls to {url} refused because too many were in progress")
                table = page.get_by_role("table", name="Calls in progress to each backend, by API")
                expect(table).to_contain_text("slow, stage live: 1 of 1 in progress, 0 waiting, 2 refused")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_and_is_accessible(desk: Desk, api_url: str, theme: Theme, width: int) -> None:
    page = desk.open("/", theme=theme, width=width)
    expect(page.get_by_role("img", name="In, a second")).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("empty") / "data") as gateway:
        yield gateway


def test_from_nothing_to_a_live_connection_in_a_few_clicks(empty: Gateway, browser: Browser, tmp_path: Path) -> None:
    administrator(empty, "ann")
    with tabs(browser) as opened:
        page = opened.open(f"{empty.endpoint}/", storage_state=sign_in(browser, empty, "ann"))
        page.get_by_role("button", name="Create the API “hello”").click()
        expect(page.get_by_role("heading", name="Test client")).to_be_visible()
        page.get_by_role("button", name="Connect").click()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("log").get_by_text("Hello from Nopal!")).to_be_visible()

        other = page.context.new_page()
        other.goto(f"{empty.endpoint}/connections")
        row = other.get_by_role("row").filter(has_text="hello")
        expect(row).to_contain_text("$default")
        row.get_by_role("link").first.click()
        expect(other.get_by_role("heading", level=1)).to_be_visible()
