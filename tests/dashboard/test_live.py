"""Sockets of viewers over the real server: who may open one, and when it ends."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from socket import create_connection
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.live import LiveConsumer
from tests.dashboard.conftest import PASSWORD
from tests.support.gateway import PATIENCE, Gateway, mock, one_way, wait_until
from tests.support.rest import RestClient, administrator

ENDED = 4401


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("live") / "data") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def ann(gateway: Gateway) -> RestClient:
    return administrator(gateway, "ann")


class Browser:
    """Someone's cookies, and what a browser does with them."""

    def __init__(self, gateway: Gateway, username: str) -> None:
        self.gateway = gateway
        self.cookies: dict[str, str] = {}
        self.request("GET", "/signin")
        self.request("POST", "/signin", username=username, password=PASSWORD)
        assert "nopal_session" in self.cookies

    def request(self, method: str, path: str, **form: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=PATIENCE)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        if method == "POST":
            form["csrfmiddlewaretoken"] = self.cookies["nopal_csrf"]
        connection.request(method, path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        connection.close()
        return answer.status

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @contextmanager
    def watching(self, path: str = "/live/home/", **options: Any) -> Iterator[ClientConnection]:
        headers = {"Cookie": self.cookie, **options.pop("headers", {})}
        options.setdefault("origin", f"http://127.0.0.1:{self.gateway.port}")
        url = f"ws://127.0.0.1:{self.gateway.port}{path}"
        with connect(url, additional_headers=headers, compression=None, **options) as socket:
            yield socket


@pytest.fixture
def bea(gateway: Gateway, ann: RestClient) -> Iterator[tuple[Browser, str]]:
    """A viewer, and where the REST API has her."""
    made = ann.post("users", {"username": "bea", "password": PASSWORD, "roles": [{"role": "viewer"}]})
    path = f"users/{made['userId']}"
    yield Browser(gateway, "bea"), path
    ann("DELETE", path)


def ended(socket: ClientConnection) -> int | None:
    """The code that the server closes the socket with, once it does."""
    try:
        while True:
            socket.recv(PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_a_viewer_is_told_of_what_goes_on(bea: tuple[Browser, str]) -> None:
    with bea[0].watching() as socket:
        assert json.loads(socket.recv(PATIENCE)).keys() == {"total", "stages", "backends"}


def test_a_connection_s_page_has_what_happened_since_it_was_asked_for(
    gateway: Gateway, ann: RestClient, bea: tuple[Browser, str]
) -> None:
    api = gateway.api(integrations={"greets": mock()}, routes={"$default": one_way("greets")})
    with connect(api.url, compression=None) as client:
        [connection] = wait_until(lambda: ann.get(f"connections?apiId={api.api_id}")["items"])
        connection_id = quote(connection["connectionId"])
        assert bea[0].request("GET", f"/connections/{connection_id}") == 200
        client.send("before the page's socket is open")
        wait_until(lambda: ann.get(f"connections/{connection_id}")["live"]["messagesIn"] == 1)
        with bea[0].watching(f"/live/connections/one/{connection_id}") as socket:
            while "frames" not in (told := json.loads(socket.recv(PATIENCE))):
                pass
    assert "before the page's socket is open" in json.dumps(told)


def test_the_page_of_traffic_has_what_passed_since_it_was_asked_for(
    gateway: Gateway, ann: RestClient, bea: tuple[Browser, str]
) -> None:
    api = gateway.api(integrations={"greets": mock()}, routes={"$default": one_way("greets")})
    with connect(api.url, compression=None) as client:
        assert bea[0].request("GET", f"/traffic?api={api.api_id}&kind=message") == 200
        client.send("before the page's socket is open")
        wait_until(lambda: ann.get(f"traces?apiId={api.api_id}&kind=message")["items"])
        with bea[0].watching(f"/live/traffic/?after=0&api={api.api_id}&kind=message") as socket:
            client.send("after it")
            previews: list[str] = []
            while len(previews) < 2:
                previews += [row["preview"] for row in json.loads(socket.recv(PATIENCE))["rows"]]
    assert previews == ["before the page's socket is open", "after it"]


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "http://localhost"],
)
def test_no_page_of_another_origin_opens_one(bea: tuple[Browser, str], origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, bea[0].watching(origin=origin):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["http://[", "//[", "http://\uff0f", "http://]:80", ""])
def test_a_malformed_origin_is_refused_without_a_traceback(
    gateway: Gateway, bea: tuple[Browser, str], origin: str
) -> None:
    before = len(gateway.log())
    headers = {"Origin": origin.encode().decode("latin-1")}
    with pytest.raises(InvalidStatus) as refused, bea[0].watching(origin=None, headers=headers):
        pass
    assert refused.value.response.status_code == 403
    assert "Traceback" not in gateway.log()[before:]


@pytest.mark.parametrize(
    "foreign",
    [
        'prefs={"theme":"dark"}',
        "a b=c d",
        "list=[1,2]",
        'quoted="\\"',
        "=x",
        "\xe9=\xe9",
        "$Path=/; domain=x",
        "",
        "name",
    ],
)
def test_cookies_of_another_application_do_no_harm(bea: tuple[Browser, str], foreign: str) -> None:
    """Cookies ignore ports (RFC 6265 section 8.5), so those of every application on the host come along."""
    for cookie in (f"{foreign}; {bea[0].cookie}", f"{bea[0].cookie}; {foreign}"):
        with bea[0].watching(headers={"Cookie": cookie}) as socket:
            socket.recv(PATIENCE)


