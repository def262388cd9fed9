"""The designer's tab "Test" in a real browser: messages tried and truly sent, their way in the picture, test cases."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from websockets.sync.client import connect

from tests.e2e.conftest import PASSWORD, Desk, Theme, check_fits, tabs
from tests.support.gateway import Api, Gateway, answer, http_proxy, mock, one_way, two_way
from tests.support.rest import RestClient


class Backend(ThreadingHTTPServer):
    """Answers every call with what it heard, and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.heard: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/in"


class _Echo(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(body)
        answer = json.dumps({"heard": body.get("text", "")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing: the requests are remembered."""


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with Backend() as backend:
        thread = threading.Thread(target=backend.serve_forever, daemon=True)
        thread.start()
        yield backend
        backend.shutdown()
        thread.join()


@pytest.fixture
def api(gateway: Gateway, backend: Backend, afterwards: ExitStack) -> Api:
    """A two-way route to the backend, a one-way route to a mock; deployed to the stage `test`."""
    api = gateway.api(
        integrations={"here": http_proxy(backend.url), "mock": mock(IntegrationResponses=[answer()])},
        routes={"ask": two_way("here"), "note": one_way("mock"), "$connect": one_way("mock")},
    )
    afterwards.callback(gateway.management.delete_api, ApiId=api.api_id)
    return api


class Bench:
    """The page with its tab "Test" open."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.get_by_role("complementary", name="About what is selected")
        self.message = self.panel.get_by_label("Message from a client")
        self.against = self.panel.get_by_label("Try it on")
        self.result = self.panel.get_by_role("article", name="Result")
        self.status = page.locator("[data-status]")
        self.dialog = page.get_by_role("dialog", name=re.compile("test case"))
        page.locator(".node").first.wait_for()
        page.get_by_role("button", name="Test", exact=True).click()
        expect(self.message).to_be_focused()

    def try_out(self, message: str) -> None:
        self.message.fill(message)
        self.message.press("Control+Enter")

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("button", name=name, exact=True)

    def lit(self) -> list[str]:
        nodes = self.page.locator(".node.is-lit").all()
        return [str(node.get_attribute("data-key")).partition("/")[0] for node in nodes]

    def case(self, name: str) -> Locator:
        return self.panel.get_by_role("listitem").filter(has=self.page.get_by_role("button", name=name, exact=True))

    def mark(self, name: str) -> Locator:
        return self.case(name).get_by_role("img")

    def keep(self, name: str, route: str, *checks: tuple[str, str, str, str]) -> None:
        """Keep the message under a name; checks are what is checked, how, a path and a value."""
        self.button("Save as test case…").click()
        self.dialog.get_by_label("Name").fill(name)
        self.dialog.get_by_label("Takes route").select_option(route)
        for of, how, path, value in checks:
            self.dialog.get_by_role("button", name="Add a check").click()
            row = self.dialog.get_by_role("group", name="Check").last
            row.get_by_label("What is checked").select_option(of)
            row.get_by_label("How").select_option(how)
            if path:
                row.get_by_label("JSON path").fill(path)
            row.get_by_label("Expected").fill(value)
        self.dialog.get_by_role("button", name="Save").click()
        expect(self.dialog).to_be_hidden()


@pytest.fixture
def bench(api: Api, desk: Desk) -> Bench:
    return Bench(desk.open(f"/apis/{api.api_id}/designer"))


# trying


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_and_is_accessible(api: Api, desk: Desk, ann: RestClient, theme: Theme, width: int) -> None:
    keep(ann, api, "goes astray", '{"action": "ask"}', {"routeKey": "note"})
    page = desk.open(f"/apis/{api.api_id}/designer", theme=theme, width=width)
    bench = Bench(page)
    bench.try_out('{"action": "ask", "text": "a very long text without any space: ' + 90 * "x" + '"}')
    expect(bench.result.get_by_role("heading", name="Takes route ask")).to_be_visible()
    expect(bench.mark("goes astray")).to_have_accessible_name("failed")
    bench.result.get_by_text("How it was mapped").click()
    check_fits(page)
    desk.check_accessibility(page)
    canvas, panel = page.locator("[data-canvas]").bounding_box(), bench.panel.bounding_box()
    assert canvas is not None
    assert panel is not None
    if width == 390:
        assert panel["y"] >= canvas["y"] + canvas["height"], "the panel lies beneath the picture"

    bench.button("Truly send").click()
    expect(bench.result).to_contain_text("Step by step")
    bench.button("Change goes astray").click()
    expect(bench.dialog).to_be_visible()
    check_fits(page)
    desk.check_accessibility(page)


def keep(ann: RestClient, api: Api, name: str, message: str, expectations: dict[str, Any]) -> None:
    ann.post(f"apis/{api.api_id}/test-cases", {"name": name, "message": message, "expectations": expectations})


def test_a_message_s_way_lights_up_and_is_told(bench: Bench, api: Api, backend: Backend) -> None:
    heard = len(backend.heard)
    bench.try_out('{"action": "ask", "text": "hello"}')
    expect(bench.result).to_contain_text("dry run: nobody was called")
    expect(bench.result).to_contain_text("$request.body.action = ask")
    expect(bench.result).to_contain_text("The expression's value is the key of the route ask.")
    expect(bench.result).to_contain_text(f"POST {backend.url}")
    expect(bench.result).to_contain_text("and back to the client")
    expect(bench.result).to_contain_text("Both do the same with this message.")
    expect(bench.page.locator(".node.is-lit")).to_have_count(5)
    assert bench.lit() == ["client", "selector", "route", "integration", "backend"]
    expect(bench.page.locator(".edge.is-lit")).to_have_count(4)
    expect(bench.status).to_contain_text("Takes route ask")
    assert len(backend.heard) == heard

    # What no route takes stops at the selector; the panel closed, the light goes out.
    bench.try_out('{"action": "lost"}')
    expect(bench.result.get_by_role("heading", name="No route takes it")).to_be_visible()
    expect(bench.result).to_contain_text("Forbidden")
    assert bench.lit() == ["client", "selector"]
    bench.message.press("Escape")
    expect(bench.page.locator(".is-lit")).to_have_count(0)


def test_mistakes_in_json_are_placed_and_text_is_tried_all_the_same(bench: Bench) -> None:
    bench.message.fill('{"action": "ask",\n "text" "x"}')
    expect(bench.panel).to_contain_text("Not JSON: line 2, column 9: expected a colon")
    bench.button("Dry run").click()
    expect(bench.result).to_contain_text("The message is not JSON, and there is no route $default to take it.")
    bench.message.fill('{"action":"ask"}')
    expect(bench.panel).to_contain_text("Below is what became of an earlier message.")
    bench.button("Format").click()
    expect(bench.message).to_have_value('{\n  "action": "ask"\n}')


def test_draft_and_stage_stand_side_by_side_where_they_differ(bench: Bench, api: Api) -> None:
    bench.try_out('{"action": "note"}')
    expect(bench.result).to_contain_text("Both do the same with this message.")
    # The draft changes under the eyes of whoever tests: the dry run follows.
    target = f"integrations/{api.integration_ids['here']}"
    api.management.update_route(ApiId=api.api_id, RouteId=api.route_ids["note"], Target=target)
    table = bench.result.get_by_role("table", name=re.compile("Where the draft does otherwise"))
    expect(table).to_contain_text("Kind of request")
    expect(table.get_by_role("row").filter(has_text="mock")).to_contain_text("http")

    bench.against.select_option(label="what stage test serves now")
    bench.button("Dry run").click()
    expect(bench.result).to_contain_text("On what stage test serves.")
    expect(bench.result).to_contain_text("The MOCK integration answers by itself, with status 200.")
    bench.against.select_option(label="the draft, without a stage")
    bench.button("Dry run").click()
    expect(bench.result).to_contain_text("On the draft.")
    expect(table).to_have_count(0)


def test_a_message_is_truly_sent_and_told_step_by_step(bench: Bench, backend: Backend) -> None:
    expect(bench.panel).to_contain_text("Truly send really calls the backend")
    bench.message.fill('{"action": "ask", "text": "truly"}')
    bench.button("Truly send").click()
    expect(bench.result).to_contain_text("sent: the backend was called")
    expect(bench.result.get_by_label("Frame for the client")).to_have_text('{"heard": "truly"}')
    assert backend.heard[-1]["text"] == "truly"
    for step in ("Received", "Route selected", "Request mapped", "Integration called", "Response mapped"):
        expect(bench.result.get_by_text(step, exact=True)).to_be_visible()
    expect(bench.page.locator(".node.is-lit")).to_have_count(5)

    bench.message.fill('{"action": "note"}')
    bench.button("Truly send").click()
    expect(bench.result).to_contain_text("sent: the MOCK integration answered")
    expect(bench.result).to_contain_text("Nothing: route note is one-way.")
    bench.message.fill("nobody takes this")
    bench.button("Truly send").click()
    expect(bench.result).to_contain_text("sent: it reached no backend")
    expect(bench.result.get_by_label("Frame for the client")).to_contain_text("Forbidden")


def test_a_message_is_taken_from_the_live_traffic(bench: Bench, api: Api) -> None:
    bench.panel.get_by_text("Take one from the live traffic").click()
    expect(bench.panel).to_contain_text("What clients send from now on is listed here.")
    rows = bench.panel.get_by_role("button").filter(has_text="from a client")
    with connect(api.url, compression=None) as client:
        client.send('{"action": "ask", "text": "from a client"}')
        client.recv(15)
        expect(rows).to_have_count(1)
    rows.click()
    expect(bench.message).to_have_value('{\n  "action": "ask",\n  "text": "from a client"\n}')
    expect(bench.message).to_be_focused()


def test_the_message_fits_the_route_that_one_looks_at(api: Api, desk: Desk) -> None:
    page = desk.open(f"/apis/{api.api_id}/designer")
    page.get_by_role("button", name=re.compile("^Route note,")).click()
    page.get_by_role("tab", name="Test").click()
    message = page.get_by_label("Message from a client")
    expect(message).to_have_value('{\n  "action": "note"\n}')
    page.get_by_role("button", name=re.compile("^Route .connect,")).click()
    expect(page.get_by_role("tab", name="Test")).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Route ask,")).click()
    page.get_by_role("tab", name="Test").click()
    expect(message).to_have_value('{\n  "action": "ask"\n}')


def test_details_that_come_late_stay_out_of_the_test(api: Api, desk: Desk) -> None:
    page = desk.open(f"/apis/{api.api_id}/designer")
    page.evaluate("""() => {
      const fetch = window.fetch, released = new Promise((release) => { window.release = release; });
      let answer;
      window.answered = new Promise((resolve) => { answer = resolve; });
      window.fetch = async (url, options) => {
        if (!String(url).includes("/panel")) return fetch(url, options);
        await released;
        const response = await fetch(url, options);
        setTimeout(answer, 100); // once the page has done with it
        return response;
      };
    }""")
    page.get_by_role("button", name=re.compile("^Route note,")).click()
    page.get_by_role("tab", name="Test").click()
    page.evaluate("() => { window.release(); return window.answered; }")
    expect(page.get_by_label("Message from a client")).to_be_visible()
    expect(page.get_by_label("Operation name")).to_have_count(0)
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_label("Operation name")).to_be_visible()


def test_the_way_leads_through_folded_routes(
    desk: Desk, gateway: Gateway, ann: RestClient, afterwards: ExitStack
) -> None:
    routes = {f"route-{number}": {"integration": "echo"} for number in range(45)}
    echo = {"integrationType": "MOCK", "requestTemplates": {"$default": '{"statusCode": 200}'}}
    document = {
        "nopal": 1,
        "api": {"name": "many", "routeSelectionExpression": "$request.body.action"},
        "integrations": {"echo": echo},
        "routes": routes,
    }
    api_id = ann.post("import", {"document": json.dumps(document)})["apiId"]
    afterwards.callback(gateway.management.delete_api, ApiId=api_id)
    bench = Bench(desk.open(f"/apis/{api_id}/designer"))
    bench.try_out('{"action": "route-7"}')
    expect(bench.page.locator(".node.is-lit")).to_have_count(4)
    assert sorted(bench.lit()) == ["client", "group", "integration", "selector"]
    expect(bench.page.locator(".edge.is-lit")).to_have_count(3)


# test cases


def test_test_cases_are_kept_run_changed_and_deleted(bench: Bench, api: Api, ann: RestClient) -> None:
    bench.message.fill('{"action": "ask", "text": "hi"}')
    bench.keep("asking is heard", "ask", ("request", "path", "text", "hi"), ("response", "path", "heard", "hi"))
    expect(bench.mark("asking is heard")).to_have_accessible_name("passed as far as a dry run shows")
    expect(bench.case("asking is heard")).to_contain_text("The rest shows when it is truly sent.")
    [kept] = ann.get(f"apis/{api.api_id}/test-cases")["items"]
    assert kept["expectations"] == {
        "routeKey": "ask",
        "request": [{"path": "text", "equals": "hi"}],
        "response": [{"path": "heard", "equals": "hi"}],
    }

    bench.button("Truly send asking is heard").click()
    expect(bench.mark("asking is heard")).to_have_accessible_name("passed")
    expect(bench.button("Truly send asking is heard")).to_be_focused()

    # What fails says what it expects and what it got.
    bench.button("Change asking is heard").click()
    bench.dialog.get_by_label("Name").fill("asking is noted")
    bench.dialog.get_by_label("Takes route").select_option("note")
    bench.dialog.get_by_role("button", name="Save").click()
    expect(bench.mark("asking is noted")).to_have_accessible_name("failed")
    expect(bench.case("asking is noted")).to_contain_text("It takes route ask instead of route note.")
    expect(bench.status).to_contain_text("Saved test case asking is noted.")

    bench.button("Delete asking is noted").click()
    expect(bench.case("asking is noted")).to_have_count(0)
    bench.page.get_by_role("button", name="Undo").last.click()
    expect(bench.mark("asking is noted")).to_have_accessible_name("failed")
    bench.message.fill("")
    bench.button("asking is noted").click()
    expect(bench.message).to_have_value('{"action": "ask", "text": "hi"}')
    expect(bench.result.get_by_role("heading", name="Takes route ask")).to_be_visible()


def test_all_are_run_or_sent_and_follow_the_draft(api: Api, desk: Desk, ann: RestClient, backend: Backend) -> None:
    keep(ann, api, "asks", '{"action": "ask", "text": "all"}', {"routeKey": "ask", "status": 200})
    keep(ann, api, "notes", '{"action": "note"}', {"routeKey": "note"})
    bench = Bench(desk.open(f"/apis/{api.api_id}/designer"))
    expect(bench.panel).to_contain_text("All 2 passed.")
    bench.button("Send all").click()
    expect(bench.case("notes")).to_contain_text("Truly sent.")
    expect(bench.mark("asks")).to_have_accessible_name("passed")
    assert backend.heard[-1]["text"] == "all"

    api.management.update_route(ApiId=api.api_id, RouteId=api.route_ids["note"], RouteKey="renamed")
    expect(bench.mark("notes")).to_have_accessible_name("failed")
    expect(bench.panel).to_contain_text("1 of 2 failed.")
    bench.against.select_option(label="what stage test serves now")
    expect(bench.panel).to_contain_text("All 2 passed.")

    # The deployment is warned of, by name.
    bench.page.get_by_role("button", name="Deploy…").click()
    dialog = bench.page.get_by_role("dialog", name="Deploy the draft")
    expect(dialog).to_contain_text("Test case notes fails: It takes no route instead of route note.")
    expect(dialog).to_contain_text("1 of 2 fail on the draft: see What to know.")
    expect(dialog.get_by_role("button", name="Deploy", exact=True)).to_be_enabled()


def test_a_name_that_is_taken_is_refused_in_the_dialog(api: Api, desk: Desk, ann: RestClient) -> None:
    keep(ann, api, "twice", "{}", {})
    bench = Bench(desk.open(f"/apis/{api.api_id}/designer"))
    expect(bench.case("twice")).to_be_visible()
    bench.button("Save as test case…").click()
    bench.dialog.get_by_label("Name").fill("twice")
    bench.dialog.get_by_role("button", name="Save").click()
    expect(bench.dialog.get_by_role("alert")).to_contain_text("There is a test case twice already")
    bench.dialog.get_by_label("Name").fill("once")
    bench.dialog.get_by_role("button", name="Save").click()
    expect(bench.status).to_contain_text("Saved test case once.")
    assert len(ann.get(f"apis/{api.api_id}/test-cases")["items"]) == 2


# by keyboard, and with little permission


def test_everything_is_done_by_keyboard(api: Api, desk: Desk, ann: RestClient) -> None:
    page = desk.open(f"/apis/{api.api_id}/designer")
    route = page.get_by_role("button", name=re.compile("^Route note,"))
    route.focus()
    page.keyboard.press("m")
    message = page.get_by_label("Message from a client")
    expect(message).to_be_focused()
    expect(message).to_have_value('{\n  "action": "note"\n}')
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-status]")).to_contain_text("Takes route note")
    expect(message).to_be_focused()
    keep_it = page.get_by_role("button", name="Save as test case…")
    for _ in range(20):
        page.keyboard.press("Tab")
        if keep_it.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Takes route")).to_have_value("note")
    page.keyboard.type("noted")
    page.keyboard.press("Enter")
    case = page.get_by_role("button", name="noted", exact=True)
    expect(case).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_contain_text("noted passed.")
    expect(page.get_by_role("button", name="Dry run of noted")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="About what is selected")).to_be_hidden()
    expect(route).to_be_focused()


def test_a_viewer_tries_but_neither_sends_nor_keeps(
    gateway: Gateway, browser: Browser, ann: RestClient, api: Api
) -> None:
    keep(ann, api, "theirs", '{"action": "ask"}', {"routeKey": "ask"})
    ann.post("users", {"username": "vic", "password": PASSWORD, "roles": [{"role": "viewer", "apiId": None}]})
    with tabs(browser) as opened:
        page = opened.open(f"{gateway.endpoint}/signin?next=/apis/{api.api_id}/designer")
        page.get_by_label("Username").fill("vic")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        bench = Bench(page)
        expect(bench.mark("theirs")).to_have_accessible_name("passed")
        bench.try_out('{"action": "ask"}')
        expect(bench.result.get_by_role("heading", name="Takes route ask")).to_be_visible()
        for name in ("Truly send", "Save as test case…", "Send all", "Change theirs", "Delete theirs"):
            expect(bench.button(name)).to_have_count(0)