@pytest.mark.parametrize("cookie", ["", "nopal_session=invented", 'nopal_session="; x'])
def test_nobody_opens_one_without_a_session(bea: tuple[Browser, str], cookie: str) -> None:
    with pytest.raises(InvalidStatus) as refused, bea[0].watching(headers={"Cookie": cookie}):
        pass
    assert refused.value.response.status_code == 403


def test_nobody_opens_one_that_their_role_does_not_allow(bea: tuple[Browser, str]) -> None:
    with pytest.raises(InvalidStatus) as refused, bea[0].watching("/live/client/"):
        pass
    assert refused.value.response.status_code == 403


def test_an_address_that_is_none_is_refused(bea: tuple[Browser, str]) -> None:
    with pytest.raises(InvalidStatus) as refused, bea[0].watching("/live/nothing/"):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("address", ["/live/traffic/?api=%00", "/live/connections/one/a%00b"])
def test_an_address_with_a_nul_is_refused(bea: tuple[Browser, str], address: str) -> None:
    with pytest.raises(InvalidStatus) as refused, bea[0].watching(address):
        pass
    assert refused.value.response.status_code == 400


def test_it_ends_when_one_signs_out(bea: tuple[Browser, str]) -> None:
    browser, _ = bea
    with browser.watching() as socket:
        socket.recv(PATIENCE)
        assert browser.request("POST", "/signout") == 302
        assert ended(socket) == ENDED


@pytest.mark.parametrize("change", [{"roles": []}, {"active": False}])
def test_it_ends_when_the_role_or_the_person_is_taken_away(
    bea: tuple[Browser, str], ann: RestClient, change: dict[str, Any]
) -> None:
    browser, path = bea
    with browser.watching() as socket:
        socket.recv(PATIENCE)
        assert ann("PATCH", path, change).status == 200
        assert ended(socket) == ENDED


def test_a_look_that_the_database_fails_is_not_the_last(
    gateway: Gateway, ann: RestClient, bea: tuple[Browser, str]
) -> None:
    """Each change makes the gateway look whether a viewer may still watch. Without this table it cannot tell."""
    browser, path = bea
    with browser.watching() as socket, closing(gateway.database()) as database:
        socket.recv(PATIENCE)
        database.execute("PRAGMA legacy_alter_table = ON")
        database.execute("ALTER TABLE gatewayapp_roleassignment RENAME TO away")
        ann.post("access-keys", {"name": "any change", "permissions": []})
        assert browser.request("GET", "/") == 500
        database.execute("ALTER TABLE away RENAME TO gatewayapp_roleassignment")
        assert ann("PATCH", path, {"roles": []}).status == 200
        assert ended(socket) == ENDED


async def test_a_change_during_a_look_causes_another() -> None:
    class Viewer(LiveConsumer):
        looks = 0
        code: int | None = None

        async def watch(self) -> None: ...

        async def _is_allowed(self) -> bool:
            self.looks += 1
            self.changed.set()  # the role is taken away just after it was read
            return self.looks == 1

        async def close(self, code: int | None = None, reason: str | None = None) -> None:
            self.code = code

    viewer = Viewer()
    viewer.changed = asyncio.Event()
    await asyncio.wait_for(viewer._recheck(), PATIENCE)
    assert (viewer.looks, viewer.code) == (2, ENDED)


def test_a_page_that_asks_for_too_much_is_closed(gateway: Gateway, ann: RestClient) -> None:
    before = len(gateway.log())
    with Browser(gateway, "ann").watching("/live/connections/act") as socket:
        for _ in range(4):  # more than wait their turn
            socket.send(json.dumps({"do": "disconnect", "conditions": "&a=1" * 2000}))
        assert ended(socket) == 1008
    assert "Traceback" not in gateway.log()[before:]


@pytest.mark.parametrize("message", ["[" * 60_000, '{"a":' * 10_000, '{"do":"\\ud800"}', '{"do":NaN}', "null"])
def test_what_is_no_message_is_passed_over(gateway: Gateway, bea: tuple[Browser, str], message: str) -> None:
    before = len(gateway.log())
    with bea[0].watching() as socket:
        socket.send(message)
        socket.recv(PATIENCE)
        assert socket.ping().wait(PATIENCE)
    assert "Traceback" not in gateway.log()[before:]


def test_one_client_fills_no_log(gateway: Gateway) -> None:
    """Ten lines of a kind a minute, whatever stands in them."""
    before = len(gateway.log())
    for number in range(40):
        gateway.http("GET", f"/nowhere/{number}")
        gateway.http("GET", "/signin", headers={"Host": f"host-{number}.example"})
        url, dialled = f"ws://host-{number}.example/ws/abcdefghij/test", create_connection(("127.0.0.1", gateway.port))
        with pytest.raises(InvalidStatus), connect(url, sock=dialled):
            pass

    log = gateway.log()[before:]
    for kind in ("Not Found: /nowhere/", "Invalid HTTP_HOST header", "Refused a handshake for the host"):
        assert 0 < log.count(kind) <= 10, kind
    assert "Traceback" not in log


def test_it_ends_when_the_gateway_does(gateway: Gateway, ann: RestClient) -> None:
    browser = Browser(gateway, "ann")
    with browser.watching() as socket:
        socket.recv(PATIENCE)
        assert gateway.end() == 0
        assert ended(socket) in (1001, 1012)
